import { PublishBudget } from "../../src/gateway/queues/publishBudget";
import { limits } from "../../src/spec";
import { RawConnection } from "../support/httpClient";
import { PublishServer } from "../support/publishServer";
import { temporaryFolder } from "../support/temporaryFolder";
import { waitUntil } from "../support/waitUntil";

const MESSAGE = Buffer.alloc(4_000, 65);

let server: PublishServer;
afterEach(() => server.stop());
const folder = temporaryFolder();

/** What a client is told that asks before it sends so much. */
async function askToSend(bytes: number): Promise<string> {
  const connection = await RawConnection.open(server.port);
  connection.write(`POST /queues/q HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\nExpect: 100-continue\r\n\r\n`);
  await waitUntil("it is told", () => connection.text.includes("\r\n\r\n"));
  connection.end();
  return connection.text;
}

test("messages that are not there to their last byte are held within one limit", async () => {
  server = await PublishServer.start(folder());
  const large = limits.MAX_MESSAGE_BYTES;
  const unfinished = await Promise.all(Array.from({ length: 10 }, () => RawConnection.open(server.port)));
  for (const connection of unfinished)
    connection
      .write(`POST /queues/q HTTP/1.1\r\nHost: a\r\nContent-Length: ${large}\r\n\r\n`)
      .write(Buffer.alloc(large - 1, 65));
  // ten times 6 MiB leave 4 MiB
  await waitUntil("there is no room for another", async () => (await askToSend(large)).startsWith("HTTP/1.1 429 "));
  expect(await askToSend(large)).toMatch(/\r\nretry-after: 1\r\n/i);
  const refused = await server.post("/queues/q", { body: Buffer.alloc(5 * 1024 * 1024) });
  expect(refused).toMatchObject({ status: 429, json: { errorType: "TooManyRequests" } });
  const unannounced = { body: Buffer.alloc(5 * 1024 * 1024), headers: { "transfer-encoding": "chunked" } };
  expect((await server.post("/queues/q", unannounced)).status).toBe(429);
  expect((await server.post("/queues/q", { body: MESSAGE })).status).toBe(202);

  unfinished[0].write("A");
  await waitUntil("a whole one is taken", () => unfinished[0].statuses[0] === 202);
  expect((await server.post("/queues/q", { body: Buffer.alloc(large, 66) })).status).toBe(202);
  for (const connection of unfinished) connection.end();
  await waitUntil("what left in the middle takes nothing", async () => {
    const asked = await Promise.all(Array.from({ length: 10 }, () => askToSend(large)));
    return asked.every((text) => text.startsWith("HTTP/1.1 100 "));
  });
});

test("a gateway with little memory holds fewer", async () => {
  const memory = jest.spyOn(process, "constrainedMemory").mockReturnValue(64 * 1024 * 1024);
  server = await PublishServer.start(folder());
  memory.mockRestore();
  expect((await server.post("/queues/q", { body: Buffer.alloc(4 * 1024 * 1024 + 1, 65) })).status).toBe(429);
  expect((await server.post("/queues/q", { body: Buffer.alloc(4 * 1024 * 1024, 65) })).status).toBe(202);
});

test("what is only announced keeps nobody out", async () => {
  server = await PublishServer.start(folder(), new PublishBudget(10_000));
  const silent = await Promise.all(Array.from({ length: 20 }, () => RawConnection.open(server.port)));
  for (const connection of silent)
    connection.write("POST /queues/q HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\nExpect: 100-continue\r\n\r\n");
  await waitUntil("all may send", () => silent.every(({ statuses }) => statuses[0] === 100));
  expect((await server.post("/queues/q", { body: MESSAGE })).status).toBe(202);
  for (const connection of silent) connection.end();
});

test("messages count until they are stored", async () => {
  server = await PublishServer.start(folder(), new PublishBudget(10_000));
  const release = server.holdWrites();
  const waiting = [1, 2].map(() => server.post("/queues/q", { body: MESSAGE }));
  await waitUntil("both are there", async () => (await askToSend(4_000)).startsWith("HTTP/1.1 429 "));
  const refused = await server.post("/queues/q", { body: MESSAGE });
  expect(refused.status).toBe(429);
  expect(refused.headers["retry-after"]).toBe("1");
  release();
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([202, 202]);
  expect((await server.post("/queues/q", { body: MESSAGE })).status).toBe(202);
});

test("deduplication ids are told apart to their last character, and refused when they are too long", async () => {
  server = await PublishServer.start(folder());
  const send = (id: string) => server.post("/queues/q", { body: MESSAGE, headers: { "deduplication-id": id } });
  const longest = limits.MAX_DEDUPLICATION_ID_LENGTH;
  const [one, other] = ["1", "2"].map((end) => end.padStart(longest, "order "));
  for (const [id, duplicate] of [
    [one, false],
    [other, false],
    [other, true],
  ] as const)
    expect(await send(id)).toMatchObject({ status: 202, json: { duplicate } });
  expect(await send(`${one}2`)).toMatchObject({
    status: 400,
    json: {
      errorType: "InvalidDeduplicationId",
      errorMessage: expect.stringContaining(`${longest + 1} characters; at most ${longest}`) as string,
    },
  });
});

test("publishers learn that the gateway leaves", async () => {
  server = await PublishServer.start(folder());
  const CLOSES = /\r\nconnection: close\r\n/i;
  const empty = "POST /queues/q HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
  const kept = await RawConnection.open(server.port);
  kept.write(empty);
  await waitUntil("it is taken", () => kept.statuses.length === 1);
  expect(kept.text).not.toMatch(CLOSES);
  server.server.announceClose();
  kept.write(empty);
  await kept.closed;
  expect(kept.statuses).toEqual([202, 202]);
  expect(kept.text).toMatch(CLOSES);
  const requests: [string, number][] = [
    ["Content-Length: 2\r\n\r\n{}", 202],
    ["Content-Type: application/json\r\nContent-Length: 1\r\n\r\n{", 400],
    ["Sec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n\r\n", 403],
  ];
  for (const [rest, status] of requests) {
    const connection = await RawConnection.open(server.port);
    connection.write(`POST /queues/q HTTP/1.1\r\nHost: a\r\n${rest}`);
    await connection.closed;
    expect(connection.statuses).toEqual([status]);
    expect(connection.text).toMatch(CLOSES);
  }
});
