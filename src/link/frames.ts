/**
 * The link's frames: `u32 length of the rest | u8 type | u32 id | payload`, big-endian.
 *
 * The id is the invocation's on this link, given by the gateway, or a count, or 0 where a frame belongs to no invocation.
 * A payload is empty, JSON, bytes, or a head with a body: `u32 length of the head | head as JSON | body`.
 */
export const enum FrameType {
  /** instance → gateway, first frame: {@link Hello}. */
  Hello = 1,
  /** gateway → instance, the answer to it: {@link Welcome}. */
  Welcome = 2,
  /** instance → gateway: `id` more invocations may be sent. */
  Credit = 3,
  /** gateway → instance: {@link InvokeHead}, and the body when it is small. Uses up one credit. */
  Invoke = 4,
  /** instance → gateway: send the body. Only where the head says that one follows. */
  Accept = 5,
  /**
   * instance → gateway: nothing was run; the gateway offers the invocation to another instance. The instance is full, so
   * from protocol 2 on the gateway's unused credits are void; it is given new ones when there is room.
   */
  Decline = 6,
  /** gateway → instance: a part of the body. */
  Body = 7,
  /** gateway → instance: the body is complete. */
  BodyEnd = 8,
  /** instance → gateway: a whole answer, {@link AnswerHead} and body. */
  Answer = 9,
  /** instance → gateway: the head of an answer whose body follows in chunks. */
  AnswerHead = 10,
  AnswerChunk = 11,
  AnswerEnd = 12,
  /**
   * instance → gateway: the handler has ended; gives one credit back. From protocol 2 on a payload, of any content, says
   * that it does not: the place goes to another gateway, and a {@link FrameType.Credit} follows later.
   */
  Done = 13,
  /** instance → gateway: console lines, {@link LogLine}[]; id 0 when they belong to no invocation. */
  Log = 14,
  /** gateway → instance: nobody waits for the answer any more; JSON string that says why. */
  Cancel = 15,
  /** gateway → instance: nothing more will be sent; finish what runs, then close the link. */
  Drain = 16,
  /** instance → gateway: send nothing more. Answered with Drain, before which the instance does not close. */
  Draining = 17,
  Ping = 18,
  Pong = 19,
  /** gateway → instance: so many more bytes of a streamed answer may be sent; payload u32. */
  Window = 20,
  /** instance → gateway: the user's code cannot be run: {@link InvocationError}. */
  InitFailed = 21,
  /** instance → gateway: {@link FrameType.Answer} and {@link FrameType.Done} in one, as most handlers end. */
  AnswerDone = 22,
  /**
   * gateway → instance: addresses of all gateway replicas, `string[]` of `ip:port`; after Welcome and whenever they change.
   * From protocol 2 on, between pods.
   */
  Peers = 23,
}

/** Version of the protocol; the two sides agree on the lower of theirs. */
export const PROTOCOL_VERSION = 2;
/** The version from which on links know {@link FrameType.Peers}, credits that are void, and gateways that ping. */
export const PEERS_PROTOCOL = 2;

export const FRAME_HEADER_BYTES = 9;
/** Bodies up to this size travel in the frame of their head; larger ones in parts of this size. */
export const PART_BYTES = 64 * 1024;
/** A longer frame is an error and ends the link. Room for a head with all the request parts that a tester may send. */
export const MAX_FRAME_BYTES = 32 * 1024 * 1024;
/** Bytes of a streamed answer that an instance may send before the gateway has passed them on. */
export const STREAM_WINDOW_BYTES = 1024 * 1024;

const NO_PAYLOAD = Buffer.alloc(0);

/** A peer broke the protocol; the link is closed. */
export class LinkProtocolError extends Error {
  override readonly name = "LinkProtocolError";
}

/** Splits what arrives on a socket into frames, without copying where a frame arrived whole. */
export class FrameReader {
  /** The beginning of a frame whose end has not come, and how long it is to be. */
  private readonly parts: Buffer[] = [];
  private partBytes = 0;
  private wantedBytes = 0;

  constructor(private readonly onFrame: (type: FrameType, id: number, payload: Buffer) => void) {}

  /** @throws LinkProtocolError for a frame that is too long or too short. */
  push(chunk: Buffer): void {
    const buffer = this.partBytes === 0 ? chunk : this.join(chunk);
    if (buffer === undefined) return;
    let offset = 0;
    while (buffer.length - offset >= 4) {
      const length = buffer.readUInt32BE(offset);
      if (length > MAX_FRAME_BYTES || length < FRAME_HEADER_BYTES - 4)
        throw new LinkProtocolError(`a frame of ${length} bytes is not of this protocol`);
      const end = offset + 4 + length;
      if (end > buffer.length) break;
      const payload =
        length === FRAME_HEADER_BYTES - 4 ? NO_PAYLOAD : buffer.subarray(offset + FRAME_HEADER_BYTES, end);
      this.onFrame(buffer[offset + 4], buffer.readUInt32BE(offset + 5), payload);
      offset = end;
    }
    if (offset === buffer.length) return;
    this.parts.push(Buffer.from(buffer.subarray(offset)));
    this.partBytes = buffer.length - offset;
    this.wantedBytes = this.partBytes < 4 ? 4 : 4 + buffer.readUInt32BE(offset);
  }

  /** What is there of the frames so far; undefined as long as not even the first is whole. */
  private join(chunk: Buffer): Buffer | undefined {
    // the reader of the socket may use the chunk's memory again
    this.parts.push(Buffer.from(chunk));
    this.partBytes += chunk.length;
    if (this.partBytes < this.wantedBytes) return undefined;
    const joined = Buffer.concat(this.parts, this.partBytes);
    this.parts.length = 0;
    this.partBytes = 0;
    return joined;
  }
}

/** The two parts of a payload that has a head and a body. */
export function splitHead<Head>(payload: Buffer): { head: Head; body: Buffer } {
  const length = payload.length < 4 ? Infinity : payload.readUInt32BE(0);
  if (4 + length > payload.length) throw new LinkProtocolError("a head is longer than its frame");
  return {
    head: JSON.parse(payload.toString("utf8", 4, 4 + length)) as Head,
    body: payload.subarray(4 + length),
  };
}

export function parseJson<T>(payload: Buffer): T {
  return JSON.parse(payload.toString("utf8")) as T;
}
