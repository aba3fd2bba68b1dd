import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { delimiter, join } from "node:path";

import { type CliProcess, runCli, stopCliProcesses } from "../../support/cliProcess";
import { freePorts } from "../../support/freePorts";
import { REPOSITORY } from "../../support/project";
import { temporaryFolder } from "../../support/temporaryFolder";

// What is on the way to a cluster before it is reached; the rest is in test/cluster/cli.test.ts.

const folder = temporaryFolder();
afterEach(stopCliProcesses);

interface Context {
  server: string;
  /** The user's credentials. */
  user?: object;
}

/** Writes a kubeconfig whose contexts have a cluster and a user of their own name. */
async function kubeconfig(
  name: string,
  contexts: Record<string, Context>,
  rest: Record<string, unknown> = {},
): Promise<string> {
  const entries = Object.entries(contexts);
  const file = join(folder(), name);
  await writeFile(
    file,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: entries.map(([each, { server }]) => ({ name: each, cluster: { server } })),
      users: entries.map(([each, { user = { token: "x" } }]) => ({ name: each, user })),
      contexts: entries.map(([each]) => ({ name: each, context: { cluster: each, user: each } })),
      ...rest,
    }),
  );
  return file;
}

function cli(args: string[], env: NodeJS.ProcessEnv = {}): Promise<CliProcess> {
  return runCli(args, { cwd: folder(), env: { KUBECONFIG: "", HOME: folder(), ...env } });
}

/** What `get deployments` says, which must be an error. */
async function refusal(args: string[], env?: NodeJS.ProcessEnv): Promise<string> {
  const { exitCode, output } = await cli(["get", "deployments", ...args], env);
  expect(exitCode).toBe(1);
  return output.trim();
}

async function closedAddress(): Promise<string> {
  const [port] = await freePorts(1);
  return `https://127.0.0.1:${port}`;
}

test("a context without a kubeconfig says which file there should be", async () => {
  expect(await refusal(["--context", "eu"])).toBe(
    `error: There is no kubeconfig: KUBECONFIG is not set, and ${join(folder(), ".kube/config")} does not exist. ` +
      `Name a file with --kubeconfig.`,
  );
  expect(await refusal(["--context", "eu"], { KUBECONFIG: "/nowhere/config" })).toBe(
    "error: There is no kubeconfig: KUBECONFIG names /nowhere/config, which does not exist. Correct it, or name a file with --kubeconfig.",
  );
  expect(await refusal(["--kubeconfig", "/nowhere/config"])).toBe(
    "error: --kubeconfig: there is no file /nowhere/config.",
  );
});

test("a file that is no kubeconfig is named", async () => {
  const file = join(folder(), "config");
  await writeFile(file, "clusters: [");
  expect(await refusal(["--kubeconfig", file])).toMatch(new RegExp(`^error: ${file} is not a kubeconfig: [^\\n]+\\.$`));
  await writeFile(file, JSON.stringify({ clusters: [{ name: "eu", cluster: {} }] }));
  expect(await refusal(["--kubeconfig", file])).toBe(
    `error: ${file} is not a kubeconfig: clusters[0].cluster.server is missing.`,
  );
  await writeFile(file, "");
  expect(await refusal(["--kubeconfig", file])).toBe(
    `error: ${file} has no current context; choose one with --context; there are none.`,
  );
});

test("an unknown context lists those that there are", async () => {
  const server = await closedAddress();
  const file = await kubeconfig("config", { eu: { server }, us: { server } });
  expect(await refusal(["--kubeconfig", file, "--context", "nope"])).toBe(
    `error: There is no context "nope" in ${file}; there are: eu, us.`,
  );
  expect(await refusal(["--kubeconfig", file])).toBe(
    `error: ${file} has no current context; choose one with --context; there are: eu, us.`,
  );
  const stale = await kubeconfig("stale", { eu: { server } }, { "current-context": "gone" });
  expect(await refusal(["--kubeconfig", stale])).toBe(
    `error: The current context "gone" is not in ${stale}; choose one with --context; there are: eu.`,
  );
  const broken = await kubeconfig("broken", { eu: { server } }, { clusters: [], "current-context": "eu" });
  expect(await refusal(["--kubeconfig", broken])).toBe(
    `error: Context "eu" of ${broken} is of cluster "eu", which is not there.`,
  );
});

test("of several files the first that names something wins, and those that are missing do not matter", async () => {
  const [first, second, home] = [await closedAddress(), await closedAddress(), await closedAddress()];
  const files = [
    "/nowhere/config",
    await kubeconfig("first", { eu: { server: first } }, { "current-context": "eu" }),
    await kubeconfig("second", { eu: { server: second }, us: { server: second } }, { "current-context": "us" }),
  ];
  const KUBECONFIG = files.join(delimiter);
  expect(await refusal(["--context", "eu"], { KUBECONFIG })).toContain(`context "eu" at ${first} cannot be reached`);
  expect(await refusal(["--context", "us"], { KUBECONFIG })).toContain(`context "us" at ${second} cannot be reached`);

  await mkdir(join(folder(), ".kube"));
  await kubeconfig(".kube/config", { eu: { server: home } });
  expect(await refusal(["--context", "eu"])).toContain(`context "eu" at ${home} cannot be reached`);
});

