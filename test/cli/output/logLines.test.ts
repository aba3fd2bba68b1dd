import { LogPrinter } from "../../../src/cli/output/logLines";
import { type LogRecord } from "../../../src/gateway/gatewayOptions";
import { waitUntil } from "../../support/waitUntil";

let lines: string[];
let printer: LogPrinter;
beforeEach(() => {
  lines = [];
  printer = new LogPrinter((line) => lines.push(line));
});
afterEach(() => printer.flush());

const time = new Date(2025, 0, 31, 9, 5, 7, 42).getTime();
const said = (message: string, fields: Partial<LogRecord> = {}): LogRecord => ({
  time,
  level: "info",
  source: "console",
  function: "orders",
  requestId: "0123456789abcdef",
  message,
  ...fields,
});
const ended = (fields: Partial<NonNullable<LogRecord["invocation"]>> = {}): LogRecord =>
  said("", {
    source: "invocation",
    invocation: {
      trigger: { type: "endpoint", name: "get" },
      subject: "GET /orders/1",
      status: 200,
      durationMs: 12.4,
      heldMs: 0,
      coldStart: false,
      ...fields,
    },
  });

test("an invocation's lines are beneath it", () => {
  printer.add(said("one\ntwo"));
  printer.add(said("other", { requestId: "ffffffffffffffff" }));
  expect(lines).toEqual([]);
  printer.add(ended({ coldStart: true, heldMs: 85 }), "production/eu");
  expect(lines).toEqual([
    "09:05:07.042 production/eu orders GET /orders/1 200 12 ms (cold start 85 ms)",
    "  89abcdef one\n  89abcdef two",
  ]);
});

test("what a queue's handler answered is shown, and how often it was tried", () => {
  const trigger = { type: "queue", name: "q" } as const;
  printer.add(ended({ trigger, subject: "jobs", status: 500, deliveryAttempt: 3, response: '{"a":1}', heldMs: 2.34 }));
  expect(lines).toEqual(["09:05:07.042 orders queue jobs 500 12 ms (held 2.3 ms, delivery 3)", '  89abcdef → {"a":1}']);
});

test("what a handler threw is shown once, with its stack", () => {
  const failed = { ...ended({ status: 500 }), level: "error", message: "no such order" } as const;
  printer.add(said("TypeError: no such order\n    at handler", { level: "error" }));
  printer.add(failed);
  expect(lines).toEqual([
    "09:05:07.042 orders GET /orders/1 500 12 ms",
    "  89abcdef TypeError: no such order\n  89abcdef     at handler",
  ]);
});

test("an error that no console line tells of is shown", () => {
  printer.add(said("working"));
  printer.add({ ...ended({ status: 504 }), level: "error", message: "the timeout is over" });
  expect(lines.slice(1)).toEqual(["  89abcdef working", "  89abcdef the timeout is over"]);
});

test("the gateway's words are shown at once", () => {
  printer.add(said("stopped", { source: "gateway", requestId: undefined }));
  expect(lines).toEqual(["09:05:07.042 orders stopped"]);
});

test("a handler that runs for long is heard meanwhile", async () => {
  printer.add(said("working"));
  await waitUntil("the line is shown", () => lines.length > 0);
  expect(lines).toEqual(["  89abcdef working"]);
});
