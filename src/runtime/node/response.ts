import { Writable } from "node:stream";
import { inspect } from "node:util";

import { HEADER_VALUE } from "../../spec/instances";
import { HEADER_NAME, JSON_HEADERS, NOT_SETTABLE } from "../answerHeaders";
import { type LinkInvocation } from "../link/linkInvocation";

type HeaderValue = string | number | readonly string[];

/** All headers of an answer together; clients and proxies take less than this. */
const MAX_HEADER_CHARACTERS = 64 * 1024;

/**
 * The `res` of a handler. The first answer wins; a second one is logged as a warning.
 */
export class Response {
  private code: number | undefined;
  private readonly fields = new Map<string, { name: string; value: HeaderValue }>();

  constructor(
    private readonly invocation: LinkInvocation,
    private readonly maxBytes: number,
  ) {}

  private headerCharacters = 0;

  /** Whether an answer was given. */
  get answered(): boolean {
    return this.invocation.answered;
  }

  /**
   * Sets the status of the answer.
   * @throws RangeError for a status that is not 200 to 599.
   */
  status(code: number): this {
    this.code = checkStatus(code);
    return this;
  }

  /**
   * Sets a header of the answer; a list sets it several times.
   * @throws TypeError for a name or value that HTTP does not allow, RangeError for more than 64 KiB of headers.
   */
  set(name: string, value: HeaderValue): this {
    const values: readonly (string | number)[] = typeof value === "object" ? value : [value];
    if (!HEADER_NAME.test(name)) throw new TypeError(`"${name}" is not a header name`);
    if (!values.every((each) => HEADER_VALUE.test(String(each))))
      throw new TypeError(`the value of header "${name}" has characters that HTTP does not allow`);
    for (const each of values) this.headerCharacters += name.length + String(each).length;
    if (this.headerCharacters > MAX_HEADER_CHARACTERS)
      throw new RangeError(
        `the headers of an answer may have ${MAX_HEADER_CHARACTERS} characters; "${name}" exceeds it`,
      );
    this.fields.set(name.toLowerCase(), { name, value });
    return this;
  }

  /**
   * Answers with text, bytes as they are, or anything else as JSON.
   * @throws RangeError for a status that is not 200 to 599.
   */
  send(text?: unknown, status?: number): void {
    if (text === undefined || text === null) this.answer("", undefined, status);
    else if (typeof text === "string") this.answer(text, "text/plain; charset=utf-8", status);
    else if (text instanceof Uint8Array) this.answer(asBuffer(text), "application/octet-stream", status);
    else this.json(text, status);
  }

  /**
   * Answers with JSON.
   * @throws RangeError for a status that is not 200 to 599, TypeError for what JSON cannot express.
   */
  json(json: unknown, status?: number): void {
    this.answer(JSON.stringify(json) ?? "null", "application/json; charset=utf-8", status);
  }

  /**
   * Answers with what is written to the stream, as it is written and without a limit of size here: the gateway has one
   * where there is no caller to stream to. The status and the headers are those set so far.
   */
  stream(): Writable {
    const { invocation } = this;
    if (this.isSecond()) return new Writable({ write: (_chunk, _encoding, callback) => callback() });
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, callback) => invocation.writeStream(chunk, callback),
      final: (callback) => {
        invocation.endStream();
        callback();
      },
      destroy: (error, callback) => {
        invocation.streamClosed();
        callback(error);
      },
    });
    invocation.beginStream({ status: this.code ?? 200, headers: this.headers("application/octet-stream") }, stream);
    return stream;
  }

  private answer(body: string | Buffer, type: string | undefined, status: number | undefined): void {
    if (this.isSecond()) return;
    const code = status === undefined ? (this.code ?? 200) : checkStatus(status);
    if (body.length * 3 > this.maxBytes && Buffer.byteLength(body) > this.maxBytes) {
      const message = `the answer has ${Buffer.byteLength(body)} bytes; at most ${this.maxBytes} are allowed, or any number with res.stream()`;
      this.invocation.log("error", message);
      const failure = { errorType: "ResponseTooLarge", errorMessage: message };
      const answer = { ...failure, requestId: this.invocation.head.requestId };
      this.invocation.answer({ status: 502, headers: JSON_HEADERS, failure }, JSON.stringify(answer));
      return;
    }
    this.invocation.answer({ status: code, headers: this.headers(type) }, body);
  }

  private isSecond(): boolean {
    if (this.invocation.answered && !this.invocation.cancelled)
      this.invocation.log("warn", "the handler answered a second time; the first answer was sent, this one is dropped");
    return this.invocation.answered;
  }

  private headers(type: string | undefined): string[] {
    const headers: string[] = [];
    if (type !== undefined && !this.fields.has("content-type")) headers.push("content-type", type);
    for (const [key, { name, value }] of this.fields) {
      if (NOT_SETTABLE.has(key)) continue;
      if (typeof value === "object") for (const each of value) headers.push(name, String(each));
      else headers.push(name, String(value));
    }
    return headers;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function checkStatus(code: number): number {
  if (!Number.isInteger(code) || code < 200 || code > 599)
    throw new RangeError(
      `${inspect(code)} is not a status that a function can answer with (a whole number from 200 to 599)`,
    );
  return code;
}
