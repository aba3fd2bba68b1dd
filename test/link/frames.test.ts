import { FRAME_HEADER_BYTES, FrameReader, LinkProtocolError, MAX_FRAME_BYTES } from "../../src/link/frames";

/** A small generator of numbers in [0, 1) that gives the same ones for the same seed. */
function numbers(seed: number): () => number {
  return () => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return seed / 4_294_967_296;
  };
}

function frame(type: number, id: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_HEADER_BYTES);
  head.writeUInt32BE(payload.length + FRAME_HEADER_BYTES - 4);
  head[4] = type;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

test.each(Array.from({ length: 25 }, (_, seed) => seed))(
  "frames arrive whole however they are cut: seed %i",
  (seed) => {
    const random = numbers(seed);
    const sent = Array.from({ length: 60 }, (_, i) => ({
      type: 1 + Math.floor(random() * 21),
      id: Math.floor(random() * 2 ** 32),
      payload: Buffer.alloc(Math.floor(random() ** 6 * 300_000), i),
    }));
    const stream = Buffer.concat(sent.map(({ type, id, payload }) => frame(type, id, payload)));
    const received: typeof sent = [];
    const reader = new FrameReader((type, id, payload) => received.push({ type, id, payload: Buffer.from(payload) }));
    const largest = [1, 8, 13, 1_000, 65_536, stream.length][seed % 6];
    for (let offset = 0; offset < stream.length;) {
      // one byte at a time would take long for what is large
      const size = Math.max(1, Math.floor(random() * (largest < 100 && random() < 0.02 ? 50_000 : largest)));
      reader.push(stream.subarray(offset, offset + size));
      offset += size;
    }
    expect(received.length).toBe(sent.length);
    received.forEach((each, i) => {
      expect([each.type, each.id, each.payload.equals(sent[i].payload)]).toEqual([sent[i].type, sent[i].id, true]);
    });
  },
);

test.each([
  ["too long", MAX_FRAME_BYTES + 1],
  ["absurdly long", 0xffff_ffff],
  ["shorter than its own header", FRAME_HEADER_BYTES - 5],
  ["empty", 0],
])("a frame that is %s is an error before any of it is kept", (_what, length) => {
  const reader = new FrameReader(() => undefined);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(length);
  reader.push(head.subarray(0, 3));
  expect(() => reader.push(head.subarray(3))).toThrow(LinkProtocolError);
});

test("a large frame in small pieces takes time in proportion to its size", () => {
  let received = 0;
  const reader = new FrameReader((_type, _id, payload) => (received += payload.length));
  const stream = frame(1, 1, Buffer.alloc(24 * 1024 * 1024));
  const started = performance.now();
  for (let offset = 0; offset < stream.length; offset += 4_096) reader.push(stream.subarray(offset, offset + 4_096));
  expect(received).toBe(24 * 1024 * 1024);
  expect(performance.now() - started).toBeLessThan(2_000);
});
