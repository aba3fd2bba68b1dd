import { testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

const later = (milliseconds: number) => `await new Promise((resolve) => setTimeout(resolve, ${milliseconds}));`;

/** A function whose `slow` invocations answer only after one that goes wrong has done so. */
const withSiblings = (wrong: string) =>
  gateways.start({
    functions: {
      f: {
        code: `
          module.exports = async (req, res) => {
            if (req.query.slow !== undefined) { ${later(300)} return res.send("slow"); }
            if (req.query.pid !== undefined) return res.send(String(process.pid));
            ${wrong}
          };`,
        timeoutSeconds: 5,
      },
    },
    routes: { f: {} },
  });

test.each([
  ["a promise rejection that nothing handles", `Promise.reject(new RangeError("lost")); ${later(5_000)}`, "RangeError"],
  ["an error in a timer", `setTimeout(() => { throw new RangeError("lost"); }, 1); ${later(5_000)}`, "RangeError"],
  [
    "an error event that nobody listens to",
    `setImmediate(() => new (require("node:events"))().emit("error", new RangeError("lost"))); ${later(5_000)}`,
    "RangeError",
  ],
  ["process.exit", "process.exit(0);", "ProcessExit"],
  ["process.exit in a callback", `setTimeout(() => process.exit(3), 1); ${later(5_000)}`, "ProcessExit"],
])(
  "%s is answered as an error of its own invocation; its siblings finish on an instance that is then replaced",
  async (_what, wrong, errorType) => {
    const gateway = await withSiblings(wrong);
    const pid = (await gateway.call("/f?pid=1")).text;
    const siblings = Array.from({ length: 5 }, () => gateway.call("/f?slow=1"));
    await waitUntil("the siblings run", async () => (await gateway.gateway.status()).functions[0].running === 5);
    const started = performance.now();
    const answer = await gateway.call("/f");
    expect(answer.status).toBe(500);
    expect(answer.json).toMatchObject({ errorType, requestId: answer.headers["x-request-id"] });
    expect(performance.now() - started).toBeLessThan(1_000);
    for (const sibling of await Promise.all(siblings)) expect(sibling).toMatchObject({ status: 200, text: "slow" });
    const next = await gateway.call("/f?pid=1");
    expect(next.status).toBe(200);
    expect(next.text).not.toBe(pid);
    const lines = gateway.logs.filter(
      ({ requestId, source }) => requestId === answer.headers["x-request-id"] && source === "console",
    );
    expect(lines.length).toBeGreaterThan(0);
  },
);

test("what is thrown and cannot even be looked at is answered too, and ends nothing else", async () => {
  const gateway = await gateways.start({
    functions: {
      f: `module.exports = (req, res) => {
        if (req.query.wrong !== undefined) throw Object.defineProperty(new Error(), "name", { get: () => { throw new Error("trap"); } });
        return new Promise((resolve) => setTimeout(resolve, 300)).then(() => res.send(String(process.pid)));
      };`,
    },
    routes: { f: {} },
  });
  const pid = (await gateway.call("/f")).text;
  const sibling = gateway.call("/f");
  await waitUntil("it runs", async () => (await gateway.gateway.status()).functions[0].running === 1);
  const answer = await gateway.call("/f?wrong=1");
  expect(answer).toMatchObject({ status: 500, json: { errorMessage: "trap" } });
  expect(answer.json).toMatchObject({ requestId: answer.headers["x-request-id"] });
  expect(await sibling).toMatchObject({ status: 200, text: pid });
  expect(await gateway.call("/f")).toMatchObject({ status: 200, text: pid });
});

test("with several at once, an error that reached the process belongs to the one in whose context it arose", async () => {
  const gateway = await gateways.start({
    functions: {
      f: `module.exports = async (req, res) => {
        ${later(20)}
        if (req.query.wrong !== undefined) Promise.reject(new Error("wrong" + req.query.wrong));
        ${later(200)}
        res.send("fine");
      };`,
    },
    routes: { f: {} },
  });
  await gateway.call("/f");
  const answers = await Promise.all(["/f", "/f?wrong=1", "/f", "/f?wrong=2", "/f"].map((path) => gateway.call(path)));
  expect(answers.map(({ status }) => status)).toEqual([200, 500, 200, 500, 200]);
  expect(answers[1].json).toMatchObject({ errorMessage: "wrong1" });
  expect(answers[3].json).toMatchObject({ errorMessage: "wrong2" });
});

test("an instance that dies is a 502 for what it ran, and the next request has a new one", async () => {
  const gateway = await withSiblings("process.kill(process.pid, 'SIGKILL');");
  const answer = await gateway.call("/f");
  expect(answer.status).toBe(502);
  expect(answer.json).toMatchObject({ errorType: "InstanceLost" });
  expect(await gateway.call("/f?pid=1")).toMatchObject({ status: 200 });
});

test("running out of memory ends the instance and nothing else", async () => {
  const gateway = await gateways.start({
    functions: {
      f: {
        code: `module.exports = (req, res) => {
          if (req.query.all === undefined) return res.send("fine");
          const all = []; for (;;) all.push(new Array(100000).fill(Math.random()));
        };`,
        memoryMiB: 64,
      },
    },
    routes: { f: {} },
  });
  expect((await gateway.call("/f?all=1")).status).toBe(502);
  expect(await gateway.call("/f")).toMatchObject({ status: 200, text: "fine" });
});

test("a child that the handler leaves behind, with the instance's output in hand, does not keep the gateway from stopping", async () => {
  const gateway = await gateways.start({
    functions: {
      f: `module.exports = (req, res) => {
        const child = require("node:child_process").spawn("sleep", ["20"], { stdio: "inherit", detached: true });
        res.send(String(child.pid));
      };`,
    },
    routes: { f: {} },
  });
  const pid = Number((await gateway.call("/f")).text);
  const started = performance.now();
  await gateway.gateway.stop();
  expect(performance.now() - started).toBeLessThan(4_000);
  process.kill(pid);
});

test("code that waits at its top level ends in an error that says so", async () => {
  const gateway = await gateways.start({
    functions: {
      f: {
        code: {
          "package.json": '{"type":"module"}',
          "src/index.js": "await new Promise((resolve) => setTimeout(resolve, 60_000)); export default () => {};",
        },
        limits: { initSeconds: 0.3 },
      },
    },
    routes: { f: {} },
  });
  const answer = await gateway.call("/f");
  expect(answer.status).toBe(500);
  expect(answer.json).toMatchObject({
    errorType: "InitTimeout",
    errorMessage: expect.stringContaining("was not loaded within 0.3 s") as string,
  });
});

test.each([
  ["module.exports = require('not-installed');", "commonjs"],
  ["import 'not-installed'; export default () => {};", "module"],
])("a package that is missing is named, and what to do; no path of the machine: %s", async (source, type) => {
  const gateway = await gateways.start({
    functions: { f: { code: { "package.json": JSON.stringify({ type }), "src/index.js": source } } },
    routes: { f: {} },
  });
  const { status, json } = await gateway.call("/f");
  const { errorMessage } = json as { errorMessage: string };
  expect(status).toBe(500);
  expect(errorMessage).toMatch(/^Cannot find (?:module|package) 'not-installed'; .*npm install/);
  expect(errorMessage).not.toContain("/src/");
});

test("an instance that runs out of memory is answered for, and the log says what to do", async () => {
  const gateway = await gateways.start({
    functions: {
      f: {
        memoryMiB: 64,
        code: "const kept = []; module.exports = async () => { for (;;) kept.push(new Array(1e5).fill({ a: 1.5 })); };",
      },
    },
    routes: { f: {} },
  });
  expect(await gateway.call("/f")).toMatchObject({ status: 502, json: { errorType: "InstanceLost" } });
  await waitUntil("the log names the limit", () =>
    gateway.logs.some(({ message }) => message.includes("ran out of memory (`memory` is 64 MiB)")),
  );
});

test("code that blocks while it loads is ended, and callers learn why", async () => {
  const gateway = await gateways.start({
    functions: { f: { code: "for (;;);", limits: { initSeconds: 0.2 } } },
    routes: { f: {} },
  });
  expect(await gateway.call("/f")).toMatchObject({
    status: 502,
    json: {
      errorType: "InitTimeout",
      errorMessage: expect.stringContaining("s and kept its process busy all the time") as string,
    },
  });
});

test("output without line ends is cut", async () => {
  const gateway = await gateways.start({
    functions: {
      f: `module.exports = async (req, res) => {
        await new Promise((resolve) => process.stdout.write("x".repeat(1e6) + "\\nlast\\n", resolve));
        res.send("fine");
      };`,
    },
    routes: { f: {} },
  });
  expect((await gateway.call("/f")).status).toBe(200);
  await waitUntil("the output is logged", () => gateway.logs.some(({ message }) => message === "last"));
  const [long] = gateway.logs.filter(({ message }) => message.startsWith("xxx"));
  expect(long.message).toMatch(/^x{16384}… \(1000000 characters\)$/);
});

test("the stack of an error ends at the handler that threw it", async () => {
  const gateway = await gateways.start({
    functions: {
      f: `module.exports = (req, res) => {
        if (req.query.set !== undefined) res.set("no header", "x");
        if (req.query.more !== undefined) throw Object.assign(new Error("boom", { cause: new Error("deep") }), { code: 7 });
        throw new Error("boom");
      };`,
    },
    routes: { f: {} },
  });
  const handler = (line: number) =>
    expect.stringMatching(new RegExp(`^ +at module\\.exports .*/f/src/index\\.js:${line}:\\d+\\)( \\{)?$`)) as string;
  const logged = async (query: string) => {
    const { headers } = await gateway.call(`/f${query}`);
    const own = gateway.logs.filter(
      ({ requestId, source }) => requestId === headers["x-request-id"] && source === "console",
    );
    return own.flatMap(({ message }) => message.split("\n"));
  };
  expect(await logged("")).toEqual(["Error: boom", handler(4)]);
  expect(await logged("?more=1")).toEqual([
    "Error: boom",
    handler(3),
    "  code: 7,",
    "  [cause]: Error: deep",
    handler(3),
    "}",
  ]);
  expect(await logged("?set=1")).toEqual([
    'TypeError: "no header" is not a header name',
    expect.stringMatching(/^ +at Response\.set /) as string,
    handler(2),
  ]);
});
