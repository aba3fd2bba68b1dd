import { type IncomingMessage, type ServerResponse } from "node:http";

import { type AnswerHead } from "../../link/messages";
import { GatewayError } from "../invocations/gatewayError";
import { type InvocationCaller } from "../invocations/invocation";
import { type UnsentAnswers } from "./unsentAnswers";

/** What of a refused body is read and thrown away, so that the client gets to read the answer. */
const DISCARD_MS = 5_000;

const ONE_WRITE_BYTES = 16 * 1024;

/** Type of what the gateway itself answers. */
export const JSON_TYPE = "application/json; charset=utf-8";
/** Statuses that have no body, by RFC 9110. */
const hasNoBody = (status: number) => status === 204 || status === 304;

/** Answers an HTTP request. */
export class HttpCaller implements InvocationCaller {
  /** Chunks that the connection has no room for at the moment. */
  private untaken: (() => void)[] | undefined;

  /** @param unsent - Told of what is written. Not needed where answers are known to be few bytes. */
  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly requestId: string,
    private readonly isClosing: () => boolean,
    private readonly unsent?: UnsentAnswers,
  ) {}

  answer(head: AnswerHead, body: Buffer): void {
    if (!this.writeHead(head, body.length)) return;
    // node:http puts a string of single bytes behind the headers and writes both at once; a Buffer costs a second chunk
    if (hasNoBody(head.status)) this.response.end();
    else if (body.length <= ONE_WRITE_BYTES) this.response.end(body.toString("latin1"), "latin1");
    else this.response.end(body);
    this.unsent?.written(this.response);
  }

  fail(error: GatewayError): void {
    refuse(this.request, this.response, error, this.requestId, this.isClosing());
  }

  streamStart(head: AnswerHead): void {
    if (this.writeHead(head, head.bodyBytes)) this.response.flushHeaders();
  }

  streamChunk(chunk: Buffer, taken: () => void): void {
    const { response } = this;
    if (response.writableEnded || response.write(chunk) || response.destroyed) return taken();
    this.unsent?.written(response);
    if (this.untaken !== undefined) return void this.untaken.push(taken);
    const untaken = [taken];
    this.untaken = untaken;
    response.once("drain", () => {
      this.untaken = undefined;
      this.unsent?.taken(response);
      for (const each of untaken) each();
    });
  }

  streamEnd(): void {
    this.response.end();
  }

  /** The status is out already: all that can be done is to not pretend that the answer is complete. */
  streamFail(): void {
    if (!this.response.writableEnded) this.response.destroy();
  }

  /** Says whether the answer's head could be sent; a runtime may give one that HTTP does not know. */
  private writeHead({ status, headers }: AnswerHead, bodyBytes: number | undefined): boolean {
    headers.push("x-request-id", this.requestId);
    if (this.isClosing()) headers.push("connection", "close");
    if (bodyBytes !== undefined && !hasNoBody(status)) headers.push("content-length", String(bodyBytes));
    try {
      if (status < 200) throw new RangeError(`status ${status} is none of an answer`);
      this.response.writeHead(status, headers);
      return true;
    } catch (error) {
      this.fail(
        new GatewayError(502, "InvalidAnswer", `the function's answer is not HTTP: ${(error as Error).message}`),
      );
      return false;
    }
  }
}

/** Answers a request that no function answers. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  error: GatewayError,
  requestId: string,
  closing: boolean,
  headers: string[] = [],
): void {
  if (response.headersSent || response.destroyed) return;
  const body = Buffer.from(error.body(requestId));
  const all = [...headers, "content-type", JSON_TYPE, "content-length", String(body.length), "x-request-id", requestId];
  if (error.retryAfter !== undefined) all.push("retry-after", String(error.retryAfter));
  const unread = !request.complete && !request.readableEnded;
  if (closing || unread) all.push("connection", "close");
  response.writeHead(error.status, all);
  if (!unread) return void response.end(body);
  // a client that is still sending would meet a reset connection instead of the answer, which is complete by its length
  response.write(body);
  request.on("end", () => response.end());
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), DISCARD_MS);
  request.socket.once("close", () => clearTimeout(timer));
}
