/** Family and version of a browser, a device or an operating system. */
export interface AgentVersion {
  family: string;
  major: string;
  minor: string;
  patch: string;
}

/** The session that a caller's token stands for. */
export interface FunctionSession {
  userId: string;
  token: string;
  /** When the session began: ISO 8601 in UTC. */
  creationDtm: string;
  userAgent: AgentVersion & { device: AgentVersion; os: AgentVersion };
  accessGroupKeys: string[];
}

/** Who calls an endpoint. */
export interface FunctionClient {
  ip: string;
  /** `desktop`, `mobile`, `tablet`, `bot`, … */
  deviceType: string;
  userAgent: string;
}

/** Where a function runs and what this invocation is. */
export interface FunctionAppInfo {
  appName: string;
  environmentName: string;
  environmentType: string;
  /** Base address of the region's endpoints. */
  apiBaseUrl: string;
  /** When the invocation began: ISO 8601 in UTC. */
  executionStartDtm: string;
  region: string;
  functionName: string;
  /** Content hash of the code. */
  functionVersion: string;
  requestId: string;
  /** 1 for the first delivery; an endpoint has no other. */
  deliveryAttempt: number;
}

/** One file of a multipart body. */
export interface FunctionFile {
  fieldName: string;
  fileName: string;
  encoding: string;
  mimeType: string;
  /** Bytes. */
  size: number;
  contents: Buffer;
}

/** What invoked the function. */
export interface FunctionTrigger {
  type: "endpoint" | "queue" | "cron";
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
  appInfo: FunctionAppInfo;
  trigger: FunctionTrigger;
  /** The caller's session, where there is one. Endpoints only. */
  session?: FunctionSession;
  /** Endpoints and queues. */
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
  /** The query string; a key that is repeated has a list. */
  query: Record<string, string | string[] | undefined>;
  /** Lower-cased names. */
  headers: Record<string, string>;
  client: FunctionClient;
  /** Files of a multipart body. */
  files: FunctionFile[];
  /** HTTP method. */
  method: string;
  /** Path of the request, without the query string. */
  path: string;
}

/**
 * What a handler answers with. The first answer wins; a handler that returns without one answers 204. An endpoint's
 * answer goes to the caller; a queue's or a cron's into the log.
 */
export interface FunctionResponse {
  /** Answers with text or bytes. @param status - Default: 200 */
  send(text?: string | Uint8Array, status?: number): void;
  /** Answers with JSON. @param status - Default: 200 */
  json(json: unknown, status?: number): void;
  /** Sets a header. */
  set(name: string, value: string | number | readonly string[]): this;
  /** Sets the status. */
  status(code: number): this;
  /** Answers with a stream: write to it, and end it. Has no size limit. */
  stream(): NodeJS.WritableStream;
}

/** A Node.js function: `export default` it, or assign it to `module.exports`. */
export type Handler<Request extends FunctionRequest = FunctionRequest> = (
  req: Request,
  res: FunctionResponse,
) => unknown;
