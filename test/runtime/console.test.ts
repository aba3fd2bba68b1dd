import { testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

test("lines of concurrent invocations never mix", async () => {
  const gateway = await gateways.start({
    functions: {
      f: `const { setTimeout: pause } = require("node:timers/promises");
        module.exports = async (req, res) => {
          for (let i = 0; i < 5; i++) {
            console.log(req.query.who, i);
            await pause(Math.random() * 5);
            await new Promise((resolve) => setImmediate(() => resolve(console.info(req.query.who, "callback"))));
            await new Promise((resolve) => process.nextTick(resolve));
          }
          await pause(10);
          res.send(req.query.who);
        };`,
    },
    routes: { f: {} },
  });
  const names = Array.from({ length: 40 }, (_, i) => `caller-${i}`);
  const answers = await Promise.all(names.map((name) => gateway.call(`/f?who=${name}`)));
  await waitUntil("all lines are there", () => gateway.console().length === 400);
  for (const answer of answers) {
    const lines = gateway.logs.filter(
      ({ source, requestId }) => source === "console" && requestId === answer.headers["x-request-id"],
    );
    expect(lines).toHaveLength(10);
    expect(lines.filter(({ message }) => message.startsWith(`${answer.text} `))).toHaveLength(10);
  }
});

test("levels, formats and long lines", async () => {
  const gateway = await gateways.start({
    functions: {
      f: `console.log("while loading");
        module.exports = (req, res) => {
          console.debug("d"); console.log("l %s %d", "x", 1); console.info({ a: [1] }); console.warn("w"); console.error(new Error("e"));
          console.table([{ a: 1 }]);
          console.log("x".repeat(50000));
          process.stdout.write("plain output\\n");
          res.send();
        };`,
    },
    routes: { f: {} },
  });
  const { headers } = await gateway.call("/f");
  await waitUntil("the output is read", () => gateway.logs.some(({ source }) => source === "output"));
  const own = gateway.logs.filter(
    ({ source, requestId }) => source === "console" && requestId === headers["x-request-id"],
  );
  expect(own.slice(0, 4)).toMatchObject([
    { level: "debug", message: "d", function: "f" },
    { level: "info", message: "l x 1" },
    { level: "info", message: "{ a: [ 1 ] }" },
    { level: "warn", message: "w" },
  ]);
  expect(own[4]).toMatchObject({ level: "error", message: expect.stringMatching(/^Error: e\n\s+at /) as string });
  expect(own[5].message).toContain("│");
  expect(own[6].message).toMatch(/^x{16384}… \(50000 characters\)$/);
  expect(gateway.logs.find(({ message }) => message === "while loading")).not.toHaveProperty("requestId");
  expect(gateway.logs.find(({ source }) => source === "output")).toMatchObject({
    message: "plain output",
    level: "info",
  });
});

test("a line after the end of its invocation belongs to no other one", async () => {
  const gateway = await gateways.start({
    functions: {
      f: `const { setTimeout: pause } = require("node:timers/promises");
        module.exports = async (req, res) => {
          res.send(req.query.who);
          if (req.query.who === "early") pause(100).then(() => console.log("late line"));
          else await pause(300);
        };`,
    },
    routes: { f: {} },
  });
  await gateway.call("/f?who=early");
  const others = await Promise.all(Array.from({ length: 10 }, () => gateway.call("/f?who=other")));
  await waitUntil("the line is there", () => gateway.console().includes("late line"));
  const { requestId } = gateway.logs.find(({ message }) => message === "late line")!;
  expect(others.map(({ headers }) => headers["x-request-id"])).not.toContain(requestId);
});
