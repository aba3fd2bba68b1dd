import { type LogRecord } from "../gatewayOptions";
import { type Invocation } from "../invocations/invocation";

const tenths = (milliseconds: number) => Math.round(milliseconds * 10) / 10;

/**
 * The record as a line of the log file.
 *
 * Every invocation has one, so an endpoint's usual line is put together by hand: that takes a third of the time that
 * making the record and its JSON takes. What comes from a caller or an instance is quoted, or it could forge records.
 */
export function invocationLine(invocation: Invocation, functionName: string, instance: string | undefined): string {
  const { head, dispatchedAt, status, failure, abandoned } = invocation;
  if (head.trigger.type !== "endpoint" || instance === undefined || failure !== undefined || abandoned || status >= 500)
    return JSON.stringify(invocationRecord(invocation, functionName, instance));
  const ran = tenths(performance.now() - dispatchedAt);
  const held = tenths(dispatchedAt - invocation.arrivedAt);
  return (
    `{"time":${Date.now()},"level":"info","message":"","source":"invocation","function":"${functionName}",` +
    `"requestId":"${head.requestId}","invocation":{"trigger":{"type":"endpoint","name":"${head.trigger.name}"},` +
    `"subject":${JSON.stringify(invocation.subject)},"status":${status},"durationMs":${ran},"heldMs":${held},` +
    `"coldStart":${invocation.coldStart}},"instance":${JSON.stringify(instance)}}`
  );
}

/** The log record of an invocation's end. */
export function invocationRecord(
  invocation: Invocation,
  functionName: string,
  instance: string | undefined,
): LogRecord {
  const now = performance.now();
  const { head, subject, dispatchedAt, arrivedAt, failure } = invocation;
  const ran = dispatchedAt === 0 ? 0 : now - dispatchedAt;
  const record: LogRecord = {
    time: Date.now(),
    level: invocation.status >= 500 ? "error" : "info",
    message: failure ?? (invocation.abandoned && invocation.status === 0 ? "the caller has gone" : ""),
    source: "invocation",
    function: functionName,
    requestId: head.requestId,
    invocation: {
      trigger: head.trigger,
      subject,
      status: invocation.status,
      durationMs: tenths(ran),
      heldMs: tenths((dispatchedAt === 0 ? now : dispatchedAt) - arrivedAt),
      coldStart: invocation.coldStart,
    },
  };
  if (instance !== undefined) record.instance = instance;
  if (head.trigger.type !== "endpoint") record.invocation!.deliveryAttempt = head.attempt;
  const response = invocation.caller.loggedResponse?.();
  if (response !== undefined) record.invocation!.response = response;
  return record;
}
