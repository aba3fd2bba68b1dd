import { type AnswerHead, type InvocationError } from "../../link/messages";
import { HEADER_VALUE } from "../../spec/instances";
import { HEADER_NAME, JSON_HEADERS, NOT_SETTABLE } from "../answerHeaders";

const MAX_MESSAGE_CHARACTERS = 16 * 1024;
const MAX_TYPE_CHARACTERS = 256;
const STRUCTURED_FIELDS = new Set(["statusCode", "isBase64Encoded", "headers", "body"]);

/** What goes to the caller. */
export interface Answer {
  head: AnswerHead;
  body: Buffer;
}

/** A response that cannot be sent to the caller; the message says why. */
export class InvalidAnswerError extends Error {
  constructor(
    override readonly name: "InvalidResponse" | "ResponseTooLarge",
    message: string,
  ) {
    super(message);
  }
}

/**
 * The answer that a bootstrap's response stands for: `{ statusCode, isBase64Encoded, headers, body }` is an HTTP
 * response, anything else is sent as it is with 200.
 *
 * @throws InvalidAnswerError for a response over the limit, or with headers that HTTP does not allow.
 */
export function answerOf(response: Buffer, maxBytes: number): Answer {
  const json = parse(response);
  const answer = isStructured(json) ? structuredAnswer(json) : plainAnswer(response, json !== undefined);
  if (answer.body.length > maxBytes) throw tooLarge(`has ${answer.body.length} bytes`, maxBytes);
  return answer;
}

export function tooLarge(what: string, maxBytes: number): InvalidAnswerError {
  return new InvalidAnswerError("ResponseTooLarge", `the response ${what}; at most ${maxBytes} bytes are allowed`);
}

/** The answer for an invocation that failed. */
export function failureAnswer(failure: InvocationError, requestId: string, status = 500): Answer {
  return {
    head: { status, headers: [...JSON_HEADERS], failure },
    body: Buffer.from(JSON.stringify({ ...failure, requestId })),
  };
}

/** What a bootstrap reports as an error, `{ errorType, errorMessage }`, whatever it sends in its place. */
export function reportedError(report: Buffer): InvocationError {
  const json = parse(report);
  const fields = isObject(json) ? json : {};
  const text = (value: unknown): value is string => typeof value === "string" && value !== "";
  const message = text(fields.errorMessage)
    ? fields.errorMessage
    : report.toString("utf8", 0, MAX_MESSAGE_CHARACTERS).trim() ||
      "the bootstrap reported an error and did not say which";
  return {
    errorType: text(fields.errorType) ? fields.errorType.slice(0, MAX_TYPE_CHARACTERS) : "Error",
    errorMessage: message.slice(0, MAX_MESSAGE_CHARACTERS),
  };
}

interface StructuredResponse {
  statusCode: number;
  isBase64Encoded?: boolean | null;
  headers?: Record<string, unknown> | null;
  body?: string | null;
}

/** An object with other fields beside these is somebody's own JSON that happens to have a `statusCode`. */
function isStructured(json: unknown): json is StructuredResponse {
  if (!isObject(json) || !Object.keys(json).every((key) => STRUCTURED_FIELDS.has(key))) return false;
  const { statusCode, isBase64Encoded, headers, body } = json;
  return (
    Number.isInteger(statusCode) &&
    (statusCode as number) >= 200 &&
    (statusCode as number) <= 599 &&
    (isBase64Encoded == null || typeof isBase64Encoded === "boolean") &&
    (headers == null || isObject(headers)) &&
    (body == null || typeof body === "string")
  );
}

function structuredAnswer({ statusCode, isBase64Encoded, headers, body }: StructuredResponse): Answer {
  const bytes = Buffer.from(body ?? "", isBase64Encoded === true ? "base64" : "utf8");
  const list = headerList(headers ?? {});
  const typed = list.some((name, index) => index % 2 === 0 && name.toLowerCase() === "content-type");
  if (!typed && bytes.length > 0)
    list.push("content-type", isBase64Encoded === true ? "application/octet-stream" : typeOf(isJson(bytes)));
  return { head: { status: statusCode, headers: list }, body: bytes };
}

function plainAnswer(body: Buffer, isJson: boolean): Answer {
  return { head: { status: 200, headers: ["content-type", typeOf(isJson)] }, body };
}

function headerList(headers: Record<string, unknown>): string[] {
  const list: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (NOT_SETTABLE.has(name.toLowerCase())) continue;
    if (!HEADER_NAME.test(name)) throw invalid(`"${name}" is not a header name`);
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof each !== "string" && typeof each !== "number" && typeof each !== "boolean")
        throw invalid(`the value of header "${name}" is neither a string nor a number`);
      if (!HEADER_VALUE.test(String(each)))
        throw invalid(`the value of header "${name}" has characters that HTTP does not allow`);
      list.push(name, String(each));
    }
  }
  return list;
}

function invalid(message: string): InvalidAnswerError {
  return new InvalidAnswerError("InvalidResponse", `the response cannot be sent: ${message}`);
}

function typeOf(json: boolean): string {
  return json ? "application/json" : "text/plain; charset=utf-8";
}

function isJson(bytes: Buffer): boolean {
  return parse(bytes) !== undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What JSON can begin with, so that a large text is not parsed in vain. */
const JSON_START = /^[\s]*[[{"\-0-9tfn]/;

function parse(bytes: Buffer): unknown {
  if (!JSON_START.test(bytes.toString("latin1", 0, 64))) return undefined;
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}
