import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

import { call } from "../support/httpClient";
import type { KubernetesObject } from "./support/kubectl";
import { NODE_IMAGE } from "./support/machine";
import { pollUntil } from "./support/pollUntil";
import { TestRegion } from "./support/regions";
import { openStack, type Deployment, type TestStack } from "./support/testStack";

const NAMESPACE = "test-stack";
const SERVER = `require("node:http").createServer((_, res) => res.end(process.env.GREETING)).listen(8080)`;
const RESTRICTED = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  runAsNonRoot: true,
  runAsUser: 1000,
  seccompProfile: { type: "RuntimeDefault" },
};

/** A server whose answer is a Secret's. */
function declareServer({
  greeting,
  note,
  size = "1",
  hasConfigMap = true,
}: {
  greeting: string;
  note: string;
  size?: string;
  hasConfigMap?: boolean;
}) {
  const provider = new kubernetes.Provider("eu", { context: "eu" });
  const options = { provider };
  const namespace = new kubernetes.core.v1.Namespace(
    "namespace",
    { metadata: { name: NAMESPACE, labels: { "pod-security.kubernetes.io/enforce": "restricted" } } },
    options,
  );
  const metadata = { namespace: namespace.metadata.name, name: "server" };
  if (hasConfigMap)
    new kubernetes.core.v1.ConfigMap(
      "notes",
      { metadata, data: { note, size } },
      { ...options, ignoreChanges: ["data.size"] },
    );
  const root = new random.RandomBytes("root", { length: 16 });
  const secret = new kubernetes.core.v1.Secret(
    "greeting",
    { metadata: { namespace: metadata.namespace }, stringData: { GREETING: greeting, ROOT: root.base64 } },
    options,
  );
  const selector = { app: "server" };
  new kubernetes.apps.v1.Deployment(
    "server",
    {
      metadata,
      spec: {
        selector: { matchLabels: selector },
        template: {
          metadata: { labels: selector },
          spec: { terminationGracePeriodSeconds: 1, containers: [container(secret.metadata.name)] },
        },
      },
    },
    options,
  );
  const service = new kubernetes.core.v1.Service(
    "server",
    { metadata, spec: { selector, ports: [{ port: 8080 }] } },
    options,
  );
  return { address: service.spec.clusterIP, secret: secret.metadata.name };
}

function container(secret: pulumi.Input<string>) {
  return {
    name: "server",
    image: NODE_IMAGE,
    command: ["node", "-e", SERVER],
    envFrom: [{ secretRef: { name: secret } }],
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
    securityContext: RESTRICTED,
  };
}

/** Names of the resources behind URNs. */
function namesOf(urns: readonly string[]): string[] {
  return urns.map((urn) => urn.split("::").slice(2).join(" ").replace(/^.*:/, "")).sort();
}

