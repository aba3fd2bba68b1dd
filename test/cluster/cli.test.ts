import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { EndpointTrigger, Environment, FullCodeFunction, kubernetes, QueueTrigger, ServerlessApp } from "../../src";
import { CliProcess, runCli, stopCliProcesses } from "../support/cliProcess";
import { codeFolder, removeCodeFolders } from "../support/codeFolder";
import { call } from "../support/httpClient";
import { temporaryFolder } from "../support/temporaryFolder";
import { NATS_IMAGE, NODE_IMAGE, REGISTRY } from "./support/machine";
import { pollUntil } from "./support/pollUntil";
import { type Pod, TestRegion } from "./support/regions";
import { openStack, type TestStack } from "./support/testStack";

const APP = "operated";
const NAMESPACE = `${APP}-test`;
const LABEL = "test/eu";
const GATEWAYS = "app.kubernetes.io/component=gateway";
const HANDLER = `
module.exports = (req, res) => {
  const { say, fail } = req.trigger.name === "words" ? req.query : req.body;
  console.log(say);
  if (fail) throw new Error("asked to fail");
  res.json({ said: say });
};
`;
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string;
const VERSION = expect.stringMatching(/^[0-9a-f]{16}$/) as string;

const eu = new TestRegion("eu");
const folder = temporaryFolder();
let stack: TestStack;

function declareApp(): void {
  const app = new ServerlessApp(APP);
  const region = kubernetes({
    context: "eu",
    registry: `${REGISTRY}/${APP}`,
    nodeImage: NODE_IMAGE,
    nats: { image: NATS_IMAGE, memory: 128 },
    gateway: { cpu: 0.1, memory: 256 },
    pollingInterval: 1,
  });
  const environment = new Environment("test", { app, type: "test", regions: { eu: region } });
  const speaker = new FullCodeFunction("speaker", {
    app,
    environments: [environment],
    code: codeFolder({ "src/index.js": HANDLER }),
    cpu: 0.05,
    memory: 128,
    scale: { min: 1 },
  });
  new EndpointTrigger("words", { function: speaker, path: "/words" });
  new QueueTrigger("letters", { function: speaker, queue: "letters", maxDeliveries: 1 });
}

beforeAll(async () => {
  stack = await openStack(APP, "test");
  await stack.deploy(declareApp);
  await eu.untilPods(NAMESPACE, "fullcode/function=speaker", 1);
});
afterEach(stopCliProcesses);
afterAll(async () => {
  await stack.destroy();
  removeCodeFolders();
});

/** A command for the app's region, in a folder without a project. */
function cli(...args: string[]): Promise<CliProcess> {
  return runCli([...args, "--context", "eu", "--namespace", NAMESPACE], { cwd: folder() });
}

async function json<T>(...args: string[]): Promise<T> {
  const { stdout, output, exitCode } = await cli(...args, "--json");
  if (exitCode !== 0) throw new Error(`${args.join(" ")}: ${output}`);
  return JSON.parse(stdout) as T;
}

/** What a command says that does not succeed. */
async function refusal(...args: string[]): Promise<string> {
  const { output, exitCode } = await cli(...args);
  expect([output, exitCode]).toEqual([output, 1]);
  return output.trim();
}

/** The cells of a table. */
function cells({ stdout }: CliProcess): string[][] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
}

/** What handlers have said, of printed JSON records. */
function words(output: string): string[] {
  return output
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as { source: string; message: string })
    .filter(({ source }) => source === "console")
    .map(({ message }) => message);
}

function gateways(): Promise<Pod[]> {
  return eu.untilPods(NAMESPACE, GATEWAYS, 2);
}

function restarts(pods: readonly Pod[]): number {
  return pods.flatMap(({ status }) => status.containerStatuses ?? []).reduce((sum, each) => sum + each.restartCount, 0);
}

/** Has a handler say a word by one gateway, whichever the Service would choose. */
async function say(word: string, { status: { podIP }, metadata }: Pod): Promise<void> {
  const { status } = await call(`http://${podIP}:8080/words?say=${word}`);
  expect([metadata.name, status]).toEqual([metadata.name, 200]);
}

