import { appendFile, readFile, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { call } from "../support/httpClient";
import { type LogRecord } from "../../src/gateway/gateway";
import { TestGateway, testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

const ECHO =
  "module.exports = (req, res) => { console.log('seen'); res.status(201).json({ body: req.body, query: req.query, ids: req.ids }); };";
const start = (code = ECHO) => gateways.start({ functions: { f: code }, routes: { f: {} } });

test("a tester's call returns the answer with its logs", async () => {
  const gateway = await start();
  const answer = await gateway.admin("/functions/f/invoke", {
    body: { body: { a: 1 }, query: { sort: "asc" }, ids: { id: "7" } },
  });
  expect(answer.status).toBe(200);
  expect(answer.json).toMatchObject({
    status: 201,
    headers: { "content-type": "application/json; charset=utf-8" },
    body: { body: { a: 1 }, query: { sort: "asc" }, ids: { id: "7" } },
    logs: [{ level: "info", message: "seen", time: expect.any(Number) as number }],
    duration: expect.any(Number) as number,
  });
});

test("a tester's body may be as large as a request's", async () => {
  const gateway = await start("module.exports = (req, res) => res.send(String(req.body.length));");
  await gateway.call("/f");
  const answer = await gateway.admin("/functions/f/invoke", { body: { body: "x".repeat(6_000_000) } });
  expect(answer.json).toMatchObject({ status: 200, body: "6000000" });
});

test("a tester's parts that cannot be handed over are refused; what runs beside them, and the places, stay", async () => {
  const gateway = await gateways.start({
    functions: {
      f: {
        code: "module.exports = (req, res) => new Promise((resolve) => setTimeout(resolve, 500)).then(() => res.send(String(process.pid)));",
        concurrency: 2,
        scale: { max: 1 },
        timeoutSeconds: 5,
      },
    },
    routes: { f: {} },
  });
  const deep = `{"body":${"[".repeat(10_000)}${"]".repeat(10_000)}}`;
  // waits for the instance, and is handed over within what the instance sends
  const waiting = gateway.admin("/functions/f/invoke", { method: "POST", body: deep });
  expect(await waiting).toMatchObject({ status: 400, json: { errorType: "InvalidParts" } });
  const sibling = gateway.call("/f");
  const status = async () => (await gateway.gateway.status()).functions[0];
  await waitUntil("it runs", async () => (await status()).running === 1);
  for (let i = 0; i < 3; i++)
    expect((await gateway.admin("/functions/f/invoke", { method: "POST", body: deep })).status).toBe(400);
  const { text } = await sibling;
  expect(await status()).toMatchObject({ instances: 1, running: 0, held: 0 });
  const both = await Promise.all([gateway.call("/f"), gateway.call("/f")]);
  expect(both.map((answer) => [answer.status, answer.text])).toEqual([
    [200, text],
    [200, text],
  ]);
});

test("the admin API needs the token, which only the owner can read", async () => {
  const gateway = await start();
  const { adminUrl, token } = await gateway.address();
  for (const headers of [
    {},
    { authorization: "Bearer " },
    { authorization: `Bearer ${token}x` },
    { authorization: token },
  ])
    for (const path of ["/status", "/functions/f/invoke", "/logs", "/nothing"]) {
      const answer = await call(adminUrl + path, { headers, method: path.endsWith("invoke") ? "POST" : "GET" });
      expect([path, answer.status]).toEqual([path, 401]);
    }
  expect(gateway.invocations()).toEqual([]);
  expect((await stat(join(gateway.region.folder, "state", "gateway.json"))).mode & 0o077).toBe(0);
});

test.each([
  ["/functions/none/invoke", {}, 404],
  ["/functions/f/invoke", [1], 400],
  ["/functions/f/invoke", "{", 400],
  ["/queues/none/messages", {}, 404],
])("a wrong call of the admin API says what is wrong: %s %j", async (path, body, status) => {
  const gateway = await start();
  const answer = await gateway.admin(path, { body });
  expect(answer.status).toBe(status);
  expect(answer.json).toMatchObject({
    errorType: expect.any(String) as string,
    errorMessage: expect.any(String) as string,
  });
});

test("the log file has a record a line, and half a line in it hides nothing else", async () => {
  const gateway = await start();
  const { headers } = await gateway.call("/f?x=1");
  const file = join(gateway.region.folder, "state", "log.jsonl");
  const read = async () =>
    (await gateway.admin("/logs")).text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as LogRecord);
  expect(await read()).toContainEqual({
    time: expect.any(Number) as number,
    level: "info",
    message: "",
    source: "invocation",
    function: "f",
    instance: expect.stringMatching(/^f-/) as string,
    requestId: headers["x-request-id"],
    invocation: {
      trigger: { type: "endpoint", name: "f" },
      subject: "GET /f?x=1",
      status: 201,
      durationMs: expect.any(Number) as number,
      heldMs: expect.any(Number) as number,
      coldStart: true,
    },
  });
  expect((await readFile(file, "utf8")).endsWith("\n")).toBe(true);
  await appendFile(file, '{"time":1,"message":"torn {"time":2}\n');
  await gateway.call("/f?x=2");
  expect((await read()).filter(({ source }) => source === "invocation")).toHaveLength(2);
});

test("two gateways cannot serve one folder, and a port that is taken is named", async () => {
  const gateway = await start();
  await expect(TestGateway.start(gateway.region)).rejects.toThrow(/only one gateway can serve a region's folder/);
  expect((await gateway.call("/f")).status).toBe(201);
  const other = createServer();
  const port = await new Promise<number>((resolve) =>
    other.listen(0, "127.0.0.1", () => resolve((other.address() as { port: number }).port)),
  );
  await expect(gateways.start({ functions: { f: ECHO } }, { port })).rejects.toThrow(
    new RegExp(`port ${port} of 127\\.0\\.0\\.1 is taken`),
  );
  other.close();
});

test("the deployments are listed, oldest first", async () => {
  const gateway = await start();
  const { functions } = await gateway.gateway.status();
  expect((await gateway.admin("/deployments")).json).toEqual([
    { time: expect.any(Number) as number, function: "f", version: functions[0].version, status: "deployed" },
  ]);
});

test("stopping answers what was accepted: running, held and on its way", async () => {
  const gateway = await gateways.start({
    functions: {
      f: {
        code: "module.exports = async (req, res) => { await new Promise((r) => setTimeout(r, 200)); res.send('done'); };",
        concurrency: 1,
        scale: { max: 1 },
      },
    },
    routes: { f: {} },
  });
  const calls = Array.from({ length: 5 }, () => gateway.call("/f"));
  await waitUntil("all are accepted", async () => {
    const { running, held } = (await gateway.gateway.status()).functions[0];
    return running + held === 5;
  });
  await gateway.gateway.stop();
  for (const answer of await Promise.all(calls))
    expect(answer).toMatchObject({ status: 200, text: "done", headers: { connection: "close" } });
  await expect(gateway.call("/f")).rejects.toThrow("ECONNREFUSED");
});
