import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { clients } from "../support/clients";
import { GatewayProcess } from "../support/gatewayProcess";
import { call, RawConnection } from "../support/httpClient";
import { TestRegion } from "../support/region";
import { temporaryFolder } from "../support/temporaryFolder";
import { testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const folder = temporaryFolder();
const gateways = testGateways();
let processes: GatewayProcess[] = [];

afterEach(async () => {
  await Promise.all(processes.map((gateway) => gateway.end("SIGKILL")));
  processes = [];
});

async function startProcess(region: TestRegion, options = {}): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(region, options);
  processes.push(gateway);
  return gateway;
}

/** How long instances are killed under load: `FULLCODE_SOAK_SECONDS=30 npx jest test/e2e/resilience`. */
const SOAK_SECONDS = Number(process.env.FULLCODE_SOAK_SECONDS ?? 5);
const CONNECTIONS = 64;

test(
  `an instance is killed every second for ${SOAK_SECONDS} s: every request is answered, and only what it ran fails`,
  async () => {
    const gateway = await gateways.start({
      functions: {
        f: {
          code: `module.exports = async (req, res) => {
            if (req.query.pid === undefined) await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
            res.send(String(process.pid));
          };`,
          scale: { max: 2 },
        },
      },
      routes: { f: { method: "ANY" } },
    });
    const statuses: Record<string, number> = {};
    const unexpected: unknown[] = [];
    let slowest = 0;
    const load = clients(CONNECTIONS, async (agent) => {
      const started = performance.now();
      try {
        const { status, json } = await call(`${gateway.url}/f`, { agent }).then(({ status, text }) => ({
          status,
          json: status === 200 ? undefined : (JSON.parse(text) as { errorType: string }),
        }));
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (json !== undefined && json.errorType !== "InstanceLost") unexpected.push(json);
      } catch (error) {
        unexpected.push((error as Error).message);
      }
      slowest = Math.max(slowest, performance.now() - started);
    });
    let kills = 0;
    const end = performance.now() + SOAK_SECONDS * 1000;
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      process.kill(Number((await call(`${gateway.url}/f?pid=1`)).text), "SIGKILL");
      kills++;
    }
    await load.stop();
    const failed = statuses[502] ?? 0;
    console.log(
      `${SOAK_SECONDS} s, ${kills} kills: ${statuses[200]} answered with 200, ${failed} with 502, slowest ${Math.round(slowest)} ms`,
    );
    expect(unexpected).toEqual([]);
    expect(Object.keys(statuses).filter((status) => status !== "200" && status !== "502")).toEqual([]);
    // an instance runs 16 at once
    expect(failed).toBeLessThanOrEqual(kills * 16);
    expect(statuses[200]).toBeGreaterThan(100 * SOAK_SECONDS);
    expect(slowest).toBeLessThan(10_000);
    expect((await gateway.gateway.status()).functions[0]).toMatchObject({ running: 0, held: 0 });
  },
  (SOAK_SECONDS + 60) * 1000,
);

test("1,000 first requests to an idle function are all answered", async () => {
  const gateway = await gateways.start({
    functions: { f: "module.exports = (req, res) => res.send(String(req.body.length));" },
    routes: { f: { method: "POST" } },
  });
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) => call(`${gateway.url}/f`, { body: "x".repeat(i + 1) })),
  );
  expect(answers.filter(({ status, text }, i) => status !== 200 || text !== String(i + 1)).length).toBe(0);
});

test("kill -9 of the gateway: 500 accepted messages are all processed after a restart", async () => {
  const region = new TestRegion(folder());
  const done = join(folder(), "done.log");
  await region.declare({
    functions: {
      f: `module.exports = async (req, res) => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        require("node:fs").appendFileSync(process.env.DONE_FILE, req.body.n + "\\n");
      };`,
    },
    queues: { work: {} },
    variables: { f: { DONE_FILE: done } },
  });
  const first = await startProcess(region);
  const accepted = await Promise.all(
    Array.from({ length: 500 }, (_, n) => call(`${first.url}/queues/work`, { body: { n } })),
  );
  expect(accepted.filter(({ status }) => status !== 202)).toEqual([]);
  await waitUntil("some are processed", async () => (await lines(done)).length > 20);
  await first.end("SIGKILL");
  const before = new Set(await lines(done)).size;
  expect(before).toBeLessThan(500);
  await startProcess(region);
  await waitUntil("all are processed", async () => new Set(await lines(done)).size === 500, 40_000);
});

