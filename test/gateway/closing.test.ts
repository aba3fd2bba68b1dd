import { EndpointServer } from "../../src/gateway/endpoints/endpointServer";
import { ANY_PORT } from "../support/anyPort";
import { RawConnection } from "../support/httpClient";
import { testGateways, type TestGateway } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();
/** More than the kernel keeps of a connection, on both of its sides. */
const LARGE = 32_000_000;
const GET = "GET /f HTTP/1.1\r\nHost: a\r\n\r\n";

/** A connection that has been answered, and asks for nothing more. */
async function idleConnection(gateway: TestGateway): Promise<RawConnection> {
  const idle = await RawConnection.open(gateway.port);
  idle.write("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
  await waitUntil("it is answered", () => idle.statuses.length === 1);
  return idle;
}

test("an answer that is still being sent when the gateway stops arrives whole", async () => {
  const code = `module.exports = (req, res) => res.send("x".repeat(${LARGE}));`;
  const limits = { responseBytes: LARGE };
  const gateway = await gateways.start({ functions: { f: { code, limits } }, routes: { f: {} } });
  const slow = await RawConnection.open(gateway.port);
  slow.socket.pause();
  slow.write(GET);
  await waitUntil("it is answered", () => gateway.invocations().length === 1);
  const idle = await idleConnection(gateway);
  const stopped = gateway.gateway.stop();
  // from then on whatever counts as idle is closed
  await idle.closed;
  slow.socket.resume();
  await waitUntil("the answer is there", () => slow.isClosed || slow.text.length > LARGE);
  const [, body] = slow.text.split("\r\n\r\n");
  expect(body).toHaveLength(LARGE);
  await stopped;
});

test("a request whose headers come in two parts is answered by a gateway that stops meanwhile", async () => {
  const code = "module.exports = (req, res) => res.send('there');";
  const gateway = await gateways.start({ functions: { f: { code } }, routes: { f: {} } });
  const kept = await RawConnection.open(gateway.port);
  kept.write(GET);
  await waitUntil("the first is answered", () => kept.statuses.length === 1);
  const idle = await idleConnection(gateway);
  kept.write("GET /f HTTP/1.1\r\nHo");
  const stopped = gateway.gateway.stop();
  await idle.closed;
  kept.write("st: a\r\n\r\n");
  await kept.closed;
  expect(kept.statuses).toEqual([200, 200]);
  expect(kept.text).toMatch(/\r\nconnection: close\r\n/i);
  await stopped;
});

test("a client that sends empty lines does not keep a gateway from stopping", async () => {
  const code = "module.exports = (req, res) => res.send('there');";
  const gateway = await gateways.start({ functions: { f: { code } }, routes: { f: {} } });
  const staying = await RawConnection.open(gateway.port);
  staying.write(GET);
  await waitUntil("it is answered", () => staying.statuses.length === 1);
  const lines = setInterval(() => staying.write("\r\n"), 100);
  let isStopped = false;
  const stopped = gateway.gateway.stop().then(() => (isStopped = true));
  await waitUntil("it has stopped", () => isStopped, 30_000);
  clearInterval(lines);
  await stopped;
});

test("what takes longer than any request may is cut off by a server that closes", async () => {
  let asked = false;
  const server = new EndpointServer({
    ports: [ANY_PORT],
    find: () => undefined,
    publish: () => {
      asked = true;
    },
    longestCloseMs: 500,
  });
  const endless = await RawConnection.open(await server.listen());
  endless.write("POST /queues/q HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  await waitUntil("it is asked", () => asked);
  await server.close();
  await endless.closed;
});
