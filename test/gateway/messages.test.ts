import { join } from "node:path";

import { cronQueueName } from "../../src/gateway/crons/cronQueueName";
import { openEmbeddedStore } from "../../src/gateway/queues/embeddedStore";
import { STATE_FOLDER } from "../../src/spec";
import { type FunctionDeclaration, type TestRegion } from "../support/region";
import { TestGateway, testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

interface Letter {
  reason: string;
  attempts: number;
  body: string;
}

async function lettersOf(gateway: TestGateway, query = ""): Promise<Letter[]> {
  const { text } = await gateway.admin(`/queues/work/dead-letters${query}`);
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Letter);
}

test("POST /queues/:name takes a message, and says what is wrong with one that it does not take", async () => {
  const gateway = await gateways.start({
    functions: { f: "module.exports = (req, res) => res.json([typeof req.body, req.body]);" },
    queues: { work: {} },
  });
  const post = (path: string, body: string | object, headers: Record<string, string> = {}) =>
    gateway.call(path, { method: "POST", body, headers });
  const accepted = await post("/queues/work", { a: 1 });
  expect(accepted.status).toBe(202);
  expect(accepted.json).toEqual({ id: expect.any(String) as string, queue: "work", duplicate: false });
  expect((await post("/queues/work", "plain", { "content-type": "text/plain" })).status).toBe(202);
  const invalid = await post("/queues/work", "{", { "content-type": "application/json" });
  expect(invalid.status).toBe(400);
  expect(invalid.json).toMatchObject({ errorType: "InvalidBody", requestId: invalid.headers["x-request-id"] });
  expect((await post("/queues/other", {})).status).toBe(404);
  expect((await post("/queues/work", {}, { "sec-fetch-site": "cross-site" })).status).toBe(403);
  expect((await gateway.call("/queues/work")).headers.allow).toBe("POST");
  expect((await post("/queues/work", "x".repeat(6 * 1024 * 1024 + 1))).status).toBe(413);
  const twice = { "deduplication-id": "order-7" };
  await post("/queues/work", { b: 1 }, twice);
  expect((await post("/queues/work", { b: 1 }, twice)).json).toMatchObject({ duplicate: true });
  await waitUntil("three are delivered", () => gateway.invocations().length === 3);
  const responses = gateway.invocations().map(({ invocation }) => JSON.parse(invocation!.response!) as unknown);
  expect(responses).toEqual(
    expect.arrayContaining([
      ["object", { a: 1 }],
      ["string", "plain"],
      ["object", { b: 1 }],
    ]),
  );
});

test.each([
  ["throws", 'throw new Error("poison " + req.appInfo.deliveryAttempt);', "poison 3"],
  ["answers with an error", 'res.status(422).send("not " + req.appInfo.deliveryAttempt);', "status 422: not 3"],
  ["ends its process", "process.exit(1);", "process.exit"],
])(
  "a message whose handler %s is delivered again, then is a dead letter with the reason",
  async (_what, code, reason) => {
    const gateway = await gateways.start({
      functions: { f: `module.exports = async (req, res) => { ${code} };` },
      queues: { work: { maxDeliveries: 3, backoffSeconds: 0.02 } },
    });
    await gateway.call("/queues/work", { body: { n: 1 } });
    const letters = () => lettersOf(gateway);
    await waitUntil("it is a dead letter", async () => (await letters()).length === 1);
    expect((await letters())[0]).toMatchObject({
      attempts: 3,
      body: '{"n":1}',
      reason: expect.stringContaining(reason) as string,
    });
    const attempts = gateway.invocations().map(({ invocation }) => invocation!.deliveryAttempt);
    expect(attempts).toEqual([1, 2, 3]);
    expect(gateway.logs.some(({ message }) => message.includes("dead-letter queue after 3 deliveries"))).toBe(true);
    expect((await gateway.admin("/queues/work/redrive", { body: {} })).json).toEqual({ count: 1, cut: 0 });
    await waitUntil("it is delivered anew", () => gateway.invocations().length > 3);
  },
);

