import { LinkProtocolError } from "../../link/frames";
import { type AnswerHead, type InvokeHead, type LogLine } from "../../link/messages";
import { type InstanceLink } from "../instances/instanceLink";
import { type GatewayError } from "./gatewayError";

/**
 * Where an invocation came from and its answer goes. Exactly one of `answer`, `fail`, or `streamStart` to
 * `streamEnd`/`streamFail` is called.
 */
export interface InvocationCaller {
  answer(head: AnswerHead, body: Buffer): void;
  fail(error: GatewayError): void;
  streamStart(head: AnswerHead): void;
  /** Calls back once the caller has taken the chunk. */
  streamChunk(chunk: Buffer, taken: () => void): void;
  streamEnd(): void;
  streamFail(error: GatewayError): void;
  log?(line: LogLine): void;
  /** The handler has ended, whether or not that was together with the answer. */
  done?(): void;
  /** What goes into the log of an answer that nobody reads. */
  loggedResponse?(): string | undefined;
}

/** A body that is still in its caller's hands. */
export interface UnreadBody {
  /** Length as the caller declared it; 0 when it did not. */
  readonly declaredBytes: number;
  /**
   * Begins to read. What goes wrong is answered by the caller itself.
   *
   * @param whenRead - Gets the whole body.
   * @param onBytes - Told how many bytes there are so far; throws a GatewayError when they are too many to hold.
   */
  read(whenRead: (body: Buffer) => void, onBytes: (bytes: number) => void): void;
  /** Answers its caller with an error, and lets go of what was read. */
  refuse(error: GatewayError): void;
  /** Lets go of what was read, and keeps nothing of what still comes; its caller is answered by others. */
  drop(): void;
}

/** One invocation, from its arrival to its end. */
export class Invocation {
  /** When it arrived and when it was given to an instance, by the monotonic clock, in milliseconds. */
  readonly arrivedAt = performance.now();
  dispatchedAt = 0;
  /** No instance was ready when it arrived. */
  coldStart = false;
  /** The caller has gone, or the time is over: an answer is dropped. */
  abandoned = false;
  /** The head of an answer was passed on. */
  answering = false;
  /** The body of the answer is passed on as it comes, and its end has not come yet. */
  streaming = false;
  /** Bytes of a streamed answer that were announced and have not come yet; undefined where none were. */
  announcedBytes: number | undefined;
  /** Status of the answer, for the log. */
  status = 0;
  failure: string | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Bytes that it counts for as long as its body is kept. */
  heldBytes = 0;
  /** Since when it waits for an instance, or for its body to be needed: from its arrival, or the end of its body, on. */
  waitingSince = this.arrivedAt;
  /** When its body began to be read, by the monotonic clock. */
  readingSince = 0;
  /** The instance that it was given to. */
  runsOn: InstanceLink | undefined;

  /** Neighbours in the list that holds it. */
  previous: Invocation | undefined;
  next: Invocation | undefined;
  list: object | undefined;

  constructor(
    readonly head: InvokeHead,
    /** Method and path, queue or scheduled time: what a person recognises it by in the log. */
    readonly subject: string,
    readonly caller: InvocationCaller,
    public body: Buffer | UnreadBody,
  ) {}

  /**
   * Counts bytes of an answer in, which is streamed.
   *
   * @throws LinkProtocolError for those of none, and for more than its head has announced.
   */
  countStreamed(bytes: number): void {
    if (!this.streaming) throw new LinkProtocolError("a part of an answer comes behind its head");
    if (this.announcedBytes === undefined) return;
    this.announcedBytes -= bytes;
    if (this.announcedBytes < 0) throw new LinkProtocolError("an answer is longer than it was announced");
  }

  /** The body was let go. */
  bodyReleased = false;

  /** The body is not needed any more. */
  releaseBody(): void {
    if (!Buffer.isBuffer(this.body)) this.body.drop();
    this.body = NO_BODY;
    this.bodyReleased = true;
  }

  /** It is a queue's or a cron's, which keep it until it is done. */
  get isMessage(): boolean {
    return this.head.trigger.type !== "endpoint";
  }

  get bodyBytes(): number {
    return Buffer.isBuffer(this.body) ? this.body.length : this.body.declaredBytes;
  }
}

export const NO_BODY = Buffer.alloc(0);
