import { LinkProtocolError, parseJson, splitHead } from "../../link/frames";
import { NOT_SETTABLE } from "../../runtime/answerHeaders";
import { type AnswerHead, type Hello, type InvocationError, type LogLine } from "../../link/messages";

// The other end of a link is a function's process, whose code may write to it by itself: what comes is as untrusted as
// what callers send, and reaches callers, logs and other gateways.

/** What an instance says of itself is not longer than this, in characters. */
const MAX_NAME_CHARACTERS = 256;
/** Names of pods, which Kubernetes makes DNS subdomains (RFC 1123); those of local instances are alike. */
const INSTANCE_NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;
const LEVELS: ReadonlySet<unknown> = new Set(["debug", "info", "warn", "error"]);
/** The last millisecond that a Date can have. */
const MAX_TIME = 8.64e15;

/** @throws LinkProtocolError for what is no hello. */
export function readHello(payload: Buffer): Hello {
  const hello = parseJson<Hello>(payload);
  const isName = (value: unknown) => typeof value === "string" && value.length <= MAX_NAME_CHARACTERS;
  const { protocol } = hello;
  if (!Number.isInteger(protocol) || protocol < 1)
    throw new LinkProtocolError("a hello names a version of the protocol");
  if (![hello.function, hello.version, hello.instance, hello.token].every(isName))
    throw new LinkProtocolError("a hello names a function, its version, an instance and a token");
  if (!INSTANCE_NAME.test(hello.instance)) throw new LinkProtocolError("an instance has the name of its pod");
  return hello;
}

/** @throws LinkProtocolError for what is no answer; a status or a value that HTTP does not know is its caller's to refuse. */
export function readAnswer(payload: Buffer): { head: AnswerHead; body: Buffer } {
  const answer = splitHead<AnswerHead>(payload);
  const { status, headers, bodyBytes, failure } = answer.head;
  if (!Number.isInteger(status) || !Array.isArray(headers) || headers.length % 2 !== 0)
    throw new LinkProtocolError("an answer has a status and headers");
  for (let i = 0; i < headers.length; i++) {
    const text: unknown = headers[i];
    if (typeof text !== "string") throw new LinkProtocolError("headers of an answer are strings");
    if (i % 2 === 0 && NOT_SETTABLE.has(text.toLowerCase()))
      throw new LinkProtocolError(`an instance does not set the header ${text}`);
  }
  if (bodyBytes !== undefined && !(Number.isSafeInteger(bodyBytes) && bodyBytes >= 0))
    throw new LinkProtocolError("an answer announces a number of bytes");
  if (failure !== undefined) checkError(failure);
  return answer;
}

/** @throws LinkProtocolError for what are no lines of a log. */
export function readLogLines(payload: Buffer): LogLine[] {
  const lines = parseJson<LogLine[]>(payload);
  const isLine = (line: LogLine | null) =>
    typeof line?.message === "string" && LEVELS.has(line.level) && Math.abs(line.time) <= MAX_TIME;
  if (!Array.isArray(lines) || !lines.every(isLine))
    throw new LinkProtocolError("lines of a log have a time, a level and a message");
  return lines;
}

/** @throws LinkProtocolError for what is no error. */
export function readError(payload: Buffer): InvocationError {
  const error = parseJson<InvocationError>(payload);
  checkError(error);
  return error;
}

function checkError(error: InvocationError | null): void {
  if (typeof error?.errorType !== "string" || typeof error.errorMessage !== "string")
    throw new LinkProtocolError("an error has a type and a message");
}
