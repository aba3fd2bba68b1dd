import { type LogRecord } from "../gatewayOptions";
import { type Invocation } from "../invocations/invocation";

const tenths = (milliseconds: number) => Math.round(milliseconds * 10) / 10;

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
