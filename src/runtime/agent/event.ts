import { type InstanceConfig } from "../../link/instanceConfig";
import { type LinkInvocation } from "../link/linkInvocation";
import { type RequestFields } from "../request/request";

/** An invocation on its way through a bootstrap. */
export interface RuntimeEvent {
  readonly requestId: string;
  readonly invocation: LinkInvocation;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Buffer;
  /** By the monotonic clock, in milliseconds: when it has run for as long as it may. */
  readonly deadline: number;
}

/** Makes the events of one instance; what all of them share is kept here. */
export class EventBuilder {
  constructor(
    private readonly config: InstanceConfig,
    /** Names and values in turn. */
    private readonly agencyHeaders: readonly string[],
  ) {}

  build(invocation: LinkInvocation, request: RequestFields): RuntimeEvent {
    const { requestId, trigger, startedAt } = invocation.head;
    const timeoutMs = this.config.timeoutSeconds * 1000;
    const body = Buffer.from(eventJson(request));
    return {
      requestId,
      invocation,
      body,
      deadline: performance.now() + timeoutMs,
      headers: [
        "X-Cff-Request-Id",
        requestId,
        "X-Cff-Invoke-Type",
        trigger.type === "endpoint" ? "sync" : "async",
        "X-Cff-Deadline-Ms",
        String(Math.round(startedAt + timeoutMs)),
        ...this.agencyHeaders,
        "Content-Type",
        "application/json",
        "Content-Length",
        String(body.length),
      ],
    };
  }
}

/** The `req` of a handler as JSON: bytes are Base64, and a body of bytes says so with `isBase64Encoded`. */
function eventJson(request: RequestFields): string {
  const { body, files } = request;
  return JSON.stringify({
    ...request,
    ...(Buffer.isBuffer(body) && { body: body.toString("base64"), isBase64Encoded: true }),
    ...(files !== undefined && {
      files: files.map((file) => ({ ...file, contents: file.contents.toString("base64") })),
    }),
  });
}