test("a function is invoked, and its console is shown", async () => {
  const invoked = await cli("invoke", "speaker", "--data", '{"body": {"say": "hello"}}');
  expect(invoked.exitCode).toBe(0);
  expect(JSON.parse(invoked.stdout)).toEqual({ said: "hello" });
  expect(invoked.output).toMatch(/^test\/eu 200 [\d.]+ ms\n {2}hello\n/);
  expect(await json("invoke", "speaker", "--data", '{"body": {"say": "again"}}')).toMatchObject({
    status: 200,
    body: { said: "again" },
    logs: [{ level: "info", message: "again" }],
  });
  const failed = await cli("invoke", "speaker", "--data", '{"body": {"fail": true}}');
  expect([failed.exitCode, failed.stdout]).toEqual([1, expect.stringContaining("asked to fail")]);
  expect(await refusal("invoke", "nobody")).toBe(
    `error: There is no function "nobody" in ${LABEL}; there are: speaker.`,
  );
});

test("deployments and builds are listed as those of a region on this machine", async () => {
  expect(cells(await cli("get", "deployments"))).toEqual([
    ["REGION", "FUNCTION", "VERSION", "DEPLOYED", "STATE"],
    [LABEL, "speaker", VERSION, TIME, "1 running"],
  ]);
  expect(cells(await cli("get", "builds", "speaker"))).toEqual([
    ["TIME", "REGION", "FUNCTION", "VERSION", "STATUS"],
    [TIME, LABEL, "speaker", VERSION, "deployed"],
  ]);
  expect(await refusal("get", "builds", "nobody")).toBe(
    `error: There is no function "nobody" in ${LABEL}; there are: speaker.`,
  );
});

test("messages are sent, and dead letters are listed, redriven and purged", async () => {
  const counts = async () => (await json<Record<string, number>[]>("queue", "list"))[0];
  for (const message of ['{"say": "first", "fail": true}', '{"say": "second", "fail": true}']) {
    const sent = await cli("send", "letters", message);
    expect([sent.exitCode, sent.output]).toEqual([0, expect.stringMatching(/^\S+\n$/)]);
  }
  await pollUntil("both are dead letters", async () => (await counts()).deadLetters === 2);
  expect(cells(await cli("queue", "list"))).toEqual([
    ["REGION", "QUEUE", "TRIGGER", "PENDING", "IN FLIGHT", "DEAD LETTERS"],
    [LABEL, "letters", "queue letters", "0", "0", "2"],
  ]);
  const letters = await json<{ id: string; body: string; attempts: number }[]>("queue", "list", "letters");
  expect(letters).toMatchObject([
    { region: LABEL, attempts: 1, reason: "asked to fail", body: '{"say": "first", "fail": true}' },
    { region: LABEL, attempts: 1, reason: "asked to fail", body: '{"say": "second", "fail": true}' },
  ]);
  expect(await json("queue", "redrive", "letters", letters[0].id)).toEqual([{ region: LABEL, count: 1, cut: 0 }]);
  await pollUntil("it is a dead letter again", async () => (await counts()).deadLetters === 2);
  expect(await json("queue", "purge", "letters")).toEqual([{ region: LABEL, count: 2 }]);
  expect(await counts()).toMatchObject({ pending: 0, inFlight: 0, deadLetters: 0 });
  expect(await refusal("send", "nothing", "{}")).toBe(
    `error: There is no queue "nothing" in ${LABEL}; there are: letters.`,
  );
});

