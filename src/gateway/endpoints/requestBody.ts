import { type IncomingMessage, type ServerResponse } from "node:http";

import { GatewayError } from "../invocations/gatewayError";
import { type UnreadBody } from "../invocations/invocation";

/** Time for a body to arrive once it is being read; a slower client gets 408. */
const BODY_TIMEOUT_MS = 30_000;

/**
 * Whether a request has a body, by its headers as they were sent: `request.headers` is only made when it is asked for,
 * and most requests get by without it.
 */
export function hasBody(request: IncomingMessage): boolean {
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { length } = rawHeaders[i];
    if (length === 14 && rawHeaders[i].toLowerCase() === "content-length" && rawHeaders[i + 1] !== "0") return true;
    if (length === 17 && rawHeaders[i].toLowerCase() === "transfer-encoding") return true;
  }
  return false;
}

export function tooLarge(limit: number): GatewayError {
  return new GatewayError(413, "RequestTooLarge", `the request's body has more than ${limit} bytes`);
}

/** The body of an HTTP request, left on its socket until it is needed. */
export class RequestBody implements UnreadBody {
  readonly declaredBytes: number;

  /**
   * @param onProblem - The body is too large or too slow; it will not be complete.
   * @throws GatewayError 413 when the body says that it is too large.
   */
  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly limit: number,
    private readonly onProblem: (error: GatewayError) => void,
  ) {
    this.declaredBytes = Number(request.headers["content-length"] ?? 0);
    if (this.declaredBytes > limit) throw tooLarge(limit);
  }

  read(whenRead: (body: Buffer) => void, onBytes: (bytes: number) => void = () => undefined): void {
    const { request } = this;
    if (request.headers.expect?.toLowerCase() === "100-continue") this.response.writeContinue();
    let chunks: Buffer[] = [];
    let bytes = 0;
    const timer = setTimeout(() => {
      chunks = [];
      this.fail(new GatewayError(408, "RequestTimeout", `the body did not arrive within ${BODY_TIMEOUT_MS / 1000} s`));
    }, BODY_TIMEOUT_MS);
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      try {
        if (bytes > this.limit) throw tooLarge(this.limit);
        onBytes(bytes);
        chunks.push(chunk);
      } catch (error) {
        clearTimeout(timer);
        chunks = [];
        this.fail(error as GatewayError);
      }
    });
    request.on("end", () => {
      clearTimeout(timer);
      const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      // the request stays until it is answered, and would keep a second copy
      chunks = [];
      if (bytes <= this.limit) whenRead(body);
    });
    request.on("close", () => clearTimeout(timer));
  }

  private fail(error: GatewayError): void {
    this.request.removeAllListeners("data");
    this.request.removeAllListeners("end");
    this.onProblem(error);
  }
}