const LOOP = `#!/bin/sh
while id=$(curl -s -D - -o /dev/null "http://$RUNTIME_API_ADDR/v1/runtime/invocation/request" | tr -d '\\r' | sed -n 's/^x-cff-request-id: //ip'); do
  curl -s -d ok "http://$RUNTIME_API_ADDR/v1/runtime/invocation/response/$id"
done`;
const WORKS = "module.exports = () => {};";

test.each<[string, FunctionDeclaration, Record<string, string>, (region: TestRegion) => Promise<void>]>([
  [
    "does not start",
    { code: WORKS },
    { NODE_OPTIONS: "--no-such-option" },
    (region) => region.variables("f", { NODE_OPTIONS: "" }),
  ],
  ["does not load", { code: "throw new Error('no');" }, {}, (region) => region.code("f", "src/index.js", WORKS)],
  [
    "has no bootstrap that can be run",
    { runtime: "custom", code: { bootstrap: "#!/bin/false" } },
    {},
    (region) => region.code("f", "bootstrap", LOOP),
  ],
])(
  "a message whose function %s keeps its deliveries, and is tried less and less often until that is corrected",
  async (_what, declared, variables, correct) => {
    const gateway = await gateways.start(
      {
        functions: { f: { concurrency: 4, ...declared } },
        variables: { f: variables },
        queues: { work: { maxDeliveries: 2, backoffSeconds: 0.02 } },
      },
      { watchCode: true },
    );
    for (let n = 0; n < 3; n++) await gateway.call("/queues/work", { body: { n } });
    const counts = async () => ((await gateway.admin("/queues")).json as Record<string, number>[])[0];
    const failed = () => gateway.invocations().filter(({ invocation }) => invocation!.status >= 500).length;
    await waitUntil("it was tried several times", () => failed() >= 5);
    const [before, started] = [failed(), performance.now()];
    await waitUntil("and again", () => failed() > before);
    expect(performance.now() - started).toBeGreaterThan(200);
    await correct(gateway.region);
    await waitUntil("all are delivered", async () => {
      const { pending, inFlight } = await counts();
      return pending + inFlight === 0;
    });
    expect((await counts()).deadLetters).toBe(0);
    const delivered = gateway.invocations().filter(({ invocation }) => invocation!.status < 400);
    expect(delivered.map(({ invocation }) => invocation!.deliveryAttempt)).toEqual([1, 1, 1]);
  },
);

test("messages that wait for an instance leave room for callers, and are all delivered", async () => {
  const code = `for (const end = Date.now() + 1_500; Date.now() < end;);
    module.exports = (req, res) => new Promise((end) => setTimeout(end, 100)).then(() => res.send("done"));`;
  const gateway = await gateways.start({
    functions: { f: { code, concurrency: 20, scale: { max: 3 }, limits: { heldRequests: 20 } } },
    routes: { f: {} },
    queues: { work: {}, more: {} },
  });
  const publish = (queue: string) =>
    Promise.all(Array.from({ length: 100 }, (_, n) => gateway.call(`/queues/${queue}`, { body: { n } })));
  await Promise.all([publish("work"), publish("more")]);
  const [state] = (await gateway.gateway.status()).functions;
  expect(state).toMatchObject({ instances: 0, running: 0 });
  expect(state.held).toBeGreaterThanOrEqual(2);
  const answers = await Promise.all(Array.from({ length: 10 }, () => gateway.call("/f")));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  await waitUntil("all are delivered", () => gateway.invocations().length === 210);
  expect(gateway.invocations().every(({ invocation }) => invocation!.status === 200)).toBe(true);
});

