import { type CallAnswer } from "../support/httpClient";
import { Issuer } from "../support/issuer";
import { type TestGateway, testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();
let issuer: Issuer;
let gateway: TestGateway;

beforeEach(async () => {
  issuer = await Issuer.start();
  gateway = await gateways.start({
    functions: { f: "module.exports = (req, res) => res.send(req.session.userId);" },
    routes: { f: { session: "required" } },
    region: { sessions: { jwksUrl: issuer.jwksUrl } },
  });
});
afterEach(() => issuer.close());

const callWith = (token: string): Promise<CallAnswer> =>
  gateway.call("/f", { headers: { authorization: `Bearer ${token}` } });
const call = async (kid?: string) => callWith(await issuer.token(kid));
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
  await waitUntil("the issuer's keys are used", async () => (await call()).status === 200);
});

test("a key set without an end is not read to its end", async () => {
  issuer.serving = (response, keySet) => response.end(keySet.replace("}", `,"padding":"${"x".repeat(2_000_000)}"}`));
  expect(await call()).toMatchObject(unavailable);
});
