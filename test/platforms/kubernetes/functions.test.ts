import * as pulumi from "@pulumi/pulumi";

import {
  EndpointTrigger,
  Environment,
  FullCodeFunction,
  type FullCodeFunctionArgs,
  kubernetes,
  type KubernetesArgs,
  ServerlessApp,
} from "../../../src";
import { linkToken } from "../../../src/link/linkToken";
import { codeFolder, removeCodeFolders } from "../../support/codeFolder";
import { autonamed, rootSecret } from "../../support/clusterProviders";
import { type DeclaredCluster, declareCluster, inProjectFolder } from "../../support/declareCluster";
import { declareShop } from "./shop";

inProjectFolder();
beforeEach(() => {
  jest.spyOn(console, "log").mockImplementation();
  jest.spyOn(console, "warn").mockImplementation();
});
afterAll(removeCodeFolders);

const REGION: KubernetesArgs = {
  registry: "registry.example.com/shop",
  gateway: { image: "registry.example.com/gateway:1" },
  namespace: "shop",
};

/** One function in one region. */
function declareFunction(
  args: Partial<FullCodeFunctionArgs> = {},
  region: Partial<KubernetesArgs> = {},
  files: Parameters<typeof codeFolder>[0] = { "src/index.js": "" },
): Promise<DeclaredCluster> {
  return declareCluster(() => {
    const app = new ServerlessApp("shop");
    const regions = { eu: kubernetes({ ...REGION, ...region }) };
    const environment = new Environment("test", { app, type: "test", regions });
    const orders = new FullCodeFunction("orders", {
      app,
      environments: [environment],
      code: codeFolder(files),
      ...args,
    });
    new EndpointTrigger("list", { function: orders, path: "/orders" });
  });
}
const BOOTSTRAP = { bootstrap: { text: "#!/bin/sh\n", mode: 0o755 } };
const NAME = "orders.test.eu";

