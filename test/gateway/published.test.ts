import { RawConnection } from "../support/httpClient";
import { testGateways, type TestGateway } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

const FORWARDED = { "x-forwarded-for": "203.0.113.9" };
const CODE = `module.exports = async (req, res) => {
  if (req.trigger.type === "queue") return console.log("got " + req.body);
  const { status } = await fetch(req.appInfo.queueBaseUrl + "/closed", { method: "POST", body: "a function's" });
  res.send(String(status));
};`;

function start(region: object): Promise<TestGateway> {
  return gateways.start({
    functions: { f: CODE },
    routes: { f: {} },
    queues: { open: { published: true }, closed: {}, shut: { published: false } },
    region,
  });
}

const send = (gateway: TestGateway, queue: string, headers = {}) =>
  gateway.call(`/queues/${queue}`, { body: "a message", headers });

describe("behind a proxy that the region trusts", () => {
  let gateway: TestGateway;
  beforeEach(async () => {
    gateway = await start({ url: "https://shop.example.com", trustedProxies: 1 });
  });

  test("queues that are published take messages, and no others do", async () => {
    expect((await send(gateway, "open", FORWARDED)).status).toBe(202);
    for (const queue of ["closed", "shut", "none"])
      expect(await send(gateway, queue, FORWARDED)).toMatchObject({
        status: 404,
        json: {
          errorType: "QueueNotFound",
          errorMessage: `no queue "${queue}" takes messages from outside (\`published\` of its QueueTrigger)`,
        },
      });
  });

  test("all queues take messages of the machine's own programs", async () => {
    for (const queue of ["open", "closed", "shut"]) expect((await send(gateway, queue)).status).toBe(202);
    expect(await send(gateway, "none")).toMatchObject({
      status: 404,
      json: { errorMessage: 'there is no queue "none"' },
    });
  });

  test("functions send to queues of their region, however they were called", async () => {
    expect(await gateway.call("/f", { headers: FORWARDED })).toMatchObject({ status: 200, text: "202" });
    await waitUntil("it is delivered", () => gateway.console().includes("got a function's"));
  });
});

test.each([FORWARDED, { forwarded: "for=203.0.113.9" }, { "x-forwarded-for": "" }])(
  "what any proxy has forwarded has come from outside: %j",
  async (headers) => {
    const gateway = await start({});
    expect((await send(gateway, "closed", headers)).status).toBe(404);
    expect((await send(gateway, "open", headers)).status).toBe(202);
  },
);

test.each(["/queues/closed", "/queues/closed/", "/queues/closed?a=b", "/queues/%63losed", "http://shop/queues/closed"])(
  "no way of writing it gets to a queue from outside: %s",
  async (target) => {
    const gateway = await start({});
    const connection = await RawConnection.open(gateway.port);
    const head = "Host: a\r\nX-Forwarded-For: 203.0.113.9\r\nContent-Length: 1\r\n\r\n1";
    connection.write(`POST /queues/open HTTP/1.1\r\n${head}POST ${target} HTTP/1.1\r\n${head}`);
    await waitUntil("both are answered", () => connection.statuses.length === 2);
    expect(connection.statuses).toEqual([202, 404]);
    connection.end();
  },
);