test("dead letters are listed with the beginnings of their bodies, and with whole ones when they are asked for", async () => {
  const gateway = await gateways.start({
    functions: { f: "module.exports = (req, res) => res.status(400).send('no');" },
    queues: { work: { maxDeliveries: 1 } },
  });
  // characters of two bytes, one of them on both sides of where the body is cut
  const body = `x${"é".repeat(1_000_000)}`;
  await gateway.call("/queues/work", { method: "POST", body, headers: { "content-type": "text/plain" } });
  await waitUntil("it is a dead letter", async () => (await lettersOf(gateway)).length === 1);
  expect(await lettersOf(gateway)).toMatchObject([{ bodyBytes: 2_000_001, body: `x${"é".repeat(2_047)}` }]);
  expect(await lettersOf(gateway, "?bodies=whole&limit=1000")).toMatchObject([{ bodyBytes: 2_000_001, body }]);
  for (const limit of ["0", "1001", "1.5", "all"]) {
    const refused = await gateway.admin(`/queues/work/dead-letters?limit=${limit}`);
    expect([refused.status, refused.json]).toMatchObject([400, { errorType: "InvalidLimit" }]);
  }
});

test("a stream without a caller is not collected without end", async () => {
  const gateway = await gateways.start({
    functions: {
      f: {
        code: `module.exports = async (req, res) => {
          const out = res.stream();
          for (let i = 0; i < 8; i++) await new Promise((resolve) => out.write(Buffer.alloc(100_000), resolve));
          out.end();
        };`,
        limits: { responseBytes: 500_000 },
      },
    },
    queues: { work: { maxDeliveries: 1 } },
  });
  await gateway.call("/queues/work", { body: {} });
  const letters = () => lettersOf(gateway);
  await waitUntil("it is a dead letter", async () => (await letters()).length === 1);
  expect((await letters())[0].reason).toContain("more than 500000 bytes");
});

test("a message that times out is delivered again", async () => {
  const gateway = await gateways.start({
    functions: {
      f: {
        code: "module.exports = (req) => req.appInfo.deliveryAttempt === 1 ? new Promise(() => {}) : undefined;",
        timeoutSeconds: 0.3,
      },
    },
    queues: { work: { backoffSeconds: 0.02 } },
  });
  await gateway.call("/queues/work", { body: {} });
  await waitUntil("the second delivery succeeds", () =>
    gateway.invocations().some(({ invocation }) => invocation!.status === 204),
  );
  const counts = async () => ((await gateway.admin("/queues")).json as Record<string, number>[])[0];
  await waitUntil("it is acknowledged", async () => (await counts()).inFlight === 0);
  expect(await counts()).toMatchObject({ pending: 0, deadLetters: 0 });
});

test("a cron invokes its function with the time that it stands for, once each", async () => {
  const gateway = await gateways.start({
    functions: { f: "module.exports = (req, res) => res.send(req.trigger.scheduledTime);" },
    crons: { tick: { schedule: "* * * * * *" } },
  });
  await waitUntil("it has fired three times", () => gateway.invocations().length === 3);
  const times = gateway.invocations().map(({ invocation }) => Date.parse(invocation!.response!));
  expect(new Set(times).size).toBe(3);
  for (const [i, time] of times.entries()) expect(time - times[0]).toBe(i * 1000);
});

test.each(["{", "null", '{"scheduledTime":1}'])(
  "what is on a cron's queue and is no firing is a dead letter at once: %s",
  async (body) => {
    const gateway = await gateways.start({
      functions: { f: "module.exports = () => {};" },
      crons: { tick: { schedule: "* * * * * *", maxDeliveries: 50 } },
    });
    await gateway.gateway.stop();
    const store = await openEmbeddedStore(join(gateway.region.folder, STATE_FOLDER, "messages"));
    const foreign = { body: Buffer.from(body), contentType: "application/json" };
    for (let n = 0; n < 20; n++) await store.publish(cronQueueName("tick"), foreign);
    await store.close();
    const next = await TestGateway.start(gateway.region);
    try {
      const counts = async () => (await next.admin("/queues")).json as Record<string, unknown>[];
      await waitUntil("all are dead letters", async () => (await counts())[0].deadLetters === 20);
      const { text } = await next.admin(`/queues/${cronQueueName("tick")}/dead-letters`);
      const letters = text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Letter);
      expect(letters[0]).toMatchObject({
        attempts: 1,
        reason: expect.stringContaining("no firing of this cron") as string,
      });
      await waitUntil("it fires all the same", () => next.invocations().length > 0);
    } finally {
      await next.gateway.stop();
    }
  },
);