describe("a Node.js function", () => {
  let cluster: DeclaredCluster;
  let deployment: Deployment;
  beforeAll(async () => {
    jest.spyOn(console, "warn").mockImplementation();
    cluster = await declareCluster(() => declareShop());
    deployment = cluster.object<Deployment>("Deployment", "orders.production.eu");
  });

  test("is a Deployment whose number of pods is the autoscaler's", () => {
    const { version } = cluster.document("orders.production.eu");
    const labels = {
      "app.kubernetes.io/name": "orders",
      "app.kubernetes.io/component": "function",
      "app.kubernetes.io/part-of": "shop",
      "app.kubernetes.io/managed-by": "fullcode",
      "app.kubernetes.io/version": version,
      "fullcode/environment": "production",
      "fullcode/region": "eu",
      "fullcode/function": "orders",
    };
    const matchLabels = {
      "app.kubernetes.io/component": "function",
      "app.kubernetes.io/managed-by": "fullcode",
      "fullcode/function": "orders",
    };
    const { template, ...spec } = deployment.spec;
    expect(deployment.metadata).toEqual({
      name: "function-orders",
      namespace: "shop-production",
      labels: { ...labels, "fullcode/stack": "shop.dev" },
      annotations: { "pulumi.com/skipAwait": "true" },
    });
    expect(spec).toEqual({
      selector: { matchLabels },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } },
    });
    expect(template.metadata).toEqual({ labels });
    expect(template.spec).toMatchObject({
      terminationGracePeriodSeconds: 18,
      topologySpreadConstraints: ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels },
      })),
    });
  });

  test("runs one container with what it needs to link, and its variables", () => {
    const [{ env, securityContext, image, ...container }] = deployment.spec.template.spec.containers;
    expect(securityContext).toBeDefined();
    expect(image).toMatch(/^registry\.example\.com\/shop\/orders@sha256:[0-9a-f]{64}$/);
    expect(container).toEqual({
      name: "function",
      command: [
        "node",
        "--enable-source-maps",
        "--max-old-space-size=336",
        "--max-semi-space-size=16",
        "/fullcode/runtime/node/main.js",
      ],
      envFrom: [{ secretRef: { name: autonamed("orders.production.eu.variables") } }],
      ports: [{ name: "probe", containerPort: 9100 }],
      resources: { requests: { cpu: "250m", memory: "512Mi" }, limits: { memory: "512Mi" } },
      startupProbe: {
        httpGet: { path: "/live", port: "probe" },
        periodSeconds: 1,
        timeoutSeconds: 5,
        failureThreshold: 60,
      },
      livenessProbe: {
        httpGet: { path: "/live", port: "probe" },
        periodSeconds: 10,
        timeoutSeconds: 5,
        failureThreshold: 3,
      },
      readinessProbe: {
        httpGet: { path: "/ready", port: "probe" },
        periodSeconds: 2,
        timeoutSeconds: 2,
        failureThreshold: 3,
      },
      volumeMounts: [
        { name: "secrets", mountPath: "/var/run/fullcode/function", readOnly: true },
        { name: "tmp", mountPath: "/tmp" },
      ],
    });
    expect(env.slice(1)).toEqual([
      { name: "FULLCODE_POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      {
        name: "FULLCODE_LINK_TOKEN",
        valueFrom: { secretKeyRef: { name: autonamed("orders.production.eu.link"), key: "token" } },
      },
    ]);
    expect(env[0].name).toBe("FULLCODE_INSTANCE");
    const { version } = cluster.document("orders.production.eu");
    expect(JSON.parse(env[0].value)).toEqual({
      cluster: { gateways: "gateway-links.shop-production.svc:7080", generation: 1, probePort: 9100 },
      function: "orders",
      version,
      codeFolder: "/function",
      entrypoint: "src/index.js",
      concurrency: 16,
      timeoutSeconds: 12.5,
      initSeconds: 45,
      memoryMiB: 512,
      cpuCores: 0.25,
      responseBytes: 6291456,
      app: {
        appName: "shop",
        environmentName: "production",
        environmentType: "live",
        apiBaseUrl: "https://eu.shop.example.com",
        queueBaseUrl: "http://gateway.shop-production.svc/queues",
        region: "eu",
      },
      paramsFile: "/var/run/fullcode/function/params.json",
    });
  });

  test("has the app's parameters as a file and its variables as Secrets that were never there before", () => {
    const volumes = deployment.spec.template.spec.volumes;
    expect(volumes).toEqual([
      {
        name: "secrets",
        projected: {
          defaultMode: 0o440,
          sources: [
            {
              secret: {
                name: autonamed("production.eu.params"),
                items: [{ key: "params.json", path: "params.json" }],
              },
            },
          ],
        },
      },
      { name: "tmp", emptyDir: { sizeLimit: "512Mi" } },
    ]);
    const params = cluster.object<SecretObject>("Secret", "production.eu.params");
    expect(params.metadata).not.toHaveProperty("name");
    expect(JSON.parse(params.stringData["params.json"])).toEqual({ currency: "EUR", limit: 3, key: "s3cret-key" });
    expect(cluster.object("Secret", "orders.production.eu.variables")).toMatchObject({
      stringData: { STRIPE_KEY: "s3cret-variable", PRICE: "$(CURRENCY)5" },
    });
  });

  test("shows a token of its own, made of its region's secret", () => {
    const token = (region: string, name: string) =>
      linkToken(Buffer.from(rootSecret(`production.${region}.link-root-1`), "base64"), name);
    const tokens = ["eu", "us"].flatMap((region) =>
      ["orders", "convert"].map((name) => {
        const { stringData } = cluster.object<SecretObject>("Secret", `${name}.production.${region}.link`);
        expect(stringData).toEqual({ token: token(region, name) });
        return stringData.token;
      }),
    );
    expect(new Set(tokens).size).toBe(4);
  });

  test("is deployed after gateways that accept its token, and scaled once it is there and KEDA can ask", () => {
    const names = (type: string) =>
      cluster.resource(type, "orders.production.eu").dependencies.map((urn) => urn.split("::").slice(2).join("::"));
    expect(names("Deployment").join()).toContain("apps/v1:Deployment::production.eu.gateway");
    expect(names("ScaledObject").join()).toContain("apps/v1:Deployment::orders.production.eu");
    expect(names("ScaledObject").join()).toContain("core/v1:Service::production.eu.gateway-scaler");
  });
});

