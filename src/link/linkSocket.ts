import { type OnReadOpts, type Socket } from "node:net";
import { type Duplex } from "node:stream";

import { FRAME_HEADER_BYTES, FrameReader, type FrameType, PART_BYTES } from "./frames";

const SLAB_BYTES = 64 * 1024;
const READ_BYTES = 64 * 1024;

/** A socket, or what stands in for one within a process. */
export type LinkStream = Duplex &
  Partial<Pick<Socket, "setNoDelay" | "bytesRead" | "localPort" | "remoteAddress" | "remotePort">> & {
    /** Its other end is in this process: what is written costs no system call. */
    readonly isInProcess?: true;
  };

/** Undefined where the socket is none of TCP, or is closed. */
export interface ConnectionEnds {
  localPort: number | undefined;
  remoteAddress: string | undefined;
  remotePort: number | undefined;
}

export interface LinkSocketEvents {
  onFrame(type: FrameType, id: number, payload: Buffer): void;
  /** What was sent so far has been handed to the operating system. */
  onWritten?(): void;
  /** The peer sends nothing more, and nothing can be sent to it. */
  onEnd?(): void;
  /** Once, when the link has ended for whatever reason. */
  onClose(error: Error | undefined): void;
}

/** Has something to send that may yet be joined with what it sends next. */
export interface DeferredSender {
  sendDeferred(): void;
}

/**
 * Frames over a stream socket.
 *
 * Frames sent in one turn of the event loop leave in one write: at load a system call carries dozens of frames, which
 * is most of what makes the link cheaper than a request each.
 */
export class LinkSocket {
  private slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  private start = 0;
  private end = 0;
  private flushScheduled = false;
  private deferred: DeferredSender[] = [];
  /** Called back once what is in the slab has been taken. */
  private untaken: (() => void)[] = [];
  private closed = false;
  private error: Error | undefined;
  private readonly flushBound = () => this.flush();

  private readonly reader: FrameReader;
  private readonly socket: LinkStream;

  private constructor(
    makeSocket: (onData: (chunk: Buffer) => void) => LinkStream,
    private readonly events: LinkSocketEvents,
  ) {
    this.reader = new FrameReader((type, id, payload) => events.onFrame(type, id, payload));
    const socket = makeSocket((chunk) => {
      try {
        this.reader.push(chunk);
      } catch (error) {
        this.destroy(error as Error);
      }
    });
    this.socket = socket;
    socket.setNoDelay?.(true);
    socket.on("error", (error) => (this.error ??= error));
    socket.on("end", () => events.onEnd?.());
    socket.on("close", () => {
      this.closed = true;
      events.onClose(this.error);
    });
  }

  /** The end of a link that was accepted. Payloads belong to whoever gets them. */
  static accepted(socket: LinkStream, events: LinkSocketEvents): LinkSocket {
    return new LinkSocket((onData) => socket.on("data", onData), events);
  }

