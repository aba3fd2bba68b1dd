import { type ServerResponse } from "node:http";

import { EndpointServer } from "../../../src/gateway/endpoints/endpointServer";
import { HttpCaller } from "../../../src/gateway/endpoints/httpCaller";
import { UnsentAnswers, type UnsentAnswersOptions } from "../../../src/gateway/endpoints/unsentAnswers";
import { ANY_PORT } from "../../support/anyPort";
import { RawConnection } from "../../support/httpClient";
import { waitUntil } from "../../support/waitUntil";

/** More than the kernel keeps of a connection, on both of its sides. */
const LARGE = 32_000_000;
/** At least what the kernel takes in one step. */
const STEP = 3_000_000;
/** Time between the last chunk of a pausing stream and its end. */
const PAUSE_MS = 2_000;

let server: EndpointServer;
let port: number;
let responses: ServerResponse[];
let opened: RawConnection[];

async function serve(options: UnsentAnswersOptions): Promise<void> {
  const unsentAnswers = new UnsentAnswers(options);
  responses = [];
  opened = [];
  server = new EndpointServer({
    ports: [ANY_PORT],
    find: () => undefined,
    publish: ({ request, response, queue, requestId, isClosing }) => {
      responses.push(response);
      const caller = new HttpCaller(request, response, requestId, isClosing, unsentAnswers);
      if (queue === "small") return caller.answer({ status: 200, headers: [] }, Buffer.from("small"));
      if (queue === "large") return caller.answer({ status: 200, headers: [] }, Buffer.alloc(LARGE, 65));
      caller.streamStart({ status: 200, headers: [] });
      caller.streamChunk(Buffer.alloc(LARGE, 65), () => {
        setTimeout(() => caller.streamEnd(), queue === "pausing" ? PAUSE_MS : 0);
      });
    },
    unsentAnswers,
  });
  port = await server.listen();
}

afterEach(async () => {
  jest.restoreAllMocks();
  for (const connection of opened) connection.end();
  await server.close();
});

/** Asks, and reads nothing. */
async function ask(queue: string): Promise<RawConnection> {
  const connection = await RawConnection.open(port);
  opened.push(connection);
  connection.socket.pause();
  const before = responses.length;
  connection.write(`POST /queues/${queue} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`);
  await waitUntil("it is asked", () => responses.length > before);
  return connection;
}

async function read(connection: RawConnection, bytes: number): Promise<void> {
  const wanted = connection.text.length + bytes;
  connection.socket.resume();
  await waitUntil("there is more", () => connection.text.length > Math.min(wanted, LARGE) || connection.isClosed);
  connection.socket.pause();
}

/** A period in which nobody is slow. */
const LONG = { minBytesPerSecond: 0, periodMs: 3_000 };
const seenToTake = () => new Promise((resolve) => setTimeout(resolve, LONG.periodMs / 10));

test.each([
  ["large", { maxBytes: 3.5 * LARGE }],
  ["stream", { maxBytes: 3.5 * LARGE }],
  ["large", {}],
])(
  "what clients do not take is kept up to a limit, and the one that takes nothing for longest is cut off: %s, %j",
  async (queue, limit) => {
    // of which an eighth is the limit where none is given
    jest.spyOn(process, "constrainedMemory").mockReturnValue(28 * LARGE);
    await serve({ ...limit, ...LONG });
    const first = await ask(queue);
    await ask(queue);
    await ask("small");
    await seenToTake();
    // the first is the oldest, but has taken something since
    await read(first, STEP);
    await seenToTake();
    await ask(queue);
    expect(responses[1].closed).toBe(false);
    await ask(queue);
    await waitUntil("one is cut off", () => responses[1].closed);
    expect(responses.map(({ closed }) => closed)).toEqual([false, true, true, false, false]);
    first.socket.resume();
    await waitUntil("the answer is there", () => first.text.length > LARGE || first.isClosed);
    expect(first.text.length).toBeGreaterThan(LARGE);
  },
);

test("an answer that is larger than the limit is not cut off for that", async () => {
  await serve({ maxBytes: LARGE / 4, ...LONG });
  const reader = await ask("large");
  reader.socket.resume();
  await waitUntil("it is there", () => reader.text.length > LARGE || reader.isClosed);
  expect(reader.text.length).toBeGreaterThan(LARGE);
});

test("answers that were taken, or whose clients have left, make room", async () => {
  await serve({ maxBytes: 3 * LARGE, ...LONG });
  for (let i = 0; i < 4; i++) {
    const [reader, leaver] = [await ask("large"), await ask("large")];
    reader.socket.resume();
    leaver.end();
    await waitUntil("it is there", () => reader.text.length > LARGE || reader.isClosed);
    await waitUntil("both are over", () => responses.every(({ closed }) => closed));
    expect(reader.text.length).toBeGreaterThan(LARGE);
  }
});

describe("a client that takes something now and then", () => {
  const PERIOD_MS = 400;

  async function readInSteps(connection: RawConnection): Promise<void> {
    while (!responses[0].closed) {
      await read(connection, STEP);
      await new Promise((resolve) => setTimeout(resolve, PERIOD_MS / 2));
    }
    connection.socket.resume();
    await waitUntil("the rest is there", () => connection.isClosed || connection.text.length > LARGE);
  }

  test("is cut off when that is less than the least rate", async () => {
    await serve({ minBytesPerSecond: 100 * STEP, periodMs: PERIOD_MS });
    const trickling = await ask("large");
    await readInSteps(trickling);
    expect(trickling.text.length).toBeLessThan(LARGE);
  });

  test("gets its whole answer when it is more", async () => {
    await serve({ minBytesPerSecond: STEP / 100, periodMs: 4 * PERIOD_MS });
    const slow = await ask("large");
    await readInSteps(slow);
    expect(slow.text.length).toBeGreaterThan(LARGE);
  });
});

test("a client is not slow while its answer pauses", async () => {
  await serve({ minBytesPerSecond: LARGE / 100, periodMs: PAUSE_MS / 4 });
  const caller = await ask("pausing");
  caller.socket.resume();
  await waitUntil("all of it is there", () => caller.text.endsWith("\r\n0\r\n\r\n") || caller.isClosed);
  expect(caller.text.length).toBeGreaterThan(LARGE);
  expect(caller.isClosed).toBe(false);
});
