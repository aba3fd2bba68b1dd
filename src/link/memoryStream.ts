import { Duplex } from "node:stream";

/** One end of a stream within a process: what is written to it is read from the other end. Behaves as a socket does. */
class MemoryStream extends Duplex {
  readonly isInProcess = true;
  private peer: MemoryStream | undefined;
  private ended = false;

  constructor() {
    super({ allowHalfOpen: false });
  }

  static pair(): [MemoryStream, MemoryStream] {
    const [one, other] = [new MemoryStream(), new MemoryStream()];
    one.peer = other;
    other.peer = one;
    return [one, other];
  }

  override _read(): void {
    // what comes is pushed as it comes: how much that may be is the link's own business
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.peer?.receive(chunk);
    callback();
  }

  override _final(callback: () => void): void {
    this.peer?.receiveEnd();
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const { peer } = this;
    this.peer = undefined;
    // not within the call: a socket learns later, too
    setImmediate(() => peer?.receiveEnd());
    callback(error);
  }

  private receive(chunk: Buffer): void {
    if (!this.ended) this.push(chunk);
  }

  private receiveEnd(): void {
    if (this.ended || this.destroyed) return;
    this.ended = true;
    this.push(null);
  }
}

/** The two ends of a stream within this process. */
export function memoryStreams(): [Duplex, Duplex] {
  return MemoryStream.pair();
}
