import { type ServerResponse } from "node:http";

import { EndpointServer } from "../../../src/gateway/endpoints/endpointServer";
import { HttpCaller } from "../../../src/gateway/endpoints/httpCaller";
import { ANY_PORT } from "../../support/anyPort";
import { RawConnection } from "../../support/httpClient";
import { testGateways } from "../../support/testGateway";
import { waitUntil } from "../../support/waitUntil";

const gateways = testGateways();

const get = (n: number) => `GET /f?n=${n} HTTP/1.1\r\nHost: a\r\n\r\n`;
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Says when it begins and when nobody waits for it any more; `?n=0` waits for that. */
const LAST_UNTIL_ABANDONED = `module.exports = async (req, res) => {
  console.log("begins " + req.query.n);
  req.signal.addEventListener("abort", () => console.log("abandoned " + req.query.n));
  if (req.query.n === "0") await new Promise((resolve) => req.signal.addEventListener("abort", resolve));
  res.send(req.query.n);
};`;

test("requests of one connection are answered one after the other, each by the time its answer may be sent", async () => {
  const code = `let running = 0;
  module.exports = async (req, res) => {
    running++;
    const seen = running;
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
    res.send("<" + req.query.n + " of " + seen + ">");
  };`;
  const gateway = await gateways.start({ functions: { f: code }, routes: { f: {} } });
  const connection = await RawConnection.open(gateway.port);
  // more than are read ahead
  connection.write(numbers(100).map(get).join(""));
  await waitUntil("all are answered", () => connection.statuses.length === 100 || connection.isClosed);
  expect([...connection.text.matchAll(/<.*?>/g)].map(([text]) => text)).toEqual(numbers(100).map((n) => `<${n} of 1>`));
  // and it is read on
  connection.write(get(7));
  await waitUntil("it is answered", () => connection.statuses.length === 101);
  connection.end();
});

test("a body behind an unanswered request arrives whole", async () => {
  const code = "module.exports = (req, res) => res.send(`<${req.body?.length}>`);";
  const gateway = await gateways.start({ functions: { f: code }, routes: { f: { method: "ANY" } } });
  const connection = await RawConnection.open(gateway.port);
  const post = `POST /f HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n`;
  connection.write(get(0) + post).write("x".repeat(1_000_000));
  connection.write(numbers(40).map(get).join("") + post).write("x".repeat(1_000_000));
  await waitUntil("all are answered", () => connection.statuses.length === 43 || connection.isClosed);
  expect(connection.text.match(/<1000000>/g)).toHaveLength(2);
  connection.end();
});

test.each(["destroy", "resetAndDestroy"] as const)(
  "of a client that leaves (%s), the request that runs is abandoned, and those behind it never run",
  async (leave) => {
    const gateway = await gateways.start({
      functions: { f: { code: LAST_UNTIL_ABANDONED, timeoutSeconds: 20 } },
      routes: { f: {} },
    });
    const connection = await RawConnection.open(gateway.port);
    connection.write(numbers(6).map(get).join(""));
    await waitUntil("the first runs", () => gateway.console().includes("begins 0"));
    connection.socket[leave]();
    await waitUntil("it is abandoned", () => gateway.console().includes("abandoned 0"));
    await waitUntil("its end is logged", () => gateway.invocations().length > 0);
    expect((await gateway.call("/f?n=later")).text).toBe("later");
    expect(gateway.console()).toEqual(["begins 0", "abandoned 0", "begins later"]);
    expect(gateway.invocations()).toHaveLength(2);
  },
);

describe("a client that asks for more than it reads", () => {
  const LARGE = 32_000_000;
  let server: EndpointServer;
  let port: number;
  let responses: ServerResponse[];
  let answers: boolean;
  let opened: RawConnection[];

  beforeEach(async () => {
    responses = [];
    answers = true;
    opened = [];
    server = new EndpointServer({
      ports: [ANY_PORT],
      find: () => undefined,
      publish: ({ request, response, requestId, isClosing }) => {
        responses.push(response);
        const caller = new HttpCaller(request, response, requestId, isClosing);
        if (answers) caller.answer({ status: 200, headers: [] }, Buffer.alloc(LARGE));
      },
    });
    port = await server.listen();
  });
  afterEach(async () => {
    for (const connection of opened) connection.end();
    // one that is not read does not learn that its client has gone
    for (const response of responses) response.destroy();
    await server.close();
  });

  const ASK = "POST /queues/q HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";

  async function ask(times: number): Promise<RawConnection> {
    const connection = await RawConnection.open(port);
    opened.push(connection);
    return connection.write(ASK.repeat(times));
  }

  test("has one answer kept for it", async () => {
    const greedy = await ask(250);
    greedy.socket.pause();
    await waitUntil("it is answered", () => responses.length > 0);
    const other = await ask(1);
    await waitUntil("another client has its answer", () => other.text.length > LARGE);
    // the first of the greedy one, and the other's
    expect(responses).toHaveLength(2);
  });

  test("is read no further, and one of many such is cut off", async () => {
    answers = false;
    const polite = await ask(2);
    // 64 KiB hold a thousand of these requests
    const greedy = await Promise.all(Array.from({ length: 5 }, () => ask(50_000)));
    await waitUntil("all are asked", () => responses.length === 6);
    expect(greedy.some(({ isClosed }) => isClosed)).toBe(false);
    await waitUntil("one is cut off", async () => {
      greedy.push(await ask(50_000));
      return greedy.some(({ isClosed }) => isClosed);
    });
    expect(polite.isClosed).toBe(false);
    for (const response of [...responses]) response.end();
    await waitUntil("the polite one is answered", () => polite.statuses.length === 1);
  });

  test("has nothing begun for it after an answer that closes its connection", async () => {
    answers = false;
    const leaving = await ask(2);
    await waitUntil("it is asked", () => responses.length === 1);
    responses[0].writeHead(200, { connection: "close" }).end();
    await leaving.closed;
    expect(leaving.statuses).toEqual([200]);
    expect(responses).toHaveLength(1);
  });
});