test("editing a handler under load: no failed request, and the new code answers", async () => {
  const region = new TestRegion(folder());
  const code = (text: string) => `module.exports = (req, res) => res.send("${text}");`;
  await region.declare({ functions: { f: code("v0") }, routes: { f: {} } });
  const gateway = await startProcess(region, { watchCode: true });
  const failures: unknown[] = [];
  const load = clients(16, async (agent) => {
    await call(`${gateway.url}/f`, { agent }).then(
      ({ status, text }) => status === 200 || failures.push([status, text]),
      (error: Error) => failures.push(error.message),
    );
  });
  for (const version of ["v1", "v2", "v3"]) {
    await region.code("f", "src/index.js", code(version));
    await waitUntil(`${version} answers`, async () => (await call(`${gateway.url}/f`)).text === version);
  }
  await load.stop();
  expect(failures).toEqual([]);
});

test("SIGTERM under load: no request that was accepted is dropped", async () => {
  const region = new TestRegion(folder());
  await region.declare({
    functions: {
      f: `module.exports = async (req, res) => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
        res.send("fine");
      };`,
    },
    routes: { f: {} },
  });
  const gateway = await startProcess(region);
  const outcomes: Record<string, number> = {};
  let refused = false;
  const load = clients(32, async (agent) => {
    const outcome = await call(`${gateway.url}/f`, { agent }).then(
      ({ status }) => String(status),
      (error: NodeJS.ErrnoException) => error.code ?? error.message,
    );
    if (outcome === "ECONNREFUSED") {
      refused = true;
      return new Promise((resolve) => setTimeout(resolve, 20));
    }
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  });
  // one that takes part in nothing must not keep the gateway from stopping
  const silent = await RawConnection.open(gateway.port);
  await waitUntil("there is traffic", () => (outcomes["200"] ?? 0) > 200);
  const started = performance.now();
  expect(await gateway.end("SIGTERM")).toBe(0);
  expect(performance.now() - started).toBeLessThan(5_000);
  await waitUntil("connections are refused", () => refused);
  await load.stop();
  silent.end();
  expect(Object.keys(outcomes)).toEqual(["200"]);
  expect(gateway.errors).toEqual([]);
});

const isRoot = process.getuid?.() === 0;

(isRoot ? test : test.skip)(
  `a full disk: what is not accepted is an error, what was accepted is kept${isRoot ? "" : " (SKIPPED: needs root to mount a small disk)"}`,
  async () => {
    const disk = join(folder(), "disk");
    mkdirSync(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], { stdio: "pipe" });
    } catch (error) {
      console.warn(`SKIPPED: no small disk can be mounted here: ${(error as Error).message}`);
      return;
    }
    try {
      const region = new TestRegion(disk);
      await region.declare({
        functions: { f: "module.exports = (req, res) => res.send();" },
        routes: { f: {} },
        queues: { work: {} },
      });
      await region.function("f", {
        code: `const { appendFileSync } = require("node:fs");
          module.exports = async (req, res) => {
            if (req.method !== undefined) return res.send("fine");
            while (!require("node:fs").existsSync(process.env.GO_FILE)) await new Promise((r) => setTimeout(r, 20));
            appendFileSync(process.env.DONE_FILE, req.body.n + "\\n");
          };`,
        concurrency: 1,
        scale: { max: 1 },
        timeoutSeconds: 60,
      });
      await region.variables("f", { DONE_FILE: join(folder(), "done.log"), GO_FILE: join(folder(), "go") });
      const gateway = await startProcess(region);
      const accepted: number[] = [];
      let refused = 0;
      for (let n = 0; n < 60 && refused < 3; n++) {
        const { status, text } = await call(`${gateway.url}/queues/work`, {
          body: { n, filler: "x".repeat(1_000_000) },
        });
        if (status === 202) accepted.push(n);
        else {
          refused++;
          expect([status, text]).toEqual([507, expect.stringContaining("could not write to disk")]);
          expect(text).not.toContain(disk);
        }
      }
      expect(refused).toBe(3);
      expect(accepted.length).toBeGreaterThan(3);
      execFileSync("mount", ["-o", "remount,size=96m", disk], { stdio: "pipe" });
      await waitUntil("messages are taken again", async () => {
        const n = 1_000;
        const { status } = await call(`${gateway.url}/queues/work`, { body: { n } });
        if (status === 202) accepted.push(n);
        return status === 202;
      });
      execFileSync("touch", [join(folder(), "go")]);
      await waitUntil("all that were accepted are processed", async () => {
        const done = new Set((await lines(join(folder(), "done.log"))).map(Number));
        return accepted.every((n) => done.has(n));
      });
      expect(await gateway.end("SIGTERM")).toBe(0);
    } finally {
      await Promise.all(processes.splice(0).map((gateway) => gateway.end("SIGKILL")));
      execFileSync("umount", ["-l", disk]);
    }
  },
);

async function lines(file: string): Promise<string[]> {
  try {
    return (await readFile(file, "utf8")).trim().split("\n");
  } catch {
    return [];
  }
}
