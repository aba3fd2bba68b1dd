import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { custom, nodeLoop } from "../support/customRuntimes";
import { RawConnection } from "../support/httpClient";
import { type TestGateway, testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();
afterEach(() => jest.restoreAllMocks());

const MB = 1_000_000;
const large = () => ({ body: "x".repeat(6 * MB), headers: { "content-type": "text/plain" } });
const ECHO = "module.exports = (req, res) => res.send(String(req.body?.length ?? 0));";

/** A custom runtime that answers once `go` was called. */
async function serveCustom(concurrency: number) {
  const wait = `async ({ body }) => {
    while (!require("node:fs").existsSync(process.env.GO_FILE)) await new Promise((r) => setTimeout(r, 5));
    return { statusCode: 200, body: String(body?.length ?? 0) };
  }`;
  const gateway = await gateways.start({
    functions: {
      f: custom(nodeLoop(wait, { loops: concurrency }), {
        concurrency,
        scale: { max: 1 },
        limits: { heldBytes: 10 * MB, requestBytes: 6 * MB },
      }),
    },
    routes: { f: { method: "ANY" } },
    variables: { f: { GO_FILE: `${gateways.folder()}/go` } },
  });
  return { gateway, go: () => gateway.region.code("../..", "go", "") };
}

const state = async (gateway: TestGateway, name = "f") =>
  (await gateway.gateway.status()).functions.find((each) => each.name === name)!;
const running = (gateway: TestGateway, count: number) =>
  waitUntil(`${count} are running`, async () => (await state(gateway)).running === count);

/** Sends so many bytes of a body once it is being read. */
async function begin(gateway: TestGateway, path: string, announced: number, sent: number): Promise<RawConnection> {
  const connection = await RawConnection.open(gateway.port);
  const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: ${announced}\r\n`;
  connection.write(`${head}Expect: 100-continue\r\n\r\n`);
  await waitUntil("the body is asked for", () => connection.statuses[0] === 100);
  return connection.write("x".repeat(sent));
}

test("bodies of a custom runtime count until they are answered", async () => {
  const { gateway, go } = await serveCustom(2);
  const first = gateway.call("/f", large());
  await running(gateway, 1);
  const refused = await gateway.call("/f", large());
  expect(refused).toMatchObject({ status: 429, headers: { "retry-after": "1" } });
  expect(refused.json).toMatchObject({
    errorMessage: "request bodies of 10000000 bytes are held for this function already",
  });
  const bodyless = gateway.call("/f");
  await running(gateway, 2);
  await go();
  expect((await Promise.all([first, bodyless])).map(({ status, text }) => [status, text])).toEqual([
    [200, "6000000"],
    [200, "0"],
  ]);
  expect(await gateway.call("/f", large())).toMatchObject({ status: 200, text: "6000000" });
});

test("a body that waits on its socket for a place is not refused for those that run", async () => {
  const { gateway, go } = await serveCustom(1);
  const first = gateway.call("/f", large());
  await running(gateway, 1);
  const second = gateway.call("/f", large());
  await waitUntil("it is held", async () => (await state(gateway)).held === 1);
  await go();
  expect((await Promise.all([first, second])).map(({ status }) => status)).toEqual([200, 200]);
});

test("bodies of all functions together have a share of the gateway's memory", async () => {
  jest.spyOn(process, "constrainedMemory").mockReturnValue(40 * MB);
  const gateway = await gateways.start({
    functions: { f: ECHO, g: ECHO },
    routes: { f: { function: "f", method: "ANY" }, g: { function: "g", method: "ANY" } },
  });
  await Promise.all([gateway.call("/f"), gateway.call("/g")]);
  const unfinished = await begin(gateway, "/f", 6 * MB, 6 * MB - 1);
  await waitUntil("there is no room", async () => (await gateway.call("/g", large())).status === 429);
  const refused = await gateway.call("/g", large());
  expect(refused.headers["retry-after"]).toBe("1");
  expect(refused.json).toMatchObject({
    errorType: "TooManyRequests",
    errorMessage: expect.stringContaining("as this gateway has memory for, are held for all functions") as string,
  });
  expect(await gateway.call("/g")).toMatchObject({ status: 200, text: "0" });
  expect(await gateway.call("/g", { ...large(), body: "a body" })).toMatchObject({ status: 200, text: "6" });
  unfinished.write("x");
  await waitUntil("it is answered", () => unfinished.statuses.length === 2);
  expect(unfinished.statuses).toEqual([100, 200]);
  expect(await gateway.call("/g", large())).toMatchObject({ status: 200, text: "6000000" });
  unfinished.end();
});

test("a place in the memory is given back however an invocation ends", async () => {
  jest.spyOn(process, "constrainedMemory").mockReturnValue(40 * MB);
  const code = `module.exports = (req, res) => {
    if (req.query.end === "late") return new Promise(() => undefined);
    if (req.query.end === "error") throw new Error("no");
    if (req.query.end === "exit") process.exit(1);
    res.send(String(req.body.length));
  };`;
  const gateway = await gateways.start({
    functions: { f: { code, timeoutSeconds: 1 } },
    routes: { f: { method: "ANY" } },
  });
  for (const [query, status] of [
    ["late", 504],
    ["error", 500],
    ["exit", 500],
  ]) {
    const answer = await gateway.call(`/f?end=${query}`, large());
    expect([query, answer.status]).toEqual([query, status]);
    expect((await gateway.call("/f", large())).status).toBe(200);
  }
  for (let i = 0; i < 3; i++) (await begin(gateway, "/f", 6 * MB, 5 * MB)).end();
  await waitUntil("none is held", async () => (await state(gateway)).held === 0);
  expect(await gateway.call("/f", large())).toMatchObject({ status: 200, text: "6000000" });
});

test("what still comes of a body whose function is gone is not kept", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const kept = () => {
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const gateway = await gateways.start({ functions: { f: ECHO }, routes: { f: { method: "POST" } } });
  await gateway.call("/f", large());
  const connections: RawConnection[] = [];
  for (let i = 0; i < 8; i++) connections.push(await begin(gateway, "/f", 6 * MB, 100_000));
  const before = kept();
  await gateway.region.remove("Function", "f");
  await waitUntil("all are answered", () => connections.every(({ statuses }) => statuses[1] === 503));
  await Promise.all(
    connections.map(({ socket }) => new Promise<void>((resolve) => socket.write("x".repeat(5 * MB), () => resolve()))),
  );
  // sooner than those are cut off that go on sending for five seconds
  await waitUntil("nothing of it is kept", () => kept() - before < 10 * MB, 3_000);
  for (const connection of connections) connection.end();
});
