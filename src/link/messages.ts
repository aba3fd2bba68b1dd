/** First frame of an instance. */
export interface Hello {
  /** Highest protocol version that the instance speaks. */
  protocol: number;
  function: string;
  version: string;
  /** Unique among all instances of the function. */
  instance: string;
  /** Proves that the instance belongs to the function; empty where the link's pre-shared key has done so. */
  token: string;
}

/** The gateway's answer to {@link Hello}. */
export interface Welcome {
  /** The version that both speak. */
  protocol: number;
}

export type TriggerType = "endpoint" | "queue" | "cron";

/** What an instance needs to know of an invocation, besides its body. */
export interface InvokeHead {
  requestId: string;
  trigger: { type: TriggerType; name: string; scheduledTime?: string };
  /** Milliseconds since the epoch at which the invocation was given to the instance. */
  startedAt: number;
  /** 1 for the first delivery of a message. */
  attempt: number;
  /** Media type of the body of a queue message; endpoints have it among their headers. */
  contentType?: string;
  /** Bytes of a body that is sent after {@link FrameType.Accept}; absent when the body is in this frame. */
  bodyBytes?: number;
  /** With an endpoint trigger. */
  http?: HttpHead;
  /** Parts that a tester replaces; given as they are to the handler. */
  overrides?: Record<string, unknown>;
}

export interface HttpHead {
  method: string;
  /** Path and query string as they were sent. */
  url: string;
  /** Names and values in turn, as they were sent. */
  rawHeaders: string[];
  ids: Record<string, string>;
  client: Client;
  session?: unknown;
}

export interface Client {
  ip: string;
  deviceType: string;
  userAgent: string;
}

export interface AnswerHead {
  status: number;
  /** Names and values in turn; the instance sets the content's type, the gateway its length. */
  headers: string[];
  /** Length of a body that follows in chunks and is known; absent for a streamed one. */
  bodyBytes?: number;
  /** Set when the answer stands for a failure: the handler threw, did not load, ended its process. */
  failure?: InvocationError;
  /** The failure is that the code cannot be run: no handler saw the invocation. */
  nothingRan?: true;
  /** In the one frame that is an answer and its end: no credit comes back with it. From protocol 2 on. */
  keepsCredit?: true;
}

/** What a caller learns of a failed invocation. The stack goes to the logs only. */
export interface InvocationError {
  errorType: string;
  errorMessage: string;
}

export interface LogLine {
  /** Milliseconds since the epoch. */
  time: number;
  level: "debug" | "info" | "warn" | "error";
  message: string;
}
