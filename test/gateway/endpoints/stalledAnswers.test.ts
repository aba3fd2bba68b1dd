import { type ServerResponse } from "node:http";

import { EndpointServer } from "../../../src/gateway/endpoints/endpointServer";
import { HttpCaller } from "../../../src/gateway/endpoints/httpCaller";
import { ANY_PORT } from "../../support/anyPort";
import { RawConnection } from "../../support/httpClient";
import { waitUntil } from "../../support/waitUntil";

const STALLED_MS = 600;
/** More than the kernel keeps of a connection, on both of its sides. */
const LARGE = 32_000_000;

let server: EndpointServer;
let port: number;
let responses: ServerResponse[];

/** Large answers at `large`, none until the test gives one elsewhere. */
beforeEach(async () => {
  responses = [];
  server = new EndpointServer({
    ports: [ANY_PORT],
    find: () => undefined,
    publish: ({ request, response, queue, requestId, isClosing }) => {
      responses.push(response);
      if (queue !== "large") return;
      const caller = new HttpCaller(request, response, requestId, isClosing);
      caller.answer({ status: 200, headers: [] }, Buffer.alloc(LARGE, 65));
    },
    stalledAnswerMs: STALLED_MS,
  });
  port = await server.listen();
});
afterEach(() => server.close());

async function ask(queue: string): Promise<RawConnection> {
  const connection = await RawConnection.open(port);
  connection.socket.pause();
  connection.write(`POST /queues/${queue} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`);
  await waitUntil("it is asked", () => responses.length > 0);
  return connection;
}

test("a client that does not read its answer is cut off, and keeps no server from closing", async () => {
  const unread = await ask("large");
  const closed = server.close();
  await waitUntil("the answer is given up", () => responses[0].closed);
  await closed;
  unread.socket.resume();
  await unread.closed;
  expect(unread.text.length).toBeLessThan(LARGE);
});

test("a client that reads slowly gets its whole answer", async () => {
  const slow = await ask("large");
  const started = performance.now();
  while (!responses[0].closed) {
    // at least what the kernel takes in one step, and then a pause
    const wanted = slow.text.length + 3_000_000;
    slow.socket.resume();
    await waitUntil("there is more", () => slow.text.length > Math.min(wanted, LARGE) || slow.isClosed);
    slow.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, STALLED_MS / 2));
  }
  expect(performance.now() - started).toBeGreaterThan(3 * STALLED_MS);
  slow.socket.resume();
  await waitUntil("all of it is there", () => slow.text.length > LARGE || slow.isClosed);
  expect(slow.text.length).toBeGreaterThan(LARGE);
  slow.end();
});

test("a client that waits for its answer, or for more of it, is not cut off", async () => {
  const waiting = await ask("other");
  waiting.socket.resume();
  const pause = () => new Promise((resolve) => setTimeout(resolve, 3 * STALLED_MS));
  await pause();
  responses[0].write("first");
  await pause();
  responses[0].end("second");
  await waitUntil("the answer is there", () => waiting.text.includes("second") || waiting.isClosed);
  expect(waiting.text).toContain("first");
  expect(waiting.text).toContain("second");
  waiting.end();
});

test("one that does not read what comes after a pause is cut off too", async () => {
  await ask("other");
  await new Promise((resolve) => setTimeout(resolve, 3 * STALLED_MS));
  responses[0].write(Buffer.alloc(LARGE));
  await waitUntil("the answer is given up", () => responses[0].closed);
});