test("logs are those of all gateways, and following goes on while gateways come and go", async () => {
  const [first, second] = await gateways();
  const since = new Date(Date.now() - 1_000).toISOString();
  const logs = ["logs", "speaker", "--json", "--since", since, "--context", "eu", "--namespace", NAMESPACE];
  await say("one-by-first", first);
  await say("one-by-second", second);
  await say("two-by-first", first);
  const expected = ["one-by-first", "one-by-second", "two-by-first"];
  expect(words((await runCli(logs, { cwd: folder() })).stdout)).toEqual(expected);

  const following = new CliProcess([...logs, "--follow"], { cwd: folder() });
  await following.prints("two-by-first");
  await say("three-by-second", second);
  await following.prints("three-by-second");
  await eu.run("delete", "pod", "--namespace", NAMESPACE, first.metadata.name, "--wait=true");
  const third = (await gateways()).find(({ metadata }) => metadata.name !== second.metadata.name)!;
  await say("one-by-third", third);
  await say("four-by-second", second);
  await following.prints("one-by-third");
  await following.prints("four-by-second");
  const before = restarts(await gateways());
  await eu.kill(second);
  await pollUntil("it has started again", async () => restarts(await eu.pods(NAMESPACE, GATEWAYS)) > before);
  await gateways();
  await say("five-by-second", second);
  await following.prints("five-by-second");
  expect(words(following.stdout).sort()).toEqual(
    [...expected, "three-by-second", "one-by-third", "four-by-second", "five-by-second"].sort(),
  );
  following.interrupt();
  await following.ended();
});

describe("of several regions in a cluster", () => {
  /** What is found of a region: its gateways' Deployment, here one without pods. */
  const deployment = (namespace: string, app: string, environment: string) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: "gateway",
      namespace,
      labels: {
        "app.kubernetes.io/managed-by": "fullcode",
        "app.kubernetes.io/part-of": app,
        "fullcode/environment": environment,
        "fullcode/region": "eu",
      },
    },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: "gateway" } },
      template: {
        metadata: { labels: { app: "gateway" } },
        spec: { containers: [{ name: "gateway", image: NODE_IMAGE }] },
      },
    },
  });
  const namespaces = ["operated-idle", "neighbour-test"];
  beforeAll(async () => {
    await eu.apply(namespaces.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })));
    await eu.apply([deployment("operated-idle", APP, "idle"), deployment("neighbour-test", "neighbour", "test")]);
  });
  afterAll(() => eu.run("delete", "namespace", ...namespaces));

  const everywhere = (...args: string[]) => runCli([...args, "--context", "eu"], { cwd: folder() });

  test("an app has to be chosen, then environments and regions can be", async () => {
    expect((await everywhere("queue", "purge", "letters")).output).toBe(
      `error: Context "eu" has regions of several apps: neighbour, ${APP}. Choose one with --app.\n`,
    );
    expect((await everywhere("get", "builds", "--app", "nobody")).output).toBe(
      `error: Context "eu" has no region of app "nobody"; there are: neighbour, ${APP}.\n`,
    );
    expect((await everywhere("get", "builds", "--app", APP, "-e", "production")).output).toBe(
      `error: Context "eu" has no region production/*; there are: idle/eu, ${LABEL}.\n`,
    );
    const chosen = await everywhere("get", "builds", "--app", APP, "-e", "test", "--json");
    expect(JSON.parse(chosen.stdout)).toMatchObject([{ region: LABEL, function: "speaker" }]);
  });

  test("those without a gateway are left out with a warning", async () => {
    const warning =
      `warning: Region idle/eu has no ready gateway in namespace "operated-idle" of context "eu": it is scaled to zero. ` +
      `Start it: "kubectl --context eu -n operated-idle scale deployment/gateway --replicas 2". The other regions are used.\n`;
    const listed = await everywhere("queue", "list", "--app", APP, "--json");
    expect([listed.exitCode, listed.output]).toEqual([1, expect.stringContaining(warning)]);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ region: LABEL, queue: "letters" }]);
    const invoked = await everywhere("invoke", "speaker", "--app", APP, "--data", '{"body": {"say": "hello"}}');
    expect([invoked.exitCode, invoked.output]).toEqual([0, expect.stringContaining(warning)]);
    expect(await runCli(["logs", "--context", "eu", "--app", "neighbour"], { cwd: folder() })).toMatchObject({
      exitCode: 1,
      output: expect.stringMatching(
        /^error: Region test\/eu has no ready gateway in namespace "neighbour-test"/,
      ) as string,
    });
  });
});

