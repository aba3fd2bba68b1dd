import { RawConnection } from "../support/httpClient";
import { testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

/** Answers with the route that matched. */
const WHO = "module.exports = (req, res) => res.json({ route: req.trigger.name, ids: req.ids, path: req.path });";

const start = () =>
  gateways.start({
    functions: { f: WHO },
    routes: {
      root: { path: "/" },
      "order-list": { path: "/orders" },
      "order-create": { path: "/orders", method: "POST" },
      order: { path: "/orders/:orderId" },
      "order-any": { path: "/orders/:id", method: "ANY" },
      "order-special": { path: "/orders/special" },
      files: { path: "/files/*" },
      only: { path: "/only", method: "PUT" },
    },
  });

test("requests reach the route that their method and path match best", async () => {
  const gateway = await start();
  const who = async (method: string, path: string) => {
    const answer = await gateway.call(path, { method });
    return answer.status === 200 ? (answer.json as { route: string; ids: object }) : answer.status;
  };
  expect(await who("GET", "/")).toMatchObject({ route: "root" });
  expect(await who("GET", "/orders")).toMatchObject({ route: "order-list" });
  expect(await who("GET", "/orders/")).toMatchObject({ route: "order-list" });
  expect(await who("POST", "/orders")).toMatchObject({ route: "order-create" });
  expect(await who("GET", "/orders/special")).toMatchObject({ route: "order-special" });
  expect(await who("GET", "/orders/7?x=1")).toMatchObject({ route: "order", ids: { orderId: "7" } });
  expect(await who("DELETE", "/orders/7")).toMatchObject({ route: "order-any", ids: { id: "7" } });
  expect(await who("GET", "/orders/a%2Fb%20c")).toMatchObject({ route: "order", ids: { orderId: "a/b c" } });
  expect(await who("GET", "/files/a/b.txt")).toMatchObject({ route: "files", ids: { "*": "a/b.txt" } });
  expect(await who("GET", "/ORDERS")).toBe(404);
  expect(await who("GET", "/orders/7/items")).toBe(404);
  expect((await gateway.gateway.status()).problems).toEqual([]);
});

test.each([
  ["is no HTTP", "no HTTP\r\n\r\n", 400, "InvalidRequest"],
  [
    "has a body of two lengths",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    400,
    "InvalidRequest",
  ],
  ["has too many headers", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(40_000)}\r\n\r\n`, 431, "HeadersTooLarge"],
])("what %s is refused in the way of everything else", async (_what, sent, status, errorType) => {
  const gateway = await start();
  const connection = await RawConnection.open(gateway.port);
  await connection.write(sent).closed;
  expect(connection.statuses).toEqual([status]);
  const [head, body] = connection.text.split("\r\n\r\n");
  const { requestId, ...error } = JSON.parse(body) as { requestId: string };
  expect(error).toEqual({ errorType, errorMessage: expect.any(String) as string });
  expect(head).toContain(`x-request-id: ${requestId}`);
});

test("what is no HTTP behind a request does not touch its answer", async () => {
  const gateway = await start();
  const connection = await RawConnection.open(gateway.port);
  connection.write("GET /orders HTTP/1.1\r\nHost: a\r\n\r\n");
  await waitUntil("it is answered", () => connection.text.includes("order-list"));
  await connection.write("no HTTP\r\n\r\n").closed;
  expect(connection.statuses).toEqual([200, 400]);
});

test("404 and 405 say what is wrong", async () => {
  const gateway = await start();
  const missing = await gateway.call("/nothing");
  expect(missing.status).toBe(404);
  expect(missing.json).toMatchObject({ errorType: "RouteNotFound", requestId: missing.headers["x-request-id"] });
  const wrong = await gateway.call("/only", { method: "POST", body: "ignored" });
  expect(wrong.status).toBe(405);
  expect(wrong.headers.allow).toBe("PUT");
  expect((await gateway.call("/orders", { method: "DELETE" })).headers.allow).toBe("GET, HEAD, POST");
});

test.each([
  "/orders/%zz",
  "/orders/%E0%A4%A",
  "/files/%ff",
  "/queues/%zz",
  "/%",
  "/../../etc/passwd",
  "/__proto__",
  "/queues/__proto__",
  "/constructor",
  `/orders/${"x".repeat(4_000)}`,
])("a strange path is answered and harms nobody: %s", async (path) => {
  const gateway = await start();
  for (const method of ["GET", "POST"]) {
    const answer = await gateway.call(path, { method });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  }
  expect((await gateway.call("/orders/7")).status).toBe(200);
});

test("the target may be a whole URL, as proxies send it", async () => {
  const gateway = await start();
  const connection = await RawConnection.open(gateway.port);
  connection.write("GET http://example.com/orders/7?x=1 HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n");
  await connection.closed;
  expect(connection.statuses).toEqual([200]);
  expect(connection.text).toContain('"path":"/orders/7"');
});

test.each([
  [
    "both lengths",
    "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["two lengths", "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"],
  ["a coding that is not chunked", "POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"],
  ["a chunk size that is none", "POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"],
  ["a space before the colon", "GET /orders HTTP/1.1\r\nHost: a\r\nX-A : 1\r\n\r\n"],
  ["a bare line feed in a header", "GET /orders HTTP/1.1\r\nHost: a\r\nX-A: 1\n\tGET /only HTTP/1.1\r\n\r\n"],
  ["no host", "GET /orders HTTP/1.1\r\n\r\n"],
  ["huge headers", `GET /orders HTTP/1.1\r\nHost: a\r\nX-A: ${"a".repeat(40_000)}\r\n\r\n`],
  ["nonsense", "\x16\x03\x01 hello\r\n\r\n"],
])("a request that could be read in two ways is refused: %s", async (_what, text) => {
  const gateway = await start();
  const connection = await RawConnection.open(gateway.port);
  connection.write(text);
  await connection.closed;
  expect(connection.statuses).toHaveLength(1);
  expect(connection.statuses[0]).toBeGreaterThanOrEqual(400);
  expect(connection.statuses[0]).toBeLessThan(500);
});

test("pipelined requests are answered in their order", async () => {
  const gateway = await gateways.start({
    functions: {
      f: "module.exports = async (req, res) => { await new Promise((r) => setTimeout(r, 50 / (1 + Number(req.ids.n)))); res.send('<' + req.ids.n + '>'); };",
    },
    routes: { f: { path: "/f/:n" } },
  });
  const connection = await RawConnection.open(gateway.port);
  connection.write(Array.from({ length: 10 }, (_, i) => `GET /f/${i} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
  await waitUntil("all are answered", () => connection.statuses.length === 10);
  expect([...connection.text.matchAll(/<(\d)>/g)].map((match) => Number(match[1]))).toEqual([...Array(10).keys()]);
  connection.end();
});

test("a handler named constructor does not exist where it was not declared", async () => {
  const gateway = await start();
  expect((await gateway.admin("/functions/constructor/invoke", { body: {} })).status).toBe(404);
});

describe("the caller's address", () => {
  const code = "module.exports = (req, res) => res.send(req.client.ip);";
  const route = { function: "who", path: "/" };

  test.each([
    ["no proxy", undefined, "203.0.113.9", "127.0.0.1"],
    ["one", 1, "203.0.113.9", "203.0.113.9"],
    ["one, and a caller who pretends", 1, "10.0.0.1, 203.0.113.9", "203.0.113.9"],
    ["two", 2, "198.51.100.7, 203.0.113.9", "198.51.100.7"],
    ["one that adds ports", 1, "198.51.100.7:80, 203.0.113.9:5678", "203.0.113.9"],
    ["one that adds ports, with IPv6", 1, "[2001:db8::1]:443", "2001:db8::1"],
    ["one that adds brackets", 1, "[2001:db8::1]", "2001:db8::1"],
    ["one with IPv6", 1, "2001:db8::1:443", "2001:db8::1:443"],
    ["one that sees IPv4 as IPv6", 1, "::ffff:203.0.113.9", "203.0.113.9"],
    ["one that sees IPv4 as IPv6, in groups", 1, "[::FFFF:cb00:7109]:80", "203.0.113.9"],
    ["one that sees IPv4 as IPv6, in full", 1, "0:0:0:0:0:ffff:cb00:7109", "203.0.113.9"],
    ["one that says nothing of use", 1, "somebody", "127.0.0.1"],
    ["one that says nothing of use, with a port", 1, "somebody:80", "127.0.0.1"],
    ["one that says no address, with a port", 1, "1.2.3:80", "127.0.0.1"],
    ["more than there are entries", 3, "203.0.113.9", "127.0.0.1"],
  ])("with trusted proxies: %s", async (_name, trustedProxies, forwarded, expected) => {
    const gateway = await gateways.start({
      functions: { who: code },
      routes: { who: route },
      region: { trustedProxies },
    });
    expect((await gateway.call("/", { headers: { "x-forwarded-for": forwarded } })).text).toBe(expected);
  });

  test("is one of IPv4 as it is written, at a gateway that listens at addresses of IPv6 as well", async () => {
    const host = "::ffff:127.0.0.1";
    const gateway = await gateways.start({ functions: { who: code }, routes: { who: route } }, { host });
    const answer = await fetch(`http://127.0.0.1:${gateway.port}/`);
    expect(await answer.text()).toBe("127.0.0.1");
  });
});