describe("a stack of a test", () => {
  const region = new TestRegion("eu");
  let stack: TestStack;
  let first: Deployment;
  beforeAll(async () => {
    stack = await openStack("harness", "test");
  });
  afterAll(() => stack.destroy());

  test("makes what a program registers, and gives resources each other's outputs", async () => {
    first = await stack.deploy(() => declareServer({ greeting: "hello", note: "first" }));
    expect(namesOf(first.changes.create)).toEqual([
      "ConfigMap notes",
      "Deployment server",
      "Namespace namespace",
      "RandomBytes root",
      "Secret greeting",
      "Service server",
    ]);
    expect(first.outputs.secret).toMatch(/^greeting-[0-9a-f]{8}$/);
    // The Deployment was waited for. A connection that is begun before the node knows the Service never gets through.
    const url = `http://${String(first.outputs.address)}:8080/`;
    const answer = () => call(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    await pollUntil("the server answers", async () => (await answer())?.text === "hello");
  });

  test("leaves an unchanged program's resources alone", async () => {
    const { changes, outputs } = await stack.deploy(() => declareServer({ greeting: "hello", note: "first" }));
    expect({ ...changes, same: changes.same.length }).toEqual({
      create: [],
      update: [],
      replace: [],
      delete: [],
      same: 6,
    });
    expect(outputs).toEqual(first.outputs);
  });

  test("leaves alone what a program says is to be ignored", async () => {
    const { changes } = await stack.deploy(() => declareServer({ greeting: "hello", note: "first", size: "2" }));
    expect([changes.update, changes.replace]).toEqual([[], []]);
    expect((await region.get<Secret>(NAMESPACE, "configmap", "server")).data.size).toBe("1");
  });

  test("replaces what cannot change, and updates what uses it", async () => {
    const secretBefore = await region.get(NAMESPACE, "secret", String(first.outputs.secret));
    const { changes, outputs } = await stack.deploy(() => declareServer({ greeting: "good day", note: "second" }));
    expect(namesOf(changes.replace)).toEqual(["ConfigMap notes", "Secret greeting"]);
    expect(namesOf(changes.update)).toEqual(["Deployment server"]);
    expect(outputs.secret).not.toBe(first.outputs.secret);
    expect((await region.list(NAMESPACE, "secrets")).map(({ metadata }) => metadata.name)).toEqual([outputs.secret]);
    const secret = await region.get<Secret>(NAMESPACE, "secret", String(outputs.secret));
    // the random value is still the same
    expect(secret.data.ROOT).toBe((secretBefore as Secret).data.ROOT);
    expect((await region.get<Secret>(NAMESPACE, "configmap", "server")).data).toEqual({ note: "second", size: "1" });
    // a terminating pod may be met for a moment
    const answer = async () => (await call(`http://${String(outputs.address)}:8080/`)).text;
    await pollUntil("the new pod answers", async () => (await answer()) === "good day");
  });

  test("deletes what is no longer declared", async () => {
    const program = () => declareServer({ greeting: "good day", note: "second", hasConfigMap: false });
    const { changes } = await stack.deploy(program);
    expect(namesOf(changes.delete)).toEqual(["ConfigMap notes"]);
    await expect(region.get(NAMESPACE, "configmap", "server")).rejects.toThrow("not found");
  });

  test("names what could not be made, and skips what needs it", async () => {
    const program = () => {
      const provider = new kubernetes.Provider("eu", { context: "eu" });
      const metadata = { namespace: NAMESPACE, name: "Not_A_Name" };
      const wrong = new kubernetes.core.v1.ConfigMap("wrong", { metadata }, { provider });
      const uses = { metadata: { namespace: NAMESPACE, name: "uses" }, data: { name: wrong.metadata.name } };
      new kubernetes.core.v1.ConfigMap("uses", uses, { provider });
      const apart = { metadata: { namespace: NAMESPACE, name: "apart" } };
      new kubernetes.core.v1.ConfigMap("apart", apart, { provider });
    };
    const other = await openStack("harness", "wrong");
    await expect(other.deploy(program, { continueOnError: true })).rejects.toThrow(/ConfigMap::wrong.*Not_A_Name/s);
    const names = (await region.list(NAMESPACE, "configmaps")).map(({ metadata }) => metadata.name);
    expect(names).toContain("apart");
    expect(names).not.toContain("uses");
    await other.destroy();
    await expect(region.get(NAMESPACE, "configmap", "apart")).rejects.toThrow("not found");
  });

  test("destroys all that it made", async () => {
    await stack.destroy();
    await pollUntil(
      "the namespace is gone",
      async () => (await region.run("get", "namespace", NAMESPACE, "--ignore-not-found")) === "",
    );
  });

  test("a killed container is started again", async () => {
    await stack.deploy(() => declareServer({ greeting: "hello", note: "first" }));
    const [pod] = await region.untilPods(NAMESPACE, "app=server", 1);
    await region.kill(pod);
    await pollUntil("the container was restarted", async () => {
      const [{ status }] = await region.pods(NAMESPACE, "app=server");
      return status.containerStatuses?.[0].restartCount === 1;
    });
  });
});

interface Secret extends KubernetesObject {
  data: Record<string, string>;
}
