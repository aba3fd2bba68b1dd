import { type LogRecord } from "../../../src/gateway/gatewayOptions";
import { Invocation, NO_BODY } from "../../../src/gateway/invocations/invocation";
import { BufferedCaller } from "../../../src/gateway/invocations/bufferedCaller";
import { invocationLine, invocationRecord } from "../../../src/gateway/logs/invocationRecord";

function ended(subject: string): Invocation {
  const head = {
    requestId: "6f6e4c1e-0000-4000-8000-000000000001",
    trigger: { type: "endpoint", name: "orders" },
    startedAt: 0,
    attempt: 1,
  } as const;
  const invocation = new Invocation({ ...head }, subject, new BufferedCaller(1_000), NO_BODY);
  invocation.dispatchedAt = performance.now();
  invocation.status = 200;
  return invocation;
}

const FORGED = '","instance":"other-1"}\n{"time":1,"function":"other';

test.each([
  ["plain", "GET /orders", "orders-1"],
  ["a caller that would like to forge records", `GET /${FORGED}`, "orders-1"],
  ["an instance that would", "GET /orders", FORGED],
])("the line of an invocation is its record: %s", (_what, subject, instance) => {
  const invocation = ended(subject);
  const line = invocationLine(invocation, "orders", instance);
  expect(line).not.toContain("\n");
  const unlike = { time: 0, durationMs: 0, heldMs: 0 };
  const comparable = ({ invocation: its, ...record }: LogRecord) => ({
    ...record,
    ...unlike,
    its: { ...its, ...unlike },
  });
  expect(comparable(JSON.parse(line) as LogRecord)).toEqual(
    comparable(invocationRecord(invocation, "orders", instance)),
  );
});