describe("what is missing is named", () => {
  const rule = (apiGroups: string, resources: string, verbs: string) => ({
    apiGroups: [apiGroups],
    resources: [resources],
    verbs: [verbs],
  });

  test("by a namespace without a region", async () => {
    const { output, exitCode } = await runCli(["get", "builds", "--context", "eu", "--namespace", "default"], {
      cwd: folder(),
    });
    expect([exitCode, output]).toEqual([
      1,
      'error: Context "eu" has no region in namespace "default": there is no gateway that "pulumi up" has deployed for ' +
        "a kubernetes() region. Is it another context or namespace?\n",
    ]);
  });

  test("by each permission that a person lacks", async () => {
    await eu.run("create", "serviceaccount", "operator", "--namespace", NAMESPACE);
    const token = (await eu.run("create", "token", "operator", "--namespace", NAMESPACE)).trim();
    const config = JSON.parse(await eu.run("config", "view", "--raw", "--output", "json")) as {
      clusters: { name: string }[];
    };
    const kubeconfig = async (name: string, user: object) => {
      const file = join(folder(), name);
      const [{ name: cluster }] = config.clusters as [{ name: string }];
      await writeFile(
        file,
        JSON.stringify({
          ...config,
          users: [{ name: "operator", user }],
          contexts: [{ name: "operator", context: { cluster, user: "operator" } }],
          "current-context": "operator",
        }),
      );
      return file;
    };
    const file = await kubeconfig("operator", { token });
    const asked = async (...more: string[]) =>
      (await runCli(["get", "deployments", "--kubeconfig", file, ...more], { cwd: folder() })).output.trim();

    expect(await asked()).toBe(
      `error: Context "operator" may not list deployments.apps in the whole cluster. Ask for a ClusterRole with verb ` +
        `"list" on "deployments.apps" there, or name one region's namespace with --namespace.`,
    );
    const rules: object[] = [];
    const allowed = async (next?: object): Promise<string> => {
      if (next !== undefined) rules.push(next);
      const metadata = { name: "operator", namespace: NAMESPACE };
      const rbac = "rbac.authorization.k8s.io";
      const subjects = [{ kind: "ServiceAccount", ...metadata }];
      const roleRef = { apiGroup: rbac, kind: "Role", name: "operator" };
      await eu.apply([
        { apiVersion: `${rbac}/v1`, kind: "Role", metadata, rules },
        { apiVersion: `${rbac}/v1`, kind: "RoleBinding", metadata, subjects, roleRef },
      ]);
      return asked("--namespace", NAMESPACE);
    };
    const mayNot = (what: string, verb: string, resource: string) =>
      `Context "operator" may not ${what} in namespace "${NAMESPACE}". Ask for a Role with verb "${verb}" on "${resource}" there.`;
    expect(await allowed()).toBe(`error: ${mayNot("list deployments.apps", "list", "deployments.apps")}`);
    expect(await allowed(rule("apps", "deployments", "list"))).toBe(`error: ${mayNot("list pods", "list", "pods")}`);
    expect(await allowed(rule("", "pods", "list"))).toBe(
      `error: ${mayNot('get secrets "gateway-admin"', "get", "secrets")}`,
    );
    const forward = await allowed({ ...rule("", "secrets", "get"), resourceNames: ["gateway-admin"] });
    expect(forward.replace(/"gateway-[^"]*" in/, "POD in")).toBe(
      `error: The gateway of region ${LABEL} cannot be reached: ${mayNot("get pods/portforward POD", "get", "pods/portforward")}`,
    );
    expect(await allowed(rule("", "pods/portforward", "get"))).toMatch(/^REGION +FUNCTION .*\ntest\/eu +speaker /);

    const stranger = await kubeconfig("stranger", { token: "of nobody" });
    expect((await runCli(["logs", "--kubeconfig", stranger], { cwd: folder() })).output).toBe(
      'error: The API server of context "operator" does not accept the credentials of user "operator": log in to the ' +
        "cluster again, or renew them in the kubeconfig.\n",
    );
  });

  test("by a token that the gateways do not take", async () => {
    const secret = await eu.get<{ data: Record<string, string> } & Awaited<ReturnType<typeof eu.get>>>(
      NAMESPACE,
      "secret",
      "gateway-admin",
    );
    const patch = (data: object) =>
      eu.run("patch", "secret", "gateway-admin", "--namespace", NAMESPACE, "--patch", JSON.stringify({ data }));
    try {
      await patch({ token: Buffer.from("another").toString("base64") });
      expect(await refusal("get", "builds")).toMatch(
        new RegExp(
          `^error: Region ${LABEL}: gateway gateway-\\S+ does not take the token of Secret "gateway-admin" in namespace ` +
            `"${NAMESPACE}", so it has been started with another one\\. Restart the gateways: "kubectl --context eu -n ` +
            `${NAMESPACE} rollout restart deployment/gateway"\\.$`,
        ),
      );
      await patch({ token: null });
      expect(await refusal("get", "builds")).toBe(
        `error: Namespace "${NAMESPACE}" of context "eu" has no Secret "gateway-admin" with key "token": deploy the ` +
          `region again with "pulumi up".`,
      );
    } finally {
      await patch(secret.data);
    }
  });

  test("by NATS that is down, which only what needs messages notices", async () => {
    const scale = (replicas: number) =>
      eu.run("scale", "statefulset/nats", "--namespace", NAMESPACE, "--replicas", String(replicas));
    try {
      await scale(0);
      await eu.untilPods(NAMESPACE, "app.kubernetes.io/component=nats", 0);
      const down = /^error: Region test\/eu: NATS at \S+ cannot be reached since \S+: [^\n]+$/;
      const commands = [
        ["send", "letters", "{}"],
        ["queue", "list"],
        ["queue", "purge", "letters"],
        ["get", "builds"],
      ];
      const refusals = await Promise.all(commands.map((command) => refusal(...command)));
      for (const text of refusals) expect(text).toMatch(down);
      expect((await cli("invoke", "speaker", "--data", '{"body": {"say": "hello"}}')).exitCode).toBe(0);
      const deployments = await cli("get", "deployments");
      expect(deployments.exitCode).toBe(0);
      expect(cells(deployments)[1]).toEqual([LABEL, "speaker", VERSION, "unknown", "1 running"]);
    } finally {
      await scale(1);
      await eu.untilPods(NAMESPACE, "app.kubernetes.io/component=nats", 1);
    }
    await pollUntil("messages are there again", async () => (await cli("queue", "list")).exitCode === 0);
  });

  const setImage = (deployment: string, container: string, image: string) =>
    eu.run("set", "image", `deployment/${deployment}`, "--namespace", NAMESPACE, `${container}=${image}`);

  test("by a function whose pods cannot start, with their reason", async () => {
    const [pod] = await eu.pods(NAMESPACE, "fullcode/function=speaker");
    const [{ name, image }] = pod.spec.containers;
    try {
      await setImage("function-speaker", name, `${REGISTRY}/no-such-image:1`);
      await pollUntil("its image is not found", async () => {
        const [deployed] = await json<{ state: string; failure?: string }[]>("get", "deployments");
        return (
          deployed.state === "failing" &&
          /^pod function-speaker-\S+: (?:ErrImagePull|ImagePullBackOff): /.test(deployed.failure!)
        );
      });
    } finally {
      await setImage("function-speaker", name, image);
      await eu.untilPods(NAMESPACE, "fullcode/function=speaker", 1);
    }
    expect(cells(await cli("get", "deployments"))[1]).toEqual([LABEL, "speaker", VERSION, TIME, "1 running"]);
  });

  test("by gateways that cannot start, with the reasons of their pods", async () => {
    const [pod] = await gateways();
    const [{ name, image }] = pod.spec.containers;
    try {
      await setImage("gateway", name, `${REGISTRY}/no-such-image:1`);
      await eu.run("delete", "replicasets", "--namespace", NAMESPACE, "--selector", GATEWAYS);
      await pollUntil("its image is not found", async () =>
        /^error: Region test\/eu has no ready gateway in namespace "operated-test" of context "eu": gateway-.+: (?:ErrImagePull|ImagePullBackOff): .*no-such-image.*\. More: "kubectl --context eu -n operated-test get events"\.$/.test(
          await refusal("invoke", "speaker"),
        ),
      );
    } finally {
      await setImage("gateway", name, image);
      await gateways();
    }
    expect((await cli("invoke", "speaker", "--data", '{"body": {"say": "hello"}}')).exitCode).toBe(0);
  });
});
