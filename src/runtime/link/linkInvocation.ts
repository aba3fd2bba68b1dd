import { type Writable } from "node:stream";

import { FrameType, PART_BYTES, STREAM_WINDOW_BYTES } from "../../link/frames";
import { type DeferredSender, type LinkSocket } from "../../link/linkSocket";
import { type AnswerHead, type InvokeHead, type LogLine } from "../../link/messages";
import { JSON_HEADERS } from "../answerHeaders";

/** The link that an invocation came on. */
export interface InvocationLink {
  /** The invocation's place is free. @returns whether the gateway has its credit back with that. */
  onDone(id: number): boolean;
  /** The invocation was not run. */
  onDeclined(id: number): void;
  /** A line of an invocation whose gateway has gone. */
  onStrayLine(line: LogLine): void;
}

/** Payload of {@link FrameType.Done} that gives no credit back. */
export const KEEPS_CREDIT = Buffer.of(1);

/** One invocation, as an instance sees it: what came in, and the way back to the gateway. */
export class LinkInvocation implements DeferredSender {
  /** The first answer wins; this says whether there was one. */
  answered = false;
  /** Called once when nobody waits for the answer any more: for those that need no {@link signal}, which costs more. */
  onCancel: (() => void) | undefined;
  private ended = false;
  /** An answer that has not been sent yet. */
  private waiting: { head: AnswerHead; body: Buffer | string | undefined } | undefined;
  private abort: AbortController | undefined;
  private cancelReason: string | undefined;
  private window = STREAM_WINDOW_BYTES;
  private onWindow: (() => void) | undefined;
  private stream: Writable | undefined;
  private onStreamClosed: (() => void) | undefined;

  constructor(
    private readonly socket: LinkSocket,
    private readonly id: number,
    readonly head: InvokeHead,
    readonly body: Buffer,
    private readonly link: InvocationLink,
  ) {}

  /** Aborted when nobody waits for the answer any more. Made on first use: most handlers never look at it. */
  get signal(): AbortSignal {
    if (this.abort === undefined) {
      this.abort = new AbortController();
      if (this.cancelReason !== undefined) this.abort.abort(new Error(this.cancelReason));
    }
    return this.abort.signal;
  }

  get cancelled(): boolean {
    return this.cancelReason !== undefined;
  }

  answer(head: AnswerHead, body: Buffer | string | undefined): void {
    this.answered = true;
    if (body !== undefined && body.length > PART_BYTES) {
      const bytes = Buffer.from(body);
      this.socket.sendHead(FrameType.AnswerHead, this.id, { ...head, bodyBytes: bytes.length }, undefined);
      this.socket.sendParts(FrameType.AnswerChunk, this.id, bytes);
      this.socket.send(FrameType.AnswerEnd, this.id);
    } else {
      // most handlers end as soon as they have answered: both are one frame then
      this.waiting = { head, body: Buffer.isBuffer(body) ? Buffer.from(body) : body };
      this.socket.defer(this);
    }
  }

  sendDeferred(): void {
    const { waiting } = this;
    this.waiting = undefined;
    if (waiting !== undefined) this.socket.sendHead(FrameType.Answer, this.id, waiting.head, waiting.body);
  }

  /** @param stream - What the handler writes to; says by {@link streamClosed} that it is closed. */
  beginStream(head: AnswerHead, stream: Writable): void {
    this.answered = true;
    this.stream = stream;
    this.socket.sendHead(FrameType.AnswerHead, this.id, head, undefined);
  }

  /** Calls back once the gateway has room for more. */
  writeStream(chunk: Buffer, callback: () => void): void {
    if (this.cancelled) return callback();
    // who writes may use the chunk's memory again as soon as it has been called back
    this.socket.sendParts(FrameType.AnswerChunk, this.id, Buffer.from(chunk));
    this.window -= chunk.length;
    if (this.window > 0) callback();
    else this.onWindow = callback;
  }

  endStream(): void {
    this.socket.send(FrameType.AnswerEnd, this.id);
  }

  streamClosed(): void {
    this.stream = undefined;
    this.onStreamClosed?.();
  }

  /** Calls back once nothing of the answer is under way: at once, unless a stream outlives its handler. */
  whenStreamed(callback: () => void): void {
    if (this.stream === undefined) return callback();
    this.onStreamClosed = callback;
    if (this.cancelled) this.stream.destroy();
  }

  log(level: LogLine["level"], message: string): void {
    const line: LogLine = { time: Date.now(), level, message };
    if (this.socket.isClosed) return this.link.onStrayLine(line);
    // the id may stand for another invocation once this one has ended
    this.socket.sendJson(FrameType.Log, this.ended ? 0 : this.id, [line]);
  }

  /** The handler has ended: the place is free for the next invocation. A stream that is still open is cut off. */
  done(): void {
    if (this.ended) return;
    this.ended = true;
    this.stream?.destroy();
    const { waiting } = this;
    this.waiting = undefined;
    if (this.link.onDone(this.id)) {
      if (waiting === undefined) this.socket.send(FrameType.Done, this.id);
      else this.socket.sendHead(FrameType.AnswerDone, this.id, waiting.head, waiting.body);
    } else if (waiting === undefined) this.socket.sendBytes(FrameType.Done, this.id, KEEPS_CREDIT);
    else this.socket.sendHead(FrameType.AnswerDone, this.id, { ...waiting.head, keepsCredit: true }, waiting.body);
  }

  /** What was to run it threw: the caller learns of it, and the place is free. */
  fail({ name, message }: Error): void {
    if (this.ended) return;
    this.log("error", `the invocation could not be run: ${name}: ${message}`);
    if (!this.answered) {
      const failure = { errorType: name, errorMessage: message };
      const body = JSON.stringify({ ...failure, requestId: this.head.requestId });
      this.answer({ status: 500, headers: JSON_HEADERS, failure }, body);
    }
    this.done();
  }

  /** Nothing was run: the gateway offers the invocation to another instance. Gives no credit back. */
  decline(): void {
    if (this.ended) return;
    this.ended = true;
    this.link.onDeclined(this.id);
  }

  /** The gateway's side of {@link writeStream}. */
  widen(bytes: number): void {
    this.window += bytes;
    if (this.window > 0) this.releaseWriter();
  }

  /** The gateway does not wait any more: its time is over, or its caller has gone. */
  cancel(reason: string): void {
    if (this.cancelReason !== undefined) return;
    this.cancelReason = reason;
    this.abort?.abort(new Error(reason));
    this.onCancel?.();
    this.releaseWriter();
    // whoever pumps into it stops
    this.stream?.destroy();
  }

  private releaseWriter(): void {
    const callback = this.onWindow;
    this.onWindow = undefined;
    callback?.();
  }
}
