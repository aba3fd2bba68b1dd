import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";

import { type FrameType, splitHead } from "../../src/link/frames";
import { LinkSocket, type LinkSocketEvents } from "../../src/link/linkSocket";
import { temporaryFolder } from "../support/temporaryFolder";
import { waitUntil } from "../support/waitUntil";

const folder = temporaryFolder();
let server: Server | undefined;
let links: LinkSocket[] = [];

afterEach(async () => {
  for (const link of links) link.destroy();
  links = [];
  if (server !== undefined) await new Promise((resolve) => server!.close(resolve));
});

interface Frame {
  type: number;
  id: number;
  payload: Buffer;
}

/** Two ends of a link; what the second receives is in `received`. */
async function pair(events: Partial<LinkSocketEvents> = {}) {
  const path = join(folder(), "link.sock");
  server = createServer();
  await new Promise<void>((resolve) => server!.listen(path, resolve));
  const socket = connect(path);
  const [accepted] = (await once(server, "connection")) as [Socket];
  const received: Frame[] = [];
  const closes: (Error | undefined)[] = [];
  const sender = LinkSocket.accepted(socket, { onFrame: () => undefined, onClose: () => undefined });
  const receiver = LinkSocket.accepted(accepted, {
    onFrame: (type, id, payload) => received.push({ type, id, payload: Buffer.from(payload) }),
    onClose: (error) => closes.push(error),
    ...events,
  });
  links.push(sender, receiver);
  return { sender, receiver, received, closes };
}

const TYPE = 9 as FrameType;

test("frames of every kind and size arrive in order", async () => {
  const { sender, received } = await pair();
  const sizes = [0, 1, 100, 65_500, 65_536, 65_537, 200_000, 3_000_000];
  const bodies = sizes.map((size) => randomBytes(size));
  sender.send(TYPE, 1);
  bodies.forEach((body, i) => {
    sender.sendBytes(TYPE, i, body);
    sender.sendHead(TYPE, i, { size: body.length, text: "žluťoučký" }, body);
    sender.sendHead(TYPE, i, { text: true }, body.toString("base64"));
    sender.sendJson(TYPE, i, { i });
  });
  await waitUntil("all are there", () => received.length === 1 + 4 * sizes.length);
  expect(received[0]).toEqual({ type: 9, id: 1, payload: Buffer.alloc(0) });
  bodies.forEach((body, i) => {
    const [bytes, head, text, json] = received.slice(1 + 4 * i);
    expect(bytes.payload.equals(body)).toBe(true);
    const split = splitHead<{ size: number; text: string }>(head.payload);
    expect(split.head).toEqual({ size: body.length, text: "žluťoučký" });
    expect(split.body.equals(body)).toBe(true);
    expect(splitHead(text.payload).body.toString()).toBe(body.toString("base64"));
    expect(JSON.parse(json.payload.toString())).toEqual({ i });
  });
});

test("a body in parts comes out as it went in, beside other frames", async () => {
  const { sender, received } = await pair();
  const body = randomBytes(5_000_000);
  sender.sendParts(TYPE, 7, body);
  sender.send(TYPE, 8);
  await waitUntil("all are there", () => received.at(-1)?.id === 8);
  expect(Buffer.concat(received.filter(({ id }) => id === 7).map(({ payload }) => payload)).equals(body)).toBe(true);
});

test("what was sent before the end arrives; both sides learn of the end", async () => {
  const { sender, received, closes } = await pair();
  for (let i = 0; i < 1_000; i++) sender.sendJson(TYPE, i, { i });
  sender.finish();
  await waitUntil("the link has ended", () => closes.length === 1);
  expect(received.map(({ id }) => id)).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
  expect(closes).toEqual([undefined]);
});

test("a link whose frames cannot be read is closed with the reason", async () => {
  const closes: (Error | undefined)[] = [];
  const { sender } = await pair({
    onFrame: () => {
      throw new Error("not understood");
    },
    onClose: (error) => closes.push(error),
  });
  sender.send(TYPE, 1);
  await waitUntil("the link has ended", () => closes.length === 1);
  expect(closes[0]!.message).toBe("not understood");
});