describe("a custom runtime", () => {
  test("is started by its agent, with variables and agency as files", async () => {
    const cluster = await declareCluster(() => declareShop());
    const { spec } = cluster.object<Deployment>("Deployment", "convert.production.us");
    const [container] = spec.template.spec.containers;
    expect(container).not.toHaveProperty("envFrom");
    expect(container).toMatchObject({
      command: [
        "/fullcode/lib/ld.so",
        "--library-path",
        "/fullcode/lib",
        "/fullcode/bin/node",
        "/fullcode/runtime/agent/main.js",
      ],
      // 256 MiB for the bootstrap, the rest for the agent
      resources: { requests: { cpu: "250m", memory: "320Mi" }, limits: { memory: "384Mi" } },
    });
    // Kubernetes makes one dollar of two, and a reference of $(LEVEL)
    expect(container.env[0].value).toContain('"userData":"level=$$(LEVEL)"');
    const config = JSON.parse(container.env[0].value.replaceAll("$$", "$")) as object;
    const folder = "/var/run/fullcode/function";
    expect(config).toMatchObject({
      userData: "level=$(LEVEL)",
      concurrency: 1,
      memoryMiB: 256,
      paramsFile: `${folder}/params.json`,
      variablesFile: `${folder}/variables.convert.json`,
      agencyFile: `${folder}/agency.convert.json`,
    });
    expect(config).not.toHaveProperty("entrypoint");
    const file = (name: string, key: string) => ({ secret: { name: autonamed(name), items: [{ key, path: key }] } });
    expect(spec.template.spec.volumes[0]).toMatchObject({
      projected: {
        sources: [
          file("production.us.params", "params.json"),
          file("convert.production.us.variables", "variables.convert.json"),
          file("convert.production.us.agency", "agency.convert.json"),
        ],
      },
    });
    const read = (name: string, key: string) =>
      JSON.parse(cluster.object<SecretObject>("Secret", name).stringData[key]) as unknown;
    expect(read("convert.production.us.variables", "variables.convert.json")).toEqual({ MODE: "fast" });
    expect(read("convert.production.us.agency", "agency.convert.json")).toEqual({
      accessKey: "AK",
      secretKey: "s3cret-agency",
    });
    expect(cluster.document("convert.production.us")).not.toHaveProperty("agency");
  });

  test("without secrets it has no volume for them", async () => {
    const cluster = await declareFunction({}, {}, BOOTSTRAP);
    const { spec } = cluster.object<Deployment>("Deployment", NAME);
    expect(spec.template.spec.volumes).toEqual([{ name: "tmp", emptyDir: { sizeLimit: "512Mi" } }]);
    expect(cluster.resources.filter(({ type }) => type.endsWith(":Secret")).map(({ name }) => name)).toEqual([
      "test.eu.gateway",
      "test.eu.gateway-admin",
      "test.eu.nats",
      "test.eu.nats-publisher",
      `${NAME}.link`,
    ]);
  });
});

