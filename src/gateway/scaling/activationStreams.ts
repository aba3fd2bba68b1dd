import { type ServerWritableStream } from "@grpc/grpc-js";

import { type IsActiveResponse, type ScaledObjectRef } from "./protocols/externalScaler";

/** KEDA keeps one stream a function, and for a moment two; those of a KEDA that vanished are noticed after a while. */
const MAX_STREAMS_OF_FUNCTION = 8;

export type ActivationStream = ServerWritableStream<ScaledObjectRef, IsActiveResponse>;

/** KEDA's open streams to this replica, by function. */
export class ActivationStreams {
  /** With the time at which each was opened. */
  private readonly streams = new Map<string, Map<ActivationStream, number>>();

  /**
   * Takes a stream of a function that there is. Of too many the oldest is ended well: who opens streams for no purpose must
   * not keep KEDA out, which comes back in two seconds.
   */
  add(functionName: string, stream: ActivationStream): void {
    let streams = this.streams.get(functionName);
    if (streams === undefined) {
      streams = new Map<ActivationStream, number>();
      this.streams.set(functionName, streams);
    }
    streams.set(stream, performance.now());
    if (streams.size > MAX_STREAMS_OF_FUNCTION) {
      const [oldest] = streams.keys();
      streams.delete(oldest);
      oldest.end();
    }
    for (const event of ["cancelled", "close", "error"]) stream.once(event, () => this.remove(functionName, stream));
  }

  /** Functions that have a stream here. */
  functions(): string[] {
    return [...this.streams.keys()];
  }

  /** Tells KEDA that the function has work. There is no pushing that it has none: KEDA ignores that. */
  push(functionName: string): void {
    for (const stream of this.streams.get(functionName)?.keys() ?? [])
      // who does not read what was pushed before does not need more of the same
      if (!stream.writableNeedDrain) stream.write({ result: true });
  }

  /** Ends the function's streams that have been open for longer. */
  endOlder(functionName: string, ageMs: number): void {
    const before = performance.now() - ageMs;
    for (const [stream, openedAt] of this.streams.get(functionName) ?? []) if (openedAt < before) stream.end();
  }

  endAll(): void {
    for (const streams of this.streams.values()) for (const stream of streams.keys()) stream.end();
  }

  private remove(functionName: string, stream: ActivationStream): void {
    const streams = this.streams.get(functionName);
    if (streams?.delete(stream) !== true) return;
    if (streams.size === 0) this.streams.delete(functionName);
  }
}
