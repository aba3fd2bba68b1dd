import { randomBytes } from "node:crypto";

import { addFile } from "../../support/codeFolder";
import { BASH_LOOP, nodeLoop } from "../../support/customRuntimes";
import { expectNoRunForWhoLeaves } from "../../support/leavingCaller";
import { LinkGateway, linkRoots } from "../../support/linkGateway";
import { missingCommands } from "../../support/commands";
import { PodProcess, type PodOptions, removePods } from "../../support/podProcess";
import { waitUntil } from "../../support/waitUntil";

const roots = linkRoots(1);
let gateways: LinkGateway[] = [];

afterEach(async () => {
  await removePods();
  await Promise.all(gateways.map((gateway) => gateway.close()));
});

async function serve(bootstrap: string, options: Partial<PodOptions> = {}): Promise<PodProcess> {
  const { concurrency = 1, timeoutSeconds = 30 } = options;
  const functions = { f: { runtime: "custom" as const, concurrency, timeoutSeconds } };
  gateways = await Promise.all([1, 2].map(() => LinkGateway.start({ roots, functions })));
  for (const gateway of gateways) gateway.setPeers(gateways.map(({ address }) => address));
  const code = { bootstrap: { text: bootstrap, mode: 0o755 } };
  const pod = await PodProcess.start({ function: "f", gateways: gateways[0].address, roots, code, ...options });
  await waitUntil("both have it", () => gateways.every(({ events }) => events.includes(`linked ${pod.name}`)));
  return pod;
}

const PYTHON_LOOP = `#!/usr/bin/env python3
import os
from http.client import HTTPConnection
host = os.environ["RUNTIME_API_ADDR"]
while True:
    api = HTTPConnection(host)
    api.request("GET", "/v1/runtime/invocation/request")
    event = api.getresponse()
    event.read()
    api.request("POST", "/v1/runtime/invocation/response/" + event.getheader("X-Cff-Request-Id"), "hello from Python")
    api.getresponse().read()
`;

test.each([
  ["bash", BASH_LOOP, "Echoing request: hello world!"],
  ["python3", PYTHON_LOOP, "hello from Python"],
])("%s works for two gateways at once", async (command, bootstrap, text) => {
  expect(missingCommands([command])).toEqual([]);
  const pod = await serve(bootstrap);
  const answers = await Promise.all(
    gateways.flatMap((gateway) => Array.from({ length: 10 }, () => gateway.invoke("f"))),
  );
  for (const { status, body } of answers) expect([status, body.toString()]).toEqual([200, text]);
  pod.kill("SIGTERM");
  expect(await pod.ended()).toBe(0);
});

test("two gateways never run more at once than the concurrency, and both get their turns", async () => {
  await serve(
    nodeLoop(
      `async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 3));
        running--;
        return String(most);
      }`,
      { prelude: "let running = 0, most = 0;", loops: 8 },
    ),
    { concurrency: 3 },
  );
  const end = performance.now() + 1_000;
  const counts = await Promise.all(
    gateways.map(async (gateway) => {
      let count = 0;
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          for (; performance.now() < end; count++)
            expect(Number((await gateway.invoke("f")).body.toString())).toBeLessThanOrEqual(3);
        }),
      );
      return count;
    }),
  );
  expect(Math.min(...counts) / Math.max(...counts)).toBeGreaterThan(0.7);
});

test("what comes while the bootstrap is started again waits at its gateway, and runs then", async () => {
  await serve(
    nodeLoop("({ query, body }) => { if (query.exit) process.exit(3); return String(body?.length ?? 0) }", {
      prelude: "require('node:child_process').execSync('sleep 0.3');",
    }),
  );
  expect((await gateways[0].invoke("f", { query: "exit=1" })).failure).toContain("exited with code 3");
  const body = randomBytes(300_000);
  const answers = await Promise.all(
    gateways.flatMap((gateway) => [gateway.invoke("f"), gateway.invoke("f", { body }), gateway.invoke("f")]),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  // Base64
  expect(answers.map((answer) => answer.body.toString())).toEqual(["0", "400000", "0", "0", "400000", "0"]);
  await waitUntil("all have their credits", () =>
    gateways.every((gateway) => gateway.dispatcher("f").freeCredits === 1),
  );
});

test("a bootstrap that cannot run is an error at every gateway, and works once it can", async () => {
  const pod = await serve(BASH_LOOP, { code: { "other.txt": "x" }, runtime: "custom" });
  for (const gateway of gateways) {
    expect((await gateway.invoke("f")).failure).toMatch(/no "bootstrap" at the root of the code/);
    expect(gateway.events).toContain(`broken ${pod.name} BootstrapNotFound`);
  }
  await waitUntil("it is ready all the same", () =>
    pod.probe("/ready").then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  addFile(pod.codeFolder, "bootstrap", { text: BASH_LOOP, mode: 0o755 });
  for (const gateway of gateways)
    await waitUntil("it works", async () => (await gateway.invoke("f")).failure === undefined);
});

test("a caller that leaves while its multipart body is read has no event", async () => {
  await serve(nodeLoop("() => String(++ran)", { prelude: "let ran = 0;" }));
  await expectNoRunForWhoLeaves(gateways[0]);
});

test("an event that runs past its timeout: the others are finished, the pod is started again", async () => {
  const pod = await serve(
    nodeLoop(`({ query }) => new Promise((resolve) => setTimeout(() => resolve("fine"), Number(query.ms)))`, {
      loops: 2,
    }),
    { concurrency: 2, timeoutSeconds: 1 },
  );
  const late = gateways[0].invoke("f", { query: "ms=60000" });
  await waitUntil("it runs", () => gateways[0].dispatcher("f").running === 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const sibling = gateways[1].invoke("f", { query: "ms=900" });
  expect((await late).status).toBe(504);
  expect((await sibling).body.toString()).toBe("fine");
  expect(await pod.ended()).toBe(1);
});

test("SIGTERM under load: nothing fails", async () => {
  const bootstrap = nodeLoop("() => new Promise((resolve) => setTimeout(() => resolve('fine'), 3))", { loops: 2 });
  const leaving = await serve(bootstrap, { concurrency: 2 });
  const staying = await PodProcess.start({
    function: "f",
    gateways: gateways[0].address,
    roots,
    code: { bootstrap: { text: bootstrap, mode: 0o755 } },
    concurrency: 2,
  });
  await waitUntil("both are there", () =>
    gateways.every((gateway) => gateway.events.includes(`linked ${staying.name}`)),
  );
  let over = false;
  const statuses = new Set<number>();
  const load = gateways.flatMap((gateway) =>
    Array.from({ length: 10 }, async () => {
      while (!over) statuses.add((await gateway.invoke("f")).status);
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  leaving.kill("SIGTERM");
  expect(await leaving.ended()).toBe(0);
  over = true;
  await Promise.all(load);
  expect([...statuses]).toEqual([200]);
});