describe("what depends on the function's settings", () => {
  test.each([
    [0.1, 6, 2],
    [29, 34, 4],
    [30, 35, 5],
    [900, 905, 92],
  ])("a timeout of %p s: grace of %p s, ended after %p silent periods of 10 s", async (timeout, grace, periods) => {
    const cluster = await declareFunction({ timeout });
    const { spec } = cluster.object<Deployment>("Deployment", NAME);
    expect(spec.template.spec.terminationGracePeriodSeconds).toBe(grace);
    expect(spec.template.spec.containers[0].livenessProbe.failureThreshold).toBe(periods);
    expect(periods * 10).toBeGreaterThan(timeout + 10);
  });

  test("a long initialisation may take its time", async () => {
    const cluster = await declareFunction({ limits: { initSeconds: 299.5 } });
    const { spec } = cluster.object<Deployment>("Deployment", NAME);
    expect(spec.template.spec.containers[0].startupProbe).toMatchObject({ periodSeconds: 1, failureThreshold: 315 });
  });

  test("memory and CPU, written as Kubernetes does", async () => {
    const cluster = await declareFunction({ memory: 2048, cpu: 2 });
    const { spec } = cluster.object<Deployment>("Deployment", NAME);
    expect(spec.template.spec.containers[0]).toMatchObject({
      command: expect.arrayContaining(["--max-old-space-size=1488", "--max-semi-space-size=16"]) as string[],
      resources: { requests: { cpu: "2", memory: "2Gi" }, limits: { memory: "2Gi" } },
    });
  });

  test("TypeScript runs from the bundle that its image has", async () => {
    const files = { "src/index.ts": "export default (): void => {};" };
    const cluster = await declareFunction({ entrypoint: "src/index.ts" }, {}, files);
    const { spec } = cluster.object<Deployment>("Deployment", NAME);
    const { entrypoint } = JSON.parse(spec.template.spec.containers[0].env[0].value) as { entrypoint: string };
    expect(entrypoint).toMatch(/\.[cm]?js$/);
    expect(cluster.document(NAME).entrypoint).toBe("src/index.ts");
  });

  test("a rotated secret: tokens are of the new generation", async () => {
    const cluster = await declareFunction({}, { linkGeneration: 2 });
    const root = Buffer.from(rootSecret("test.eu.link-root-2"), "base64");
    const { stringData } = cluster.object<SecretObject>("Secret", `${NAME}.link`);
    expect(stringData.token).toBe(linkToken(root, "orders"));
    const { spec } = cluster.object<Deployment>("Deployment", NAME);
    expect(spec.template.spec.containers[0].env[0].value).toContain('"generation":2');
  });
});

describe("scaling", () => {
  test("KEDA asks the gateways of the namespace", async () => {
    const scalingBehavior = { scaleDown: { stabilizationWindowSeconds: 0 } };
    const scale = { min: 0, max: 7, idle: 0.5 };
    const cluster = await declareFunction({ scale }, { pollingInterval: 2, scalingBehavior });
    expect(cluster.object("ScaledObject", NAME)).toEqual({
      apiVersion: "keda.sh/v1alpha1",
      kind: "ScaledObject",
      metadata: {
        name: "orders",
        namespace: "shop",
        labels: expect.objectContaining({ "fullcode/function": "orders" }) as object,
      },
      spec: {
        scaleTargetRef: { name: "function-orders" },
        minReplicaCount: 0,
        maxReplicaCount: 7,
        cooldownPeriod: 1,
        pollingInterval: 2,
        advanced: { horizontalPodAutoscalerConfig: { behavior: scalingBehavior } },
        triggers: [
          {
            type: "external-push",
            metadata: { scalerAddress: "gateway-scaler.shop.svc:9090", function: "orders", concurrency: "16" },
          },
        ],
      },
    });
    expect(cluster.object<Deployment>("Deployment", NAME).spec).not.toHaveProperty("replicas");
  });

  test.each([
    [0, 1],
    [3, 3],
  ])("without an autoscaler a minimum of %p is %p pods", async (min, replicas) => {
    const cluster = await declareFunction({ scale: { min } }, { autoscaler: "none" });
    const { metadata, spec } = cluster.object<Deployment>("Deployment", NAME);
    expect(spec.replicas).toBe(replicas);
    // what somebody else set is no conflict
    expect(metadata.annotations).toEqual({ "pulumi.com/skipAwait": "true", "pulumi.com/patchForce": "true" });
    expect(cluster.resources.filter(({ type }) => type.endsWith(":ScaledObject"))).toEqual([]);
  });

  test("what had an autoscaler is replaced by a Deployment that KEDA does not know, and the reverse", async () => {
    const scaled = await declareFunction();
    const fixed = await declareFunction({}, { autoscaler: "none" });
    const of = (cluster: DeclaredCluster) => ({
      urn: cluster.resource("Deployment", NAME).urn,
      name: cluster.object<Deployment>("Deployment", NAME).metadata.name,
    });
    // another name has the provider make the one before it deletes the other
    expect(of(scaled).urn).toBe(of(fixed).urn);
    expect(scaled.object("ScaledObject", NAME)).toMatchObject({
      spec: { scaleTargetRef: { name: of(scaled).name } },
    });
    expect([of(scaled).name, of(fixed).name]).toEqual(["function-orders", "fixed-orders"]);
  });
});

