import { type IncomingMessage, type ServerResponse } from "node:http";

import { limits } from "../../spec";
import { GatewayError } from "../invocations/gatewayError";
import { type UnreadBody } from "../invocations/invocation";

/** How fast a body has to come once it is being read. */
export interface BodyPace {
  minBytesPerSecond: number;
  /** Time over which the rate is measured. */
  periodMs: number;
}

const PACE: BodyPace = {
  minBytesPerSecond: limits.MIN_BODY_BYTES_PER_SECOND,
  periodMs: limits.BODY_PERIOD_SECONDS * 1_000,
};

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

/**
 * The body of an HTTP request, left on its socket until it is needed.
 *
 * From then on it has to come at a least rate, in each period: a fixed time would be too short for large ones of slow
 * clients, and long for those of clients that mean to occupy a place; an average could be saved up for a long pause.
 */
export class RequestBody implements UnreadBody {
  readonly declaredBytes: number;
  private chunks: Buffer[] = [];
  private bytes = 0;
  private timer: NodeJS.Timeout | undefined;
  private onData: (chunk: Buffer) => void = () => undefined;
  private onEnd: () => void = () => undefined;

  /**
   * @param onProblem - The body is too large or too slow; it will not be complete.
   * @throws GatewayError 413 when the body says that it is too large.
   */
  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly limit: number,
    private readonly onProblem: (error: GatewayError) => void,
    private readonly pace: BodyPace = PACE,
  ) {
    this.declaredBytes = Number(request.headers["content-length"] ?? 0);
    if (this.declaredBytes > limit) throw tooLarge(limit);
  }

  read(whenRead: (body: Buffer) => void, onBytes: (bytes: number) => void = () => undefined): void {
    const { request } = this;
    if (request.headers.expect?.toLowerCase() === "100-continue") this.response.writeContinue();
    this.watchPace();
    this.onData = (chunk) => {
      this.bytes += chunk.length;
      try {
        if (this.bytes > this.limit) throw tooLarge(this.limit);
        onBytes(this.bytes);
        this.chunks.push(chunk);
      } catch (error) {
        this.refuse(error as GatewayError);
      }
    };
    this.onEnd = () => {
      clearInterval(this.timer);
      const body = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
      // the request stays until it is answered, and would keep a second copy
      this.chunks = [];
      whenRead(body);
    };
    request.on("data", this.onData);
    request.on("end", this.onEnd);
    request.on("close", () => clearInterval(this.timer));
  }

  refuse(error: GatewayError): void {
    this.drop();
    this.onProblem(error);
  }

  drop(): void {
    clearInterval(this.timer);
    this.chunks = [];
    this.request.off("data", this.onData);
    this.request.off("end", this.onEnd);
  }

  private watchPace(): void {
    const { minBytesPerSecond, periodMs } = this.pace;
    const least = (minBytesPerSecond * periodMs) / 1000;
    let before = 0;
    this.timer = setInterval(() => {
      if (this.bytes - before < least)
        this.refuse(
          new GatewayError(408, "RequestTimeout", `less than ${least} bytes of the body came in ${periodMs / 1000} s`),
        );
      before = this.bytes;
    }, periodMs);
  }
}
