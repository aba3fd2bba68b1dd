import { randomUUID } from "node:crypto";

import { type LogLine } from "../../link/messages";
import { type FunctionHost } from "../functions/functionHost";
import { BufferedCaller } from "../invocations/bufferedCaller";
import { GatewayError } from "../invocations/gatewayError";
import { Invocation, NO_BODY } from "../invocations/invocation";
import { headerOf } from "../headerList";
import { problemWithParts, REQUEST_PARTS } from "./requestParts";

/** What a tester gets. */
export interface TesterAnswer {
  status: number;
  headers: Record<string, string | string[]>;
  /** Parsed when it is JSON, text when it is text, else base64; or base64 in any case. */
  body: unknown;
  logs: LogLine[];
  /** Milliseconds that the handler ran. */
  duration: number;
}

/**
 * Invokes a function with request parts instead of a request.
 *
 * @param options.bytes - Whether the body is given in base64 in any case: JSON that is parsed has lost how it was written.
 * @throws GatewayError 400 when the parts are not an object or one is not known, or whatever kept the function from running.
 */
export async function invokeAsTester(
  host: FunctionHost,
  parts: unknown,
  options: { bytes: boolean },
): Promise<TesterAnswer> {
  const problem = problemWithParts(parts);
  if (problem !== undefined) throw new GatewayError(400, "InvalidParts", problem);
  const given = parts as Record<string, unknown>;
  const method = typeof given.method === "string" ? given.method : "POST";
  const path = typeof given.path === "string" ? given.path : "/";
  const overrides = Object.fromEntries(
    REQUEST_PARTS.filter((part) => part in given).map((part) => [part, given[part]]),
  );
  const caller = new BufferedCaller(host.current.limits.responseBytes);
  const invocation = new Invocation(
    {
      requestId: randomUUID(),
      trigger: { type: "endpoint", name: "tester" },
      startedAt: 0,
      attempt: 1,
      http: { method, url: path, rawHeaders: [], ids: {}, client: { ip: "", deviceType: "unknown", userAgent: "" } },
      overrides,
    },
    `${method} ${path}`,
    caller,
    NO_BODY,
  );
  host.submit(invocation);
  const answer = await caller.answered;
  if (answer.error !== undefined && answer.error.nothingRan) throw answer.error;
  const body = answer.error === undefined ? answer.body : Buffer.from(answer.error.body(invocation.head.requestId));
  const type = answer.error === undefined ? (headerOf(answer.headers, "content-type") ?? "") : "application/json";
  return {
    status: answer.status,
    headers: headersObject(answer.headers),
    body: options.bytes ? body.toString("base64") : readableBody(type, body),
    logs: answer.logs,
    duration: Math.round((performance.now() - invocation.dispatchedAt) * 100) / 100,
  };
}

function headersObject(list: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i].toLowerCase();
    const earlier = headers[name];
    headers[name] = earlier === undefined ? list[i + 1] : [earlier, list[i + 1]].flat();
  }
  return headers;
}

function readableBody(type: string, body: Buffer): unknown {
  if (body.length === 0) return null;
  if (/^application\/(?:[^;]+\+)?json\b/i.test(type)) {
    try {
      return JSON.parse(body.toString("utf8")) as unknown;
    } catch {
      return body.toString("utf8");
    }
  }
  return /^text\//i.test(type) ? body.toString("utf8") : body.toString("base64");
}
