import { type AnswerHead, type LogLine } from "../../link/messages";
import { GatewayError } from "./gatewayError";
import { type InvocationCaller } from "./invocation";

const LOGGED_ANSWER_BYTES = 4_096;
/** Console lines that go into an answer; the log has them all. */
const MAX_LOG_LINES = 1_000;

export interface BufferedAnswer {
  status: number;
  /** Names and values in turn. */
  headers: string[];
  body: Buffer;
  logs: LogLine[];
  /** Set when the platform answered, not the handler. */
  error?: GatewayError;
  /** What the handler threw, or why it could not run. */
  failure?: string;
  /** No handler saw the invocation. */
  nothingRan: boolean;
}

/** Collects an answer for callers that are no connection: queues, crons, testers. Resolves when the handler has ended. */
export class BufferedCaller implements InvocationCaller {
  readonly answered: Promise<BufferedAnswer>;
  private resolve!: (answer: BufferedAnswer) => void;
  private head: AnswerHead = { status: 204, headers: [] };
  private readonly chunks: Buffer[] = [];
  private readonly logs: LogLine[] = [];
  private error: GatewayError | undefined;

  private bytes = 0;

  /** @param maxBytes - Of a longer answer nothing is kept, and it counts as a failed one. */
  constructor(private readonly maxBytes: number) {
    this.answered = new Promise((resolve) => (this.resolve = resolve));
  }

  answer(head: AnswerHead, body: Buffer): void {
    this.head = head;
    // the frame's memory is shared with others and would be kept as a whole
    if (body.length > 0) this.chunks.push(Buffer.from(body));
  }

  fail(error: GatewayError): void {
    this.error = error;
    this.head = { status: error.status, headers: [] };
    // after a timeout the handler may go on for as long as it likes; its caller need not wait
    this.done();
  }

  streamStart(head: AnswerHead): void {
    this.head = head;
  }

  streamChunk(chunk: Buffer, taken: () => void): void {
    this.bytes += chunk.length;
    if (this.bytes <= this.maxBytes) this.chunks.push(Buffer.from(chunk));
    else this.refuse();
    taken();
  }

  private refuse(): void {
    this.chunks.length = 0;
    const message = `the answer has more than ${this.maxBytes} bytes, and there is no caller to stream it to`;
    this.error ??= new GatewayError(502, "ResponseTooLarge", message);
    this.head = { status: 502, headers: [] };
  }

  streamEnd(): void {
    return;
  }

  streamFail(error: GatewayError): void {
    this.fail(error);
  }

  log(line: LogLine): void {
    if (this.logs.length < MAX_LOG_LINES) this.logs.push(line);
  }

  loggedResponse(): string | undefined {
    const [first] = this.chunks;
    return first?.toString("utf8", 0, LOGGED_ANSWER_BYTES);
  }

  done(): void {
    this.resolve({
      status: this.head.status,
      headers: this.head.headers,
      body: Buffer.concat(this.chunks),
      logs: this.logs,
      nothingRan: this.error?.nothingRan ?? this.head.nothingRan === true,
      ...(this.error === undefined ? {} : { error: this.error }),
      ...(this.head.failure === undefined ? {} : { failure: this.head.failure.errorMessage }),
    });
  }
}
