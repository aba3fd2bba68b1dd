import { RawConnection } from "../support/httpClient";
import { testGateways, type TestGateway } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

const status = async (gateway: TestGateway) => (await gateway.gateway.status()).functions[0];

/** Answers with its process id after `ms`. */
const PID = `module.exports = async (req, res) => {
  await new Promise((resolve) => setTimeout(resolve, Number(req.query.ms ?? 0)));
  res.send(String(process.pid));
};`;

test("from none to as many instances as the load needs, at most the maximum, and back to none when idle", async () => {
  const gateway = await gateways.start({
    functions: { f: { code: PID, concurrency: 1, scale: { max: 3, idleSeconds: 1 } } },
    routes: { f: {} },
  });
  expect(await status(gateway)).toMatchObject({ instances: 0, starting: 0 });
  expect((await gateway.call("/f")).status).toBe(200);
  expect((await status(gateway)).instances).toBe(1);
  const answers = await Promise.all(Array.from({ length: 12 }, () => gateway.call("/f?ms=300")));
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
  const pids = [...new Set(answers.map(({ text }) => Number(text)))];
  expect(pids).toHaveLength(3);
  await waitUntil("all have gone", async () => (await status(gateway)).instances === 0);
  await waitUntil("their processes have ended", () => pids.every((pid) => !exists(pid)));
  expect(gateway.logs.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  expect((await gateway.call("/f")).status).toBe(200);
});

test("the minimum is there before the first request and stays", async () => {
  const gateway = await gateways.start({
    functions: { f: { code: PID, concurrency: 1, scale: { min: 2, max: 4, idleSeconds: 0.5 } } },
    routes: { f: {} },
  });
  await waitUntil("two are ready", async () => (await status(gateway)).instances === 2);
  await Promise.all(Array.from({ length: 8 }, () => gateway.call("/f?ms=300")));
  expect((await status(gateway)).instances).toBeGreaterThan(2);
  await waitUntil("only two are left", async () => (await status(gateway)).instances === 2);
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect((await status(gateway)).instances).toBe(2);
});

test("a timeout is a 504; its siblings on the same instance finish, and others get another one", async () => {
  const gateway = await gateways.start({
    functions: { f: { code: PID, timeoutSeconds: 3, scale: { max: 2 } } },
    routes: { f: {} },
  });
  await gateway.call("/f");
  // two at once: the instance is asked twice at the same time whether its event loop is alive
  const late = [gateway.call("/f?ms=60000"), gateway.call("/f?ms=60000")];
  await waitUntil("both run", async () => (await status(gateway)).running === 2);
  await new Promise((resolve) => setTimeout(resolve, 2_700));
  const sibling = gateway.call("/f?ms=2800");
  for (const answer of await Promise.all(late)) {
    expect(answer.status).toBe(504);
    expect(answer.json).toMatchObject({ errorType: "Timeout" });
  }
  const other = await gateway.call("/f");
  expect(other.status).toBe(200);
  const finished = await sibling;
  expect(finished.status).toBe(200);
  expect(finished.text).not.toBe(other.text);
});

test.each([
  ["it waits for what ends with its signal", "await new Promise((resolve) => (req.signal.onabort = resolve));"],
  [
    "it streams to a client that does not read",
    "await require('node:stream/promises').pipeline(async function* () { for (;;) yield 'x'.repeat(65536); }, res.stream());",
  ],
])("an instance whose handler ends when its time is over goes on: %s", async (_what, wait) => {
  const gateway = await gateways.start({
    functions: {
      f: {
        code: `module.exports = async (req, res) => {
          if (req.query.wait) ${wait}
          res.send(String(process.pid));
        };`,
        concurrency: 1,
        timeoutSeconds: 1,
        scale: { max: 1 },
      },
    },
    routes: { f: {} },
  });
  const { text: pid } = await gateway.call("/f");
  const late = await RawConnection.open(gateway.port);
  late.write("GET /f?wait=1 HTTP/1.1\r\nHost: a\r\n\r\n").socket.pause();
  await waitUntil("it runs", async () => (await status(gateway)).running === 1);
  // held, and brought to the same instance
  expect(await gateway.call("/f")).toMatchObject({ status: 200, text: pid });
  await waitUntil("it is recorded", () =>
    gateway.invocations().some(({ message }) => message.includes("its timeout of 1 s")),
  );
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(await gateway.call("/f")).toMatchObject({ status: 200, text: pid });
  expect(await status(gateway)).toMatchObject({ instances: 1, starting: 0 });
  late.end();
});

test("an instance whose event loop hangs is ended and replaced", async () => {
  const gateway = await gateways.start({
    functions: {
      f: {
        code: `module.exports = (req, res) => { res.send(String(process.pid)); if (req.query.hang !== undefined) for (;;); };`,
        timeoutSeconds: 0.5,
      },
    },
    routes: { f: {} },
  });
  const pid = Number((await gateway.call("/f")).text);
  expect((await gateway.call("/f?hang=1")).status).toBe(504);
  const next = await gateway.call("/f");
  expect(next.status).toBe(200);
  expect(Number(next.text)).not.toBe(pid);
  await waitUntil("the process has ended", () => !exists(pid));
  expect(gateway.logs.some(({ level, message }) => level === "error" && message.includes("event loop"))).toBe(true);
});

test("instances that end before they link: the reason reaches the caller, the pause doubles", async () => {
  const gateway = await gateways.start({
    functions: { f: { code: PID } },
    routes: { f: {} },
    variables: { f: { NODE_OPTIONS: "--no-such-option" } },
  });
  const answer = await gateway.call("/f");
  expect(answer.status).toBe(502);
  expect(answer.json).toMatchObject({ errorType: "InstanceStartFailed" });
  expect((await status(gateway)).failure).toContain("exited with code");
  const pending = gateway.call("/f");
  await waitUntil("it was tried three times", () =>
    gateway.logs.some(({ message }) => message.includes("2 tries in a row")),
  );
  expect((await pending).status).toBe(502);
  const pauses = gateway.logs
    .map(({ message }) => /next one in ([\d.]+) s/.exec(message)?.[1])
    .filter(Boolean)
    .map(Number);
  expect(pauses.slice(0, 2)).toEqual([0.25, 0.5]);
  expect(gateway.logs.some(({ message }) => message.includes("--no-such-option"))).toBe(true);
});

test.each([
  ["a rejection that nothing handles", "setTimeout(() => Promise.reject(new Error('db down')), 50);"],
  ["a signal", "setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50);"],
])(
  "instances that %s ends soon after they were ready are started again after pauses that grow",
  async (_what, code) => {
    const gateway = await gateways.start({
      functions: {
        f: { code: `${code} module.exports = () => new Promise(() => undefined);`, scale: { min: 1, max: 2 } },
      },
      routes: { f: {} },
    });
    const notes = () => gateway.logs.filter(({ message }) => message.includes("after it was ready and before"));
    await waitUntil("it has happened five times", () => notes().length === 5);
    const pauses = notes().map(({ message }) => /another one is started in ([\d.]+) s/.exec(message)?.[1]);
    expect(pauses).toEqual([undefined, "0.25", "0.5", "1", "2"]);
    expect(notes().map(({ level }) => level)).toEqual(["warn", "warn", "error", "error", "error"]);
    expect((await status(gateway)).failure).toMatch(/5 instances in a row ended soon after their start/);
    const history = (await gateway.admin("/deployments")).json as { status: string; error?: string }[];
    expect(history.map((each) => each.status)).toEqual(["deployed", "failed"]);
    expect(history[1].error).not.toMatch(/\d instances/);
  },
);

test("what waits for instances that do not last is answered with the reason, until one of them has worked", async () => {
  const gateway = await gateways.start({
    functions: {
      f: {
        code: `
            const isFixed = require("node:fs").existsSync(__dirname + "/../fixed");
            if (!isFixed) setTimeout(() => process.kill(process.pid, "SIGKILL"), 50);
            module.exports = (req, res) => {
              if (req.query.kill) process.kill(process.pid, "SIGKILL");
              res.send("fine");
            };`,
        scale: { min: 1, max: 1 },
        concurrency: 1,
      },
    },
    routes: { f: {} },
  });
  await waitUntil("it counts as one that cannot run", async () => (await status(gateway)).failure !== undefined);
  await gateway.region.code("f", "fixed", "");
  expect(await gateway.call("/f")).toMatchObject({ status: 200, text: "fine" });
  expect((await status(gateway)).failure).toBeUndefined();
  expect((await gateway.call("/f?kill=1")).status).toBe(502);
  // one that has worked is replaced at once
  const started = performance.now();
  expect((await gateway.call("/f")).status).toBe(200);
  expect(performance.now() - started).toBeLessThan(2_000);
});

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
