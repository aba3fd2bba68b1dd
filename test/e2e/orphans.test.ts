import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { BASH_LOOP, custom } from "../support/customRuntimes";
import { GatewayProcess } from "../support/gatewayProcess";
import { call } from "../support/httpClient";
import { childrenOf, isRunning } from "../support/processes";
import { TestRegion } from "../support/region";
import { temporaryFolder } from "../support/temporaryFolder";
import { waitUntil } from "../support/waitUntil";

const folder = temporaryFolder();
let gateway: GatewayProcess | undefined;

afterEach(async () => {
  await gateway?.end("SIGKILL");
  gateway = undefined;
});

/** Says who it and its child are, and does not end by itself: neither asked to, nor without a runtime API. */
const STUBBORN = `#!/bin/bash
trap "" TERM HUP INT
sleep 1000 &
echo "$$ $!" > "$PIDS"
`;
const HANGS_IN_AN_INVOCATION = `${STUBBORN}
curl -sS -o /dev/null "http://$RUNTIME_API_ADDR/v1/runtime/invocation/request"
echo taken >> "$PIDS"
while true; do sleep 1; done
`;
const HANGS_WHILE_IT_STARTS = `${STUBBORN}
while true; do sleep 1; done
`;
// "$$" in a replacement would be one "$"
const LOOP_WITH_CHILD = BASH_LOOP.replace("set -o", () => 'sleep 1000 & echo "$$ $!" > "$PIDS"\nset -o');

async function serve(bootstrap: string): Promise<{ gateway: GatewayProcess; pidsFile: string }> {
  const region = new TestRegion(folder());
  const pidsFile = join(folder(), "pids");
  await region.declare({
    functions: { f: custom(bootstrap, { scale: { min: 1, max: 1 } }) },
    routes: { f: {} },
    variables: { f: { PIDS: pidsFile } },
  });
  gateway = await GatewayProcess.start(region);
  return { gateway, pidsFile };
}

async function pidsIn(file: string): Promise<number[]> {
  let text = "";
  await waitUntil("the bootstrap has said who it is", async () => {
    text = await readFile(file, "utf8").catch(() => "");
    return text.includes("\n");
  });
  return text.split("\n", 1)[0].split(" ").map(Number);
}

function shellOf({ pid }: GatewayProcess): number {
  const [shell] = childrenOf(pid).filter(({ command }) => command.startsWith("/bin/sh"));
  return shell?.pid;
}

describe("kill -9 of the gateway", () => {
  test.each([
    ["hangs in an invocation", HANGS_IN_AN_INVOCATION, true],
    ["hangs while it starts", HANGS_WHILE_IT_STARTS, false],
    ["asks again and again", LOOP_WITH_CHILD, false],
  ])("ends a bootstrap that %s, and its children", async (_name, bootstrap, invoked) => {
    const { gateway, pidsFile } = await serve(bootstrap);
    const answer = call(`${gateway.url}/f`).catch(() => undefined);
    const pids = await pidsIn(pidsFile);
    if (invoked) await waitUntil("it runs", async () => (await readFile(pidsFile, "utf8")).includes("taken"));
    const shell = shellOf(gateway);
    expect([...pids, shell].map(isRunning)).toEqual([true, true, true]);
    await gateway.end("SIGKILL");
    await answer;
    await waitUntil("all have ended", () => ![...pids, shell].some(isRunning));
  });

  test("ends an instance in Node.js whose event loop is blocked", async () => {
    const region = new TestRegion(folder());
    const pidsFile = join(folder(), "pids");
    const code = `module.exports = () => {
      const child = require("node:child_process").spawn("sleep", ["1000"]);
      require("node:fs").writeFileSync(process.env.PIDS, process.pid + " " + child.pid + "\\n");
      for (;;);
    };`;
    await region.declare({
      functions: { f: { code } },
      routes: { f: {} },
      variables: { f: { PIDS: pidsFile } },
    });
    gateway = await GatewayProcess.start(region);
    const answer = call(`${gateway.url}/f`).catch(() => undefined);
    const pids = await pidsIn(pidsFile);
    expect(pids.map(isRunning)).toEqual([true, true]);
    await gateway.end("SIGKILL");
    await answer;
    await waitUntil("both have ended", () => !pids.some(isRunning));
  });

  test("does so when what was to end them was killed before", async () => {
    const { gateway, pidsFile } = await serve(HANGS_WHILE_IT_STARTS);
    const pids = await pidsIn(pidsFile);
    const first = shellOf(gateway);
    process.kill(first, "SIGKILL");
    await waitUntil("there is another", () => ![undefined, first].includes(shellOf(gateway)));
    expect(pids.every(isRunning)).toBe(true);
    await gateway.end("SIGKILL");
    await waitUntil("all have ended", () => !pids.some(isRunning));
  });
});

test("a gateway that stops leaves nothing behind", async () => {
  const { gateway, pidsFile } = await serve(LOOP_WITH_CHILD);
  expect((await call(`${gateway.url}/f`)).status).toBe(200);
  const pids = [...(await pidsIn(pidsFile)), shellOf(gateway)];
  expect(await gateway.end("SIGTERM")).toBe(0);
  await waitUntil("all have ended", () => !pids.some(isRunning));
});

test("a process that was started in the moment of the kill is found", async () => {
  const script = `
    const { GroupGuard } = require(${JSON.stringify(join(__dirname, "../../dist/gateway/instances/groupGuard.js"))});
    const guard = new GroupGuard(console.error);
    const entry = "RUNTIME_API_ADDR=127.0.0.1:" + process.pid;
    guard.expect(entry);
    const options = { detached: true, stdio: "ignore", env: { [entry.split("=")[0]]: entry.split("=")[1] } };
    const child = require("node:child_process").spawn("/bin/sleep", ["1000"], options);
    require("node:fs").writeSync(1, String(child.pid));
    process.kill(process.pid, "SIGKILL");
  `;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  await once(child, "close");
  const pid = Number(output);
  expect(pid).toBeGreaterThan(1);
  await waitUntil("it has ended", () => !isRunning(pid));
});