test("an API server that nobody listens for is named with its address, over TLS or not", async () => {
  const server = await closedAddress();
  const plain = server.replace("https:", "http:");
  const file = await kubeconfig("config", { eu: { server }, plain: { server: plain } }, { "current-context": "eu" });
  for (const [context, address] of [
    ["eu", server],
    ["plain", plain],
  ])
    expect(await refusal(["--kubeconfig", file, "--context", context])).toBe(
      `error: The API server of context "${context}" at ${address} cannot be reached: connect ECONNREFUSED ` +
        `${new URL(address).host}. Does the cluster run, and is the address in the kubeconfig right?`,
    );
  // every context is tried, and each problem is told
  const both = await refusal(["--kubeconfig", file, "--context", "eu", "--context", "plain"]);
  expect(both.split("\n")).toHaveLength(2);
});

describe("an API server that accepts connections and is silent", () => {
  let server: Server;
  const sockets: Socket[] = [];
  beforeEach(async () => {
    server = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
  });

  test("is waited for ten seconds, and no longer", async () => {
    const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const file = await kubeconfig("config", { eu: { server: address } }, { "current-context": "eu" });
    const began = performance.now();
    expect(await refusal(["--kubeconfig", file])).toBe(
      `error: The API server of context "eu" at ${address} did not answer within 10 s. Is the address in the ` +
        `kubeconfig right, and does this machine have a way there (VPN, firewall)?`,
    );
    expect(performance.now() - began).toBeGreaterThan(10_000);
  });
});

test("a program for the credentials that cannot be run is named", async () => {
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "no-such-program" };
  const file = await kubeconfig("config", { eu: { server: await closedAddress(), user: { exec } } });
  expect(await refusal(["--kubeconfig", file, "--context", "eu"])).toBe(
    'error: The credentials of user "eu" of context "eu" cannot be obtained: spawn no-such-program ENOENT',
  );
});

test.each([
  "get builds",
  "get deployments f",
  "invoke f",
  "send orders {}",
  "logs --follow",
  "queue list",
  "queue redrive orders",
  "queue purge orders",
])("%s goes to a cluster that is asked for", async (command) => {
  const file = await kubeconfig("config", { eu: { server: await closedAddress() } });
  const { output } = await cli([...command.split(" "), "--kubeconfig", file, "--context", "eu"]);
  expect(output).toMatch(/^error: The API server of context "eu" at [^\n]+ cannot be reached: [^\n]+\n$/);
});

test.each(["namespace", "app"])("--%s needs a cluster", async (option) => {
  const { exitCode, output } = await cli(["get", "deployments", `--${option}`, "shop"]);
  expect([exitCode, output.trim()]).toEqual([
    2,
    `error: --${option} is about regions in clusters: name the cluster's kubeconfig context with --context.`,
  ]);
});

describe("without a cluster being asked for", () => {
  beforeEach(async () => {
    await writeFile(join(folder(), "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
    await writeFile(join(folder(), "index.js"), "");
  });

  test("regions are looked for on this machine, and the error names the option for clusters", async () => {
    const KUBECONFIG = await kubeconfig(
      "config",
      { eu: { server: await closedAddress() } },
      { "current-context": "eu" },
    );
    const output = await refusal([], { KUBECONFIG });
    expect(output).toMatch(/^error: Stack "dev" has no regions on this machine\. .*--context <kubeconfig context>\.$/);
  });

  test("the Kubernetes client is not loaded", async () => {
    const hook = join(folder(), "hook.cjs");
    await writeFile(
      hook,
      `process.on("exit", () => console.log(Object.keys(require.cache).filter((file) => /clusterAccess/.test(file)).length));`,
    );
    const NODE_OPTIONS = `--require ${hook}`;
    expect((await cli(["get", "builds"], { NODE_OPTIONS })).stdout.trim()).toBe("0");
    expect((await cli(["get", "builds", "--context", "eu"], { NODE_OPTIONS })).stdout.trim()).toBe("1");
  });
});

test("the packed module for clusters needs nothing that is not in it", async () => {
  const file = join(folder(), "clusterAccess.js");
  await copyFile(join(REPOSITORY, "dist/cli/cluster/clusterAccess.js"), file);
  const program = `try { require(${JSON.stringify(file)}).openCluster({ context: "eu" }); } catch (error) { console.log(error.name); }`;
  const { stdout } = spawnSync(process.execPath, ["-e", program], {
    encoding: "utf8",
    env: { ...process.env, KUBECONFIG: "", HOME: folder() },
  });
  expect(stdout).toBe("CliError\n");
});
