import { clientOf } from "../../src/gateway/endpoints/client";
import { type FunctionRequest } from "../../src/spec";
import { RawConnection } from "../support/httpClient";
import { testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

/** Answers with what it was given, and with the names of the fields that are there at all. */
const ECHO = "module.exports = async (req, res) => res.json({ fields: Object.keys(req).sort(), req });";

interface Echo {
  fields: string[];
  req: FunctionRequest & Record<string, unknown>;
}

const params = { param1: 123, param2: true, param3: "text" };

test("an endpoint's request has every field of the contract", async () => {
  const gateway = await gateways.start({
    functions: { orders: ECHO },
    routes: { "get-order": { path: "/users/:userId/orders/:orderId" } },
    params,
  });
  const answer = await gateway.call("/users/u%20%C3%A9/orders/42?sort=asc&tag=a&tag=b&empty=", {
    headers: { "X-Custom": "Value", "user-agent": "curl/8.5.0", cookie: ["a=1", "b=2"] },
  });
  const { fields, req } = answer.json as Echo;
  expect(fields).toEqual(
    ["appInfo", "appParams", "body", "client", "files", "headers", "ids", "method", "path", "query", "trigger"].sort(),
  );
  expect(req.ids).toEqual({ userId: "u é", orderId: "42" });
  expect(req.query).toEqual({ sort: "asc", tag: ["a", "b"], empty: "" });
  expect(req.headers).toMatchObject({ "x-custom": "Value", "user-agent": "curl/8.5.0", cookie: "a=1; b=2" });
  expect(req.appParams).toEqual(params);
  expect(req.client).toEqual({ ip: "127.0.0.1", deviceType: "unknown", userAgent: "curl/8.5.0" });
  expect(req.files).toEqual([]);
  expect(req).not.toHaveProperty("body");
  expect(req.method).toBe("GET");
  expect(req.path).toBe("/users/u%20%C3%A9/orders/42");
  expect(req.trigger).toEqual({ type: "endpoint", name: "get-order" });
  expect(req.appInfo).toEqual({
    appName: "shop",
    environmentName: "production",
    environmentType: "production",
    apiBaseUrl: "http://localhost:4001",
    queueBaseUrl: expect.stringMatching(/^http:\/\/localhost:\d+\/queues$/) as string,
    executionStartDtm: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
    region: "eu",
    functionName: "orders",
    functionVersion: "v1",
    requestId: answer.headers["x-request-id"],
    deliveryAttempt: 1,
  });
});

test("a queue's request has the message and no field of an endpoint", async () => {
  const gateway = await gateways.start({ functions: { orders: ECHO }, queues: { placed: {} }, params });
  expect((await gateway.call("/queues/placed", { body: { orderId: 7 } })).status).toBe(202);
  await waitUntil("the message is delivered", () => gateway.invocations().length === 1);
  const { fields, req } = JSON.parse(gateway.invocations()[0].invocation!.response!) as Echo;
  expect(fields).toEqual(["appInfo", "appParams", "body", "trigger"]);
  expect(req.body).toEqual({ orderId: 7 });
  expect(req.appParams).toEqual(params);
  expect(req.trigger).toEqual({ type: "queue", name: "placed" });
  expect(req.appInfo).toMatchObject({ functionName: "orders", deliveryAttempt: 1 });
});

test("a cron's request has the time it stands for and neither a body nor a field of an endpoint", async () => {
  const gateway = await gateways.start({
    functions: { report: ECHO },
    crons: { tick: { schedule: "* * * * * *" } },
    params,
  });
  await waitUntil("the cron fires", () => gateway.invocations().length > 0);
  const record = gateway.invocations()[0];
  const { fields, req } = JSON.parse(record.invocation!.response!) as Echo;
  expect(fields).toEqual(["appInfo", "appParams", "trigger"]);
  expect(req.trigger).toEqual({
    type: "cron",
    name: "tick",
    scheduledTime: expect.stringMatching(/^\d{4}-.*:\d\d\.000Z$/) as string,
  });
  expect(record.invocation!.subject).toBe(req.trigger.scheduledTime);
});

test("params and fields of one invocation are its own: changing them changes no other", async () => {
  const gateway = await gateways.start({
    functions: { f: "module.exports = (req, res) => { res.json(req.appParams); req.appParams.param1 = 'spoilt'; };" },
    routes: { f: {} },
    params,
  });
  await gateway.call("/f");
  expect((await gateway.call("/f")).json).toEqual(params);
});

test("a session is absent where there is none", async () => {
  const gateway = await gateways.start({
    functions: { f: "module.exports = (req, res) => res.json({ has: 'session' in req });" },
    routes: { f: {} },
  });
  expect((await gateway.call("/f", { headers: { authorization: "Bearer x" } })).json).toEqual({ has: false });
});

test.each([
  [
    "desktop",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  ],
  ["desktop", "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:127.0) Gecko/20100101 Firefox/127.0"],
  ["desktop", "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"],
  [
    "mobile",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
  ],
  [
    "mobile",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
  ],
  [
    "tablet",
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
  ],
  [
    "tablet",
    "Mozilla/5.0 (Linux; Android 13; SM-X906C) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  ],
  ["bot", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"],
  ["bot", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"],
  ["unknown", "curl/8.5.0"],
])("client.deviceType: %s for %s", (expected, userAgent) => {
  expect(clientOf("10.0.0.1", userAgent)).toEqual({ ip: "10.0.0.1", deviceType: expected, userAgent });
});

test("names that objects have by themselves are data like any other in a request", async () => {
  const gateway = await gateways.start({
    functions: {
      f: `module.exports = (req, res) => res.json({
        query: Object.entries(req.query), header: req.headers.constructor, body: Object.entries(req.body),
        polluted: {}.polluted ?? null, inherited: Object.getPrototypeOf(req.body) === Object.prototype });`,
    },
    routes: { f: { method: "POST" } },
  });
  const answer = await gateway.call("/f?__proto__=1&constructor=2&__proto__=3", {
    headers: { "content-type": "application/json", constructor: "a header" },
    body: '{"__proto__":{"polluted":true},"constructor":1}',
  });
  expect(answer.json).toEqual({
    query: [
      ["__proto__", ["1", "3"]],
      ["constructor", "2"],
    ],
    header: "a header",
    body: [
      ["__proto__", { polluted: true }],
      ["constructor", 1],
    ],
    polluted: null,
    inherited: true,
  });
});

test("repeated headers are joined, except those of which the first counts", async () => {
  const gateway = await gateways.start({ functions: { f: ECHO }, routes: { f: {} } });
  const connection = await RawConnection.open(gateway.port);
  connection.write(
    "GET /f HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\nAuthorization: one\r\nAuthorization: two\r\nConnection: close\r\n\r\n",
  );
  await connection.closed;
  const { req } = JSON.parse(connection.text.slice(connection.text.indexOf("{"))) as Echo;
  expect(req.headers).toMatchObject({ "x-a": "1, 2", authorization: "one" });
});
