import { type InstanceConfig } from "../../link/instanceConfig";
import { type LinkInvocation } from "../link/linkInvocation";
import { InvalidBodyError } from "../request/body";
import { type RequestFields } from "../request/request";

/** Bodies up to this size are sent as strings. */
const STRING_BYTES = 64 * 1024;

/** JSON in UTF-8: as a string where one character is one byte, which `node:http` writes together with the headers. */
export type EventBody = { text: string } | { bytes: Buffer };

/** An invocation on its way through a bootstrap. */
export interface RuntimeEvent {
  readonly requestId: string;
  readonly invocation: LinkInvocation;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: EventBody;
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

  build(invocation: LinkInvocation, json: string | Buffer): RuntimeEvent {
    const { requestId, trigger, startedAt } = invocation.head;
    const timeoutMs = this.config.timeoutSeconds * 1000;
    const length = Buffer.byteLength(json);
    return {
      requestId,
      invocation,
      body: bodyOf(json, length),
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
        String(length),
      ],
    };
  }
}

function bodyOf(json: string | Buffer, length: number): EventBody {
  if (typeof json !== "string") return { bytes: json };
  return json.length === length && length <= STRING_BYTES ? { text: json } : { bytes: Buffer.from(json) };
}

/**
 * The `req` of a handler as JSON: bytes are Base64, and a body of bytes says so with `isBase64Encoded`.
 *
 * @throws InvalidBodyError for a body that was read from JSON and cannot be made JSON again.
 */
export function eventJson(request: RequestFields): string {
  try {
    return JSON.stringify(serializable(request));
  } catch (error) {
    // JSON is read by a loop and written by recursion: the stack ends where it is nested some thousand deep
    throw error instanceof RangeError
      ? new InvalidBodyError("the body is nested too deeply to be handed to a custom runtime")
      : error;
  }
}

function serializable(request: RequestFields): object {
  const { body, files } = request;
  if (!Buffer.isBuffer(body) && (files === undefined || files.length === 0)) return request;
  return {
    ...request,
    ...(Buffer.isBuffer(body) && { body: body.toString("base64"), isBase64Encoded: true }),
    ...(files !== undefined && {
      files: files.map((file) => ({ ...file, contents: file.contents.toString("base64") })),
    }),
  };
}
