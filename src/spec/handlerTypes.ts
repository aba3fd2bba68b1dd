/** Family and version of a browser, a device or an operating system. */
export interface AgentVersion {
  /** Such as `Chrome`, `iPhone` or `Mac OS X`; `Other` where it is not known. */
  family: string;
  /** First number of the version; `"0"` where it is not known. */
  major: string;
  /** Second number of the version; `"0"` where it is not known. */
  minor: string;
  /** Third number of the version; `"0"` where it is not known. */
  patch: string;
}

/** The session that a caller's token stands for. */
export interface FunctionSession {
  /** The token's claim `sub`. */
  userId: string;
  /** The token, as it was sent. */
  token: string;
  /** When the session began, the claim `iat`: ISO 8601 in UTC. That of 1970 where the token has no such claim. */
  creationDtm: string;
  /** What the first 512 characters of the User-Agent header say of the caller's browser, device and system. */
  userAgent: AgentVersion & {
    /** The device. */
    device: AgentVersion;
    /** The operating system. */
    os: AgentVersion;
  };
  /** The strings of the claim `accessGroupKeys`, else of `groups`; empty where the token has neither. */
  accessGroupKeys: string[];
}

/** Who calls an endpoint. */
export interface FunctionClient {
  /** The connection's address, or with `trustedProxies` of the region what the outermost of these proxies saw. */
  ip: string;
  /**
   * What the first 512 characters of the User-Agent header say: `desktop`, `mobile`, `tablet`, `bot`, or `unknown`, which
   * programs such as curl are.
   */
  deviceType: string;
  /** The User-Agent header as it was sent; an empty string without one. */
  userAgent: string;
}

/** Where a function runs and what this invocation is. */
export interface FunctionAppInfo {
  /** Name of the `ServerlessApp`. */
  appName: string;
  /** Name of the `Environment`. */
  environmentName: string;
  /** `type` of the `Environment`. */
  environmentType: string;
  /** Base address of the region's endpoints, as clients have it; without a slash at the end. */
  apiBaseUrl: string;
  /** Where the function sends messages to queues of its region: `${queueBaseUrl}/orders`. */
  queueBaseUrl: string;
  /** When an instance was given the invocation: ISO 8601 in UTC. */
  executionStartDtm: string;
  /** Name of the region. */
  region: string;
  /** Name of the `FullCodeFunction`. */
  functionName: string;
  /** Content hash of the code. */
  functionVersion: string;
  /** Id of the invocation: in its log records, and in the header `x-request-id` of an endpoint's answer. */
  requestId: string;
  /** 1 for the first delivery; an endpoint has no other. */
  deliveryAttempt: number;
}

/** One file of a multipart body. */
export interface FunctionFile {
  /** Name of the form's field. */
  fieldName: string;
  /** Name of the file as the client says it: no path to write to. */
  fileName: string;
  /** Transfer encoding as the client says it, such as `7bit`. */
  encoding: string;
  /** Media type as the client says it. */
  mimeType: string;
  /** Bytes. */
  size: number;
  /** The file, all of it. */
  contents: Buffer;
}

/** What invoked the function. */
export interface FunctionTrigger {
  /** Kind of the trigger. A tester's invocation counts as an endpoint's. */
  type: "endpoint" | "queue" | "cron";
  /** Name of the trigger; `tester` for an invocation by `fullcode invoke` or `fullcode start`. */
  name: string;
  /** With `type: "cron"`: the time that this firing stands for, ISO 8601 in UTC. */
  scheduledTime?: string;
}

/**
 * What a handler receives. A field that the trigger does not have is absent.
 *
 * @typeParam Body - What the handler expects in `body`: parsed JSON, the fields of a form, a text or a Buffer.
 */
export interface FunctionRequest<Body = unknown> extends Partial<EndpointFields> {
  /** The app's parameters, of the types they were declared with. */
  appParams: Record<string, string | number | boolean>;
  /** Where the function runs and what this invocation is. */
  appInfo: FunctionAppInfo;
  /** What invoked the function. */
  trigger: FunctionTrigger;
  /** The caller's session, where there is one. Endpoints only. */
  session?: FunctionSession;
  /** Endpoints and queues; undefined for an endpoint's request without a body. */
  body?: Body;
  /** Aborted when the invocation times out or its caller goes away. */
  signal?: AbortSignal;
}

/** What a handler receives that has endpoint triggers only. */
export type EndpointRequest<Body = unknown> = FunctionRequest<Body> & EndpointFields;

/** The fields that only an endpoint has. */
export interface EndpointFields {
  /** Parameters of the path, `{ orderId: "…" }`. */
  ids: Record<string, string>;
  /** The query string, its first 1,000 pairs; a key that is repeated has a list. */
  query: Record<string, string | string[] | undefined>;
  /** Lower-cased names. */
  headers: Record<string, string>;
  /** Who calls. */
  client: FunctionClient;
  /** Files of a multipart body. */
  files: FunctionFile[];
  /** HTTP method. */
  method: string;
  /** Path of the request, without the query string. */
  path: string;
}

/**
 * What a handler answers with. The first answer wins; a second one is dropped, with a warning in the log. A handler that
 * returns without one answers 204. An endpoint's answer goes to the caller; a queue's or a cron's into the log.
 *
 * An answer by `send` or `json` has at most `limits.responseBytes`. One that has more is not sent: the caller gets a 502
 * `ResponseTooLarge`, and nothing is thrown.
 */
export interface FunctionResponse {
  /**
   * Answers with a text, as `text/plain; charset=utf-8`, with bytes, as `application/octet-stream`, or with nothing. A
   * `content-type` that was set takes the place of these.
   *
   * @param status - Default: that of `status()`, else 200
   * @throws RangeError for a status that is no whole number from 200 to 599.
   */
  send(text?: string | Uint8Array, status?: number): void;
  /**
   * Answers with JSON. `undefined` is sent as `null`.
   *
   * @param status - Default: that of `status()`, else 200
   * @throws RangeError for a status that is no whole number from 200 to 599, TypeError for what JSON cannot express: a BigInt,
   *   an object that contains itself.
   */
  json(json: unknown, status?: number): void;
  /**
   * Sets a header, in place of an earlier one of the same name; a list sets it several times. `connection`,
   * `content-length`, `keep-alive`, `trailer`, `transfer-encoding`, `upgrade` and `x-request-id` are left out: they are the
   * gateway's.
   *
   * @throws TypeError for a name or a value that HTTP does not allow, RangeError when all that was set has more than 65,536
   *   characters, names included.
   */
  set(name: string, value: string | number | readonly string[]): this;
  /**
   * Sets the status, 200 to 599.
   *
   * @throws RangeError for any other.
   */
  status(code: number): this;
  /**
   * Answers with a stream, as `application/octet-stream` unless a `content-type` was set: write to it, and end it. For
   * callers of an endpoint it has no limit of size. A queue, a cron and a tester take `limits.responseBytes` of it: beyond
   * that the invocation has failed, with 502 `ResponseTooLarge`.
   */
  stream(): NodeJS.WritableStream;
}

/**
 * A Node.js function: `export default` it, or assign it to `module.exports`.
 *
 * What it returns is not sent; a promise is waited for. What it throws, or what the promise is rejected with, is a 500 with
 * `errorType` and `errorMessage`, the error's name and message; the stack is in the log only.
 */
export type Handler<Request extends FunctionRequest = FunctionRequest> = (
  req: Request,
  res: FunctionResponse,
) => unknown;
