import { RawConnection } from "../support/httpClient";
import { type TestGateway, testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

/** Holds every invocation until `/go` is called: `free` is a second function. */
const HOLD = `module.exports = async (req, res) => {
  const length = req.body === undefined ? 0 : req.body.length;
  while (!require("node:fs").existsSync(process.env.GO_FILE)) await new Promise((r) => setTimeout(r, 5));
  res.send(String(length));
};`;

const serve = (limits: Record<string, number>, more: Record<string, unknown> = {}) =>
  gateways.start({
    functions: {
      f: { code: HOLD, concurrency: 1, scale: { max: 1 }, limits, timeoutSeconds: 20, ...more },
    },
    routes: { f: { method: "ANY" } },
    variables: { f: { GO_FILE: `${gateways.folder()}/go` } },
  });

const go = (gateway: { region: { code(name: string, file: string, text: string): Promise<void> } }) =>
  gateway.region.code("../..", "go", "");

test("a body that says it is too large is a 413 at once; one that turns out to be is too", async () => {
  const gateway = await serve({ requestBytes: 1_000 });
  await go(gateway);
  expect(await gateway.call("/f", { body: "x".repeat(1_000) })).toMatchObject({ status: 200, text: "1000" });
  const declared = await gateway.call("/f", { body: "x".repeat(1_001) });
  expect(declared.status).toBe(413);
  expect(declared.json).toMatchObject({ errorType: "RequestTooLarge" });
  const chunked = await gateway.call("/f", { body: "x".repeat(1_001), headers: { "transfer-encoding": "chunked" } });
  expect(chunked.status).toBe(413);
});

test.each(["Content-Length: 50000000", "Transfer-Encoding: chunked"])(
  "a client that goes on sending what is too large still gets to read the 413: %s",
  async (framing) => {
    const gateway = await serve({ requestBytes: 1_000 });
    await go(gateway);
    await gateway.call("/f");
    const connection = await RawConnection.open(gateway.port);
    connection.write(`POST /f HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
    const part = framing.startsWith("C") ? "x".repeat(50_000) : `c350\r\n${"x".repeat(50_000)}\r\n`;
    for (let i = 0; i < 200; i++) {
      connection.write(part);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitUntil("the answer is there", () => connection.statuses.length === 1 || connection.isClosed);
    expect(connection.statuses).toEqual([413]);
    connection.end();
  },
);

test("a client that asks before it sends is told not to", async () => {
  const gateway = await serve({ requestBytes: 1_000 });
  const connection = await RawConnection.open(gateway.port);
  connection.write("POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\nExpect: 100-continue\r\n\r\n");
  await waitUntil("it is answered", () => connection.statuses.length > 0);
  expect(connection.statuses).toEqual([413]);
  connection.end();
});

test("held requests over the limit are a 429 that says when to come again", async () => {
  const gateway = await serve({ heldRequests: 3 });
  const running = gateway.call("/f");
  await waitUntil("one runs", async () => (await gateway.gateway.status()).functions[0].running === 1);
  const held = Array.from({ length: 3 }, () => gateway.call("/f"));
  await waitUntil("three are held", async () => (await gateway.gateway.status()).functions[0].held === 3);
  const refused = await gateway.call("/f");
  expect(refused.status).toBe(429);
  expect(refused.headers["retry-after"]).toBe("1");
  await go(gateway);
  for (const answer of await Promise.all([running, ...held])) expect(answer.status).toBe(200);
  expect((await gateway.call("/f")).status).toBe(200);
});

test("bodies stay unread until they are needed, and count when they are there", async () => {
  const gateway = await serve({ heldBytes: 13_000_000, requestBytes: 6_000_000 });
  const running = gateway.call("/f");
  await waitUntil("one runs", async () => (await gateway.gateway.status()).functions[0].running === 1);
  const waiting = await Promise.all(
    [1, 2, 3].map(async () => {
      const connection = await RawConnection.open(gateway.port);
      return connection.write("POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 6000000\r\nExpect: 100-continue\r\n\r\n");
    }),
  );
  await waitUntil(
    "all are held, although there is no room for three",
    async () => (await gateway.gateway.status()).functions[0].held === 3,
  );
  expect(waiting.map(({ statuses }) => statuses)).toEqual([[], [], []]);
  await go(gateway);
  await running;
  for (const connection of waiting) {
    await waitUntil("the body is asked for", () => connection.statuses[0] === 100);
    connection.write("x".repeat(6_000_000));
    await waitUntil("it is answered", () => connection.statuses.length === 2);
    expect(connection.statuses).toEqual([100, 200]);
    connection.end();
  }
});

/** Sends so many bytes of a body once it is being read. */
async function begin(gateway: TestGateway, announced: number, sent: number): Promise<RawConnection> {
  const connection = await RawConnection.open(gateway.port);
  connection.write(`POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: ${announced}\r\nExpect: 100-continue\r\n\r\n`);
  await waitUntil("the body is asked for", () => connection.statuses[0] === 100);
  return connection.write("x".repeat(sent));
}

test("held bytes over the limit are a 429 that says when to come again", async () => {
  const gateway = await serve({ heldBytes: 10_000_000, requestBytes: 6_000_000 });
  await go(gateway);
  await gateway.call("/f");
  const unfinished = await begin(gateway, 6_000_000, 5_999_999);
  const large = { body: "x".repeat(6_000_000) };
  await waitUntil("there is no room", async () => (await gateway.call("/f", large)).status === 429);
  expect((await gateway.call("/f", large)).headers["retry-after"]).toBe("1");
  expect((await gateway.call("/f", { body: "x".repeat(1_000_000) })).status).toBe(200);
  unfinished.write("x");
  await waitUntil("it is answered", () => unfinished.statuses.length === 2);
  expect((await gateway.call("/f", large)).status).toBe(200);
  unfinished.end();
});

test("what is only announced keeps nobody out", async () => {
  const gateway = await serve({ heldBytes: 10_000_000, requestBytes: 6_000_000, heldRequests: 3 });
  await go(gateway);
  await gateway.call("/f");
  const silent: RawConnection[] = [];
  for (let i = 0; i < 5; i++) silent.push(await begin(gateway, 6_000_000, 1));
  expect((await gateway.call("/f", { body: "x".repeat(6_000_000) })).status).toBe(200);
  expect((await gateway.call("/f")).status).toBe(200);
  for (const connection of silent) connection.end();
});

test("bodies that come slowly have a limit of their own, beyond which the slowest is a 408", async () => {
  const gateway = await serve({}, { concurrency: 100 });
  await go(gateway);
  await gateway.call("/f");
  const held = async () => (await gateway.gateway.status()).functions[0].held;
  const steady = await begin(gateway, 1_000_000, 100_000);
  let left = 900_000;
  const goOn = () => (steady.write("x".repeat(10_000)), (left -= 10_000));
  const writing = setInterval(goOn, 200);
  // so old that it is spared no more, as the others still are
  await waitUntil("it is on its way for long", () => left < 850_000);
  const slow: RawConnection[] = [];
  for (let i = 0; i < 999; i++) {
    const connection = await RawConnection.open(gateway.port);
    slow.push(connection.write("POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx"));
  }
  await waitUntil("all are held", async () => (await held()) === 1_000);
  expect((await gateway.call("/f")).status).toBe(200);
  expect((await gateway.call("/f", { body: "a body" })).status).toBe(200);
  await waitUntil("one is told", () => slow.some(({ statuses }) => statuses[0] === 408));
  clearInterval(writing);
  while (left > 0) goOn();
  await waitUntil("it is answered", () => steady.statuses.length === 2);
  expect(steady.statuses).toEqual([100, 200]);
  for (const connection of [steady, ...slow]) connection.end();
});

test("a body that does not declare its length counts as it arrives", async () => {
  const gateway = await serve({ heldBytes: 1_000_000, requestBytes: 6_000_000 });
  const chunk = `9C400\r\n${"x".repeat(640_000)}\r\n`;
  const connections = await Promise.all(
    [1, 2].map(async () => {
      const connection = await RawConnection.open(gateway.port);
      connection.write("POST /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
      return connection;
    }),
  );
  await waitUntil("both are held", async () => (await gateway.gateway.status()).functions[0].held === 2);
  for (const connection of connections) connection.write(chunk);
  await waitUntil("one is refused", () => connections.some(({ statuses }) => statuses[0] === 429));
  const [other] = connections.filter(({ statuses }) => statuses.length === 0);
  other.write("0\r\n\r\n");
  await go(gateway);
  await waitUntil("the other is answered", () => other.statuses.length === 1);
  expect(other.statuses).toEqual([200]);
  for (const connection of connections) connection.end();
});

test.each<{ limits: Record<string, number>; status: number; told: string }>([
  { limits: { requestBytes: 1_000 }, status: 413, told: "the request's body has more than 1000 bytes" },
  { limits: { heldBytes: 1_000 }, status: 429, told: "request bodies of 1000 bytes are held for this function" },
])("a body that is refused with $status while it is read is recorded so", async ({ limits, status, told }) => {
  const gateway = await serve(limits);
  await go(gateway);
  await gateway.call("/f");
  const chunked = { "transfer-encoding": "chunked" };
  expect((await gateway.call("/f", { body: "x".repeat(1_001), headers: chunked })).status).toBe(status);
  await waitUntil("it is recorded", () => gateway.invocations().length === 2);
  expect(gateway.invocations()[1]).toMatchObject({
    message: expect.stringContaining(told) as string,
    invocation: { subject: "POST /f", status },
  });
});

test("a held request whose caller leaves gives its place back", async () => {
  const gateway = await serve({ heldRequests: 1 });
  const running = gateway.call("/f");
  await waitUntil("one runs", async () => (await gateway.gateway.status()).functions[0].running === 1);
  const abort = new AbortController();
  const left = gateway.call("/f", { signal: abort.signal });
  await waitUntil("one is held", async () => (await gateway.gateway.status()).functions[0].held === 1);
  abort.abort();
  await expect(left).rejects.toThrow("aborted");
  await waitUntil("none is held", async () => (await gateway.gateway.status()).functions[0].held === 0);
  const next = gateway.call("/f");
  await go(gateway);
  expect((await Promise.all([running, next])).map(({ status }) => status)).toEqual([200, 200]);
});

test("waiting for an instance has its own limit: 503", async () => {
  const gateway = await serve({ instanceWaitSeconds: 0.5 });
  const running = gateway.call("/f");
  await waitUntil("one runs", async () => (await gateway.gateway.status()).functions[0].running === 1);
  const answer = await gateway.call("/f", { body: "with a body" });
  expect(answer.status).toBe(503);
  expect(answer.json).toMatchObject({
    errorType: "NoInstance",
    errorMessage: expect.stringContaining("0.5 s") as string,
  });
  expect(answer.headers["retry-after"]).toBe("1");
  await go(gateway);
  expect((await running).status).toBe(200);
});
