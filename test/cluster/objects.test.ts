import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as pulumi from "@pulumi/pulumi";

import {
  CronTrigger,
  EndpointTrigger,
  Environment,
  FullCodeFunction,
  kubernetes,
  QueueTrigger,
  ServerlessApp,
} from "../../src";
import { codeFolder } from "../support/codeFolder";
import { CheckedObjects, UnbuiltImages } from "./support/dryRun";
import { StandInEngine } from "./support/engine/standInEngine";
import { copyQuickstartForClusters } from "./support/quickstart";

describe("the API server accepts", () => {
  const before = process.cwd();
  const engines: StandInEngine[] = [];
  let folder: string;
  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "fullcode-objects-")));
  });
  afterAll(async () => {
    process.chdir(before);
    for (const engine of engines) await engine.destroy();
    await rm(folder, { recursive: true });
  });

  /** What a program registers, as the API servers would make it; fails with all that they refuse or warn of. */
  async function check(program: () => unknown) {
    const objects = new CheckedObjects();
    const engine = new StandInEngine("objects", `check-${engines.length}`, {
      kubernetes: objects,
      docker: new UnbuiltImages(),
    });
    engines.push(engine);
    await engine.deploy(program);
    return objects.checked;
  }

  /** Kind → how many of it. */
  function countKinds(checked: CheckedObjects["checked"], context: string): Record<string, number> {
    const kinds: Record<string, number> = {};
    for (const { object } of checked.filter((each) => each.context === context))
      kinds[object.kind] = (kinds[object.kind] ?? 0) + 1;
    return kinds;
  }

  test("every object of the quickstart in two clusters", async () => {
    process.chdir(await copyQuickstartForClusters(folder));
    const program = join(process.cwd(), "index.ts");
    const checked = await check(() => jest.requireActual<object>(program));
    expect(countKinds(checked, "eu")).toEqual(countKinds(checked, "us"));
    expect(countKinds(checked, "eu")).toMatchObject({
      Namespace: 1,
      ConfigMap: 1 + 4 + 5,
      Deployment: 1 + 4,
      ScaledObject: 4,
      StatefulSet: 1,
      PodDisruptionBudget: 2,
    });
  });

  test("objects of all other kinds, and of most arguments", async () => {
    process.chdir(folder);
    const checked = await check(declareEverything);
    const { eu, us } = { eu: countKinds(checked, "eu"), us: countKinds(checked, "us") };
    expect(eu).toMatchObject({ Ingress: 1, NetworkPolicy: 6, StatefulSet: 1 });
    expect(us).toMatchObject({ HTTPRoute: 1 });
    expect(us).not.toHaveProperty("ScaledObject");
    expect(us).not.toHaveProperty("NetworkPolicy");
    expect(us).not.toHaveProperty("StatefulSet");
  });

  test("no pod that is less than restricted", async () => {
    process.chdir(folder);
    await expect(check(declareUnrestricted)).rejects.toThrow(/would violate PodSecurity "restricted/);
  });
});

function declareEverything() {
  const app = new ServerlessApp("every", {
    params: { currency: "EUR", key: pulumi.secret("key") },
    sessions: { jwksUrl: "https://id.example.com:8443/keys" },
  });
  const registry = "registry.example.com/every";
  const regions = {
    eu: kubernetes({
      context: "eu",
      registry,
      registryCredentials: { username: "ci", password: "secret" },
      ingress: { host: "eu.example.com", className: "nginx", tlsSecret: "tls", annotations: { "example.com/a": "b" } },
      nats: { replicas: 3, storage: "20Gi", memory: 256 },
      gateway: { replicas: 3, cpu: 0.5, memory: 512 },
      nodeSelector: { "kubernetes.io/os": "linux" },
      tolerations: [{ key: "spot", operator: "Exists", effect: "NoSchedule" }],
      priorityClassName: "system-cluster-critical",
      runtimeClassName: "sandboxed",
      labels: { "example.com/team": "shop" },
      annotations: { "example.com/owner": "shop" },
      networkPolicies: { ingressNamespace: "ingress-nginx", egress: [{ cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] }] },
      scalingBehavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
      linkGeneration: 2,
    }),
    us: kubernetes({
      context: "us",
      registry,
      imagePullSecrets: ["registry"],
      httpRoute: { host: "us.example.com", gateway: { name: "public", namespace: "gateways" } },
      service: { annotations: { "example.com/a": "b" } },
      nats: { url: "nats://nats.example.com:4222", credentials: { user: "shop", password: "secret" } },
      autoscaler: "none",
      networkPolicies: false,
    }),
  };
  const production = new Environment("production", { app, type: "live", regions });
  const orders = new FullCodeFunction("orders", {
    app,
    environments: [production],
    code: codeFolder({ "src/index.js": "module.exports = () => {};" }),
    timeout: 12.5,
    scale: { min: 1, max: 20, idle: 90.5 },
    variables: { STRIPE_KEY: pulumi.secret("key") },
    egress: ["internet", { namespace: "payments", podLabels: { app: "cards" }, ports: [8443] }],
  });
  const convert = new FullCodeFunction("convert", {
    app,
    environments: [production],
    code: codeFolder({ bootstrap: { text: "#!/bin/sh\n", mode: 0o755 } }),
    baseImage: "localhost:5000/node:20",
    userData: "level=$(LEVEL)",
    variables: { MODE: "fast" },
    agency: { accessKey: "AK", secretKey: pulumi.secret("SK") },
  });
  new EndpointTrigger("get-order", { function: orders, path: "/orders/:id", session: "required" });
  new QueueTrigger("placed", { function: convert, queue: "orders" });
  new CronTrigger("nightly", { function: orders, schedule: "0 2 * * *" });
}

/** A transform can take away what makes pods safe; the cluster says so. */
function declareUnrestricted() {
  const app = new ServerlessApp("open");
  const eu = kubernetes({
    context: "eu",
    registry: "registry.example.com/open",
    transform: {
      StatefulSet: ({ spec }) => {
        delete spec.template.spec.securityContext;
      },
    },
  });
  new Environment("production", { app, type: "live", regions: { eu } });
}