describe("transform", () => {
  test("a changed document is what instances are told as well", async () => {
    const cluster = await declareFunction({
      transform: {
        document: (document, options, { region }) => {
          document.timeoutSeconds = 7;
          document.userData = region;
          options.retainOnDelete = true;
        },
      },
    });
    expect(cluster.document(NAME)).toMatchObject({ timeoutSeconds: 7, userData: "eu" });
    const { spec } = cluster.object<Deployment>("Deployment", NAME);
    expect(spec.template.spec.terminationGracePeriodSeconds).toBe(12);
    expect(JSON.parse(spec.template.spec.containers[0].env[0].value)).toMatchObject({
      timeoutSeconds: 7,
      userData: "eu",
    });
  });

  test("changed variables stay secret", async () => {
    const cluster = await declareFunction({
      variables: { A: "1" },
      transform: { variables: (secret) => (secret.values = { A: "2" }) },
    });
    const { inputs } = cluster.resource("Secret", `${NAME}.variables`);
    expect(inputs.stringData).toHaveProperty([pulumi.runtime.specialSigKey], pulumi.runtime.specialSecretSig);
    expect(cluster.object("Secret", `${NAME}.variables`)).toMatchObject({ stringData: { A: "2" } });
  });
});

test("an endpoint is deployed after its function, and deleted before it", async () => {
  const cluster = await declareFunction();
  const { dependencies } = cluster.resource("ConfigMap", "list.test.eu");
  expect(dependencies.some((urn) => urn.endsWith(`:ConfigMap::${NAME}`))).toBe(true);
});

test("documents are ConfigMaps that the gateways find by their label", async () => {
  const cluster = await declareFunction();
  const { version } = cluster.document(NAME);
  const labels = {
    "app.kubernetes.io/component": "document",
    "app.kubernetes.io/part-of": "shop",
    "app.kubernetes.io/managed-by": "fullcode",
    "fullcode/environment": "test",
    "fullcode/region": "eu",
    "fullcode/stack": "shop.dev",
  };
  expect(cluster.object<ConfigMap>("ConfigMap", "list.test.eu").metadata).toEqual({
    name: "route-list",
    namespace: "shop",
    labels: {
      ...labels,
      "app.kubernetes.io/name": "list",
      "fullcode/document": "route",
      "fullcode/function": "orders",
    },
  });
  expect(cluster.object<ConfigMap>("ConfigMap", NAME).metadata).toEqual({
    name: "function-orders",
    namespace: "shop",
    labels: {
      ...labels,
      "app.kubernetes.io/name": "orders",
      "app.kubernetes.io/version": version,
      "fullcode/document": "function",
      "fullcode/function": "orders",
    },
  });
  expect(cluster.object<ConfigMap>("ConfigMap", "test.eu").metadata).toEqual({
    name: "region",
    namespace: "shop",
    labels: { ...labels, "app.kubernetes.io/name": "eu", "fullcode/document": "region" },
  });
});

interface ConfigMap {
  metadata: object;
}
interface SecretObject {
  metadata: object;
  stringData: Record<string, string>;
}
interface Deployment {
  metadata: { name: string; annotations: Record<string, string> };
  spec: {
    replicas?: number;
    template: {
      metadata: object;
      spec: {
        terminationGracePeriodSeconds: number;
        containers: {
          image: string;
          securityContext: object;
          env: { name: string; value: string }[];
          livenessProbe: { failureThreshold: number };
          startupProbe: object;
        }[];
        volumes: object[];
      };
    };
  };
}