  /**
   * The end of a link that connects. Everything is read into one buffer, so a payload is only valid until the event
   * handler returns: what is kept must be copied.
   *
   * @param connect - Makes the socket, with the option that it is given.
   */
  static connect(connect: (onread: OnReadOpts) => Socket, events: LinkSocketEvents): LinkSocket {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    return new LinkSocket((onData) => {
      const callback = (bytes: number) => {
        onData(buffer.subarray(0, bytes));
        return true;
      };
      return connect({ buffer, callback });
    }, events);
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Bytes that have come from the peer. */
  get receivedBytes(): number {
    return this.socket.bytesRead ?? 0;
  }

  /** The ends of a TCP connection. */
  get ends(): ConnectionEnds {
    const { localPort, remoteAddress, remotePort } = this.socket;
    return { localPort, remoteAddress, remotePort };
  }

  send(type: FrameType, id: number): void {
    this.reserve(FRAME_HEADER_BYTES);
    this.writeHeader(type, id, 0);
  }

  sendBytes(type: FrameType, id: number, payload: Buffer): void {
    this.reserve(FRAME_HEADER_BYTES);
    this.writeHeader(type, id, payload.length);
    this.append(payload);
  }

  sendJson(type: FrameType, id: number, value: unknown): void {
    this.sendBytes(type, id, Buffer.from(JSON.stringify(value)));
  }

  /** Sends a head and a body in one frame. */
  sendHead(type: FrameType, id: number, head: unknown, body: Buffer | string | undefined): void {
    this.sendHeadText(type, id, JSON.stringify(head), body);
  }

  /** As {@link sendHead}, with a head that is JSON already. */
  sendHeadText(type: FrameType, id: number, json: string, body: Buffer | string | undefined): void {
    const bodyBound = body === undefined ? 0 : typeof body === "string" ? body.length * 3 : body.length;
    const bound = FRAME_HEADER_BYTES + 4 + json.length * 3 + bodyBound;
    if (bound > SLAB_BYTES) {
      const headBytes = Buffer.from(json);
      const bodyBytes = typeof body === "string" ? Buffer.from(body) : body;
      this.reserve(FRAME_HEADER_BYTES + 4);
      this.writeHeader(type, id, 4 + headBytes.length + (bodyBytes?.length ?? 0));
      this.end = this.slab.writeUInt32BE(headBytes.length, this.end);
      this.append(headBytes);
      if (bodyBytes !== undefined) this.append(bodyBytes);
      return;
    }
    this.reserve(bound);
    const frame = this.end;
    const headStart = frame + FRAME_HEADER_BYTES + 4;
    const headBytes = this.slab.write(json, headStart);
    let end = headStart + headBytes;
    if (typeof body === "string") end += this.slab.write(body, end);
    else if (body !== undefined) end += body.copy(this.slab, end);
    this.writeHeader(type, id, end - frame - FRAME_HEADER_BYTES);
    this.slab.writeUInt32BE(headBytes, this.end);
    this.end = end;
  }

  /** Sends a body in parts, so that a large one does not hold up other invocations' frames for long. */
  sendParts(type: FrameType, id: number, body: Buffer): void {
    for (let offset = 0; offset < body.length; offset += PART_BYTES)
      this.sendBytes(type, id, body.subarray(offset, offset + PART_BYTES));
  }

  /** Calls back once the operating system has taken all that was sent so far; where the link ends before, then or never. */
  whenTaken(callback: () => void): void {
    this.untaken.push(callback);
    this.scheduleFlush();
  }

  /** Asks back before what was sent in this turn of the event loop is written. */
  defer(sender: DeferredSender): void {
    this.deferred.push(sender);
    this.scheduleFlush();
  }

  /** Writes out what was sent and closes the sending side. */
  finish(): void {
    this.flush();
    if (this.writable) this.socket.end();
  }

  destroy(error?: Error): void {
    this.error ??= error;
    this.closed = true;
    this.socket.destroy();
  }

  /** Writes out what was sent in this turn, now. */
  flush(): void {
    if (this.deferred.length > 0) this.runDeferred();
    this.flushScheduled = false;
    this.writeOut();
  }

  private writeOut(): void {
    if (this.end === this.start || !this.writable) return;
    const bytes = this.slab.subarray(this.start, this.end);
    if (this.untaken.length === 0) this.socket.write(bytes);
    else {
      const callbacks = this.untaken;
      this.untaken = [];
      this.socket.write(bytes, () => {
        for (const callback of callbacks) callback();
      });
    }
    this.start = this.end;
    this.events.onWritten?.();
  }

  /** Not any more once the peer has ended, or this side has. */
  private get writable(): boolean {
    return !this.closed && this.socket.writable;
  }

  private writeHeader(type: FrameType, id: number, payloadBytes: number): void {
    const slab = this.slab;
    slab.writeUInt32BE(payloadBytes + FRAME_HEADER_BYTES - 4, this.end);
    slab[this.end + 4] = type;
    slab.writeUInt32BE(id, this.end + 5);
    this.end += FRAME_HEADER_BYTES;
    this.scheduleFlush();
  }

  private scheduleFlush(): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    // where nothing is gained from waiting for more frames, the next turn of the event loop would cost a call of its own
    if (this.socket.isInProcess) process.nextTick(this.flushBound);
    else setImmediate(this.flushBound);
  }

  private runDeferred(): void {
    const { deferred } = this;
    this.deferred = [];
    for (const sender of deferred) sender.sendDeferred();
  }

  /** Bytes that are too many to be worth copying go out as they are, after what is in the slab. */
  private append(bytes: Buffer): void {
    if (bytes.length <= SLAB_BYTES - this.end) {
      bytes.copy(this.slab, this.end);
      this.end += bytes.length;
      return;
    }
    this.writeOut();
    if (this.writable) this.socket.write(bytes);
  }

  /** A written slab belongs to the socket until it has been taken, so a full one is replaced, not used again. */
  private reserve(bytes: number): void {
    if (this.end + bytes <= SLAB_BYTES) return;
    this.writeOut();
    this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.start = 0;
    this.end = 0;
  }
}
