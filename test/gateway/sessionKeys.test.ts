import { type CallAnswer, RawConnection } from "../support/httpClient";
import { Issuer } from "../support/issuer";
import { type TestGateway, testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();
let issuer: Issuer;
let gateway: TestGateway;

const now = performance.now.bind(performance);
let passed: number;

beforeEach(async () => {
  passed = 0;
  jest.spyOn(performance, "now").mockImplementation(() => now() + passed);
  issuer = await Issuer.start();
  gateway = await gateways.start({
    functions: {
      f: "module.exports = (req, res) => { console.log(req.path); res.send(req.session?.userId ?? 'none'); };",
    },
    routes: { f: { session: "required" }, open: { session: "none" } },
    region: { sessions: { jwksUrl: issuer.jwksUrl } },
  });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await issuer.close();
});

/** Lets time pass, as far as the clock shows it that always goes forward. */
function later(milliseconds: number): void {
  passed += milliseconds;
}

const call = async (kid?: string): Promise<CallAnswer> =>
  gateway.call("/f", { headers: { authorization: `Bearer ${await issuer.token(kid)}` } });
const unavailable = { status: 503, text: expect.stringContaining("SessionKeysUnavailable") as string };

test("keys that stop to arrive hold requests for seconds, and not as long as the connection is open", async () => {
  issuer.serving = (response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write('{"keys":[');
  };
  const started = performance.now();
  const [first, second] = await Promise.all([call(), call()]);
  expect(performance.now() - started).toBeLessThan(15_000);
  expect([first, second]).toEqual([expect.objectContaining(unavailable), expect.objectContaining(unavailable)]);
  expect(issuer.fetches).toBe(1);
  issuer.recover();
  later(5_000);
  expect((await call()).status).toBe(200);
});

test("a key set without an end is not read to its end", async () => {
  issuer.serving = (response, keySet) => response.end(keySet.replace("}", `,"padding":"${"x".repeat(2_000_000)}"}`));
  expect(await call()).toMatchObject(unavailable);
});

test.each<[string, Issuer["serving"]]>([
  ["an error", (response) => response.writeHead(500).end("oops")],
  ["a page of its maintenance", (response) => response.end("<html>back soon</html>")],
  ["JSON that is no key set", (response) => response.end('{"message":"back soon"}')],
  ["a redirect", (response) => response.writeHead(302, { location: "/elsewhere" }).end()],
  ["a key that cannot be used", (response, keySet) => response.end(keySet.replace(/"x":"[^"]*"/, '"x":"AAAA"'))],
])("an issuer that answers with %s makes no token invalid", async (_what, serving) => {
  issuer.serving = serving;
  const answer = await call();
  expect(answer).toMatchObject(unavailable);
  expect(answer.headers["retry-after"]).toBe("5");
});

test("an issuer that fails is not asked by each token that comes", async () => {
  issuer.serving = (response) => response.writeHead(503).end();
  for (let i = 0; i < 10; i++) expect(await call()).toMatchObject(unavailable);
  expect(issuer.fetches).toBe(1);
  issuer.recover();
  later(5_000);
  expect((await call()).status).toBe(200);
  expect(issuer.fetches).toBe(2);
});

test("tokens that name an unknown key have the keys fetched again once in a while, and are invalid then", async () => {
  expect((await call()).status).toBe(200);
  await issuer.addKey("second");
  issuer.withdrawKey("second");
  later(31_000);
  for (let i = 0; i < 10; i++)
    expect(await call("second")).toMatchObject({
      status: 401,
      text: expect.stringContaining("InvalidSession") as string,
    });
  expect(issuer.fetches).toBe(2);
  await issuer.addKey("third");
  expect((await call("third")).status).toBe(401);
  later(31_000);
  expect((await call("third")).status).toBe(200);
  expect(issuer.fetches).toBe(3);
});

test("while the keys cannot be fetched, nothing is said about a token of an unknown key", async () => {
  expect((await call()).status).toBe(200);
  await issuer.addKey("second");
  later(31_000);
  issuer.serving = (response) => response.writeHead(500).end();
  expect(await call("second")).toMatchObject(unavailable);
  expect((await call("first")).status).toBe(200);
});

test("keys that cannot be fetched again are used for a day, and the log says once what is wrong", async () => {
  expect((await call()).status).toBe(200);
  issuer.serving = (response) => response.socket!.destroy();
  const notes = () => gateway.logs.filter(({ message }) => message.startsWith("session keys"));
  for (const hours of [1, 10, 12]) {
    later(hours * 60 * 60_000);
    expect((await call()).status).toBe(200);
    await waitUntil("it is known that they cannot be fetched", () => notes().length > 0);
  }
  expect(issuer.fetches).toBeGreaterThan(1);
  expect(notes()).toEqual([expect.objectContaining({ level: "warn", source: "gateway" })]);
  expect(notes()[0].message).toContain(issuer.jwksUrl);
  later(60 * 60_000);
  expect(await call()).toMatchObject(unavailable);
  issuer.recover();
  later(5_000);
  expect((await call()).status).toBe(200);
  expect(notes()[1]).toMatchObject({ level: "info", message: `session keys are fetched from ${issuer.jwksUrl} again` });
});

test("a request does not wait for keys that are fetched again; one that was withdrawn is not taken afterwards", async () => {
  expect((await call()).status).toBe(200);
  issuer.withdrawKey("first");
  let answer: (() => void) | undefined;
  issuer.serving = (response, keySet) => (answer = () => response.end(keySet));
  later(11 * 60_000);
  expect((await call()).status).toBe(200);
  await waitUntil("they are asked for", () => answer !== undefined);
  expect((await call()).status).toBe(200);
  answer!();
  await waitUntil("the key is not taken any more", async () => (await call()).status === 401);
  expect(issuer.fetches).toBe(2);
});

/** Lets the issuer wait until the test calls back. */
function hesitate(): () => void {
  const waiting: (() => void)[] = [];
  issuer.serving = (response, keySet) => waiting.push(() => response.end(keySet));
  return () => waiting.forEach((answer) => answer());
}

test("a caller that has gone while the keys were fetched has no handler run", async () => {
  const proceed = hesitate();
  const connection = await RawConnection.open(gateway.port);
  const token = await issuer.token();
  // the answer to a pipelined request has no connection of its own yet
  connection.write(`GET /f HTTP/1.1\r\nHost: a\r\nSession: ${token}\r\n\r\n`.repeat(2));
  await waitUntil("keys are asked for", () => issuer.fetches === 1);
  connection.end();
  await gateway.call("/open");
  proceed();
  issuer.recover();
  expect((await call()).status).toBe(200);
  await waitUntil("the handlers have spoken", () => gateway.console().length >= 2);
  expect(gateway.console()).toEqual(["/open", "/f"]);
});

test("a function that was removed while the keys were fetched keeps no request waiting", async () => {
  const proceed = hesitate();
  const answer = call();
  await waitUntil("keys are asked for", () => issuer.fetches === 1);
  await gateway.region.remove("Function", "f");
  await gateway.gateway.reload();
  proceed();
  expect(await answer).toMatchObject({ status: 404 });
});
