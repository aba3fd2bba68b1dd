import pc from "picocolors";

import { type LogRecord } from "../../gateway/gatewayOptions";
import { terminalText } from "./terminalText";

/** Console lines of an invocation that is still running are shown after this time; before it they wait for its line. */
const SHOWN_AFTER_MS = 1_000;
const REQUEST_ID_LENGTH = 8;

type Invocation = NonNullable<LogRecord["invocation"]>;

/**
 * Prints log records for people: a line an invocation, what its handler wrote beneath it.
 *
 * A handler's lines come before the line of its invocation, which is known at the end only; they are kept that long, but
 * no longer than a person would wait for them.
 */
export class LogPrinter {
  private readonly waiting = new Map<string, { lines: string[]; timer: NodeJS.Timeout }>();

  /** @param isTerminal - Whether a terminal gets the lines. */
  constructor(
    private readonly print: (line: string) => void,
    private readonly isTerminal = process.stdout.isTTY,
  ) {}

  /** @param region - Where it happened; left out where there is only one. */
  add(written: LogRecord, region = ""): void {
    const record = this.harmless(written);
    const id = record.requestId;
    if (record.source === "invocation" && record.invocation !== undefined) {
      this.print(invocationLine(record, record.invocation, region));
      // what a handler throws is on its console as well, with the stack
      const isShown = id !== undefined && this.shows(id, record.message);
      if (id !== undefined) this.release(id);
      if (!isShown && (record.level === "error" || record.level === "warn"))
        this.print(detail(record.level, record.message, id));
      const { response } = record.invocation;
      if (response !== undefined && response !== "") this.print(detail("debug", `→ ${response}`, id));
    } else if (record.source === "gateway" || id === undefined) {
      this.print(plainLine(record, region));
    } else {
      this.keep(id, detail(record.level, record.message, id));
    }
  }

  /** Prints what still waits for its invocation. */
  flush(): void {
    for (const id of [...this.waiting.keys()]) this.release(id);
  }

  /** The record with what functions and callers have a say in fit for where it goes. */
  private harmless(record: LogRecord): LogRecord {
    const { message, invocation } = record;
    const fit = (text: string): string => terminalText(text, this.isTerminal);
    if (invocation === undefined) return { ...record, message: fit(message) };
    const { subject, response } = invocation;
    const fitInvocation = { ...invocation, subject: fit(subject), response: response && fit(response) };
    return { ...record, message: fit(message), invocation: fitInvocation };
  }

  private keep(id: string, line: string): void {
    const known = this.waiting.get(id);
    if (known !== undefined) known.lines.push(line);
    else this.waiting.set(id, { lines: [line], timer: setTimeout(() => this.release(id), SHOWN_AFTER_MS).unref() });
  }

  /** Whether a line that waits for its invocation says the same. */
  private shows(id: string, message: string): boolean {
    const [firstLine = ""] = message.split("\n");
    return this.waiting.get(id)?.lines.some((line) => line.includes(firstLine)) ?? false;
  }

  private release(id: string): void {
    const waiting = this.waiting.get(id);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.waiting.delete(id);
    for (const line of waiting.lines) this.print(line);
  }
}

function invocationLine(record: LogRecord, invocation: Invocation, region: string): string {
  const { trigger, subject, status, durationMs, heldMs, coldStart, deliveryAttempt = 1 } = invocation;
  const colour = status >= 500 ? pc.red : status >= 400 ? pc.yellow : pc.green;
  const remarks = [
    ...(coldStart ? [`cold start ${milliseconds(heldMs)}`] : heldMs >= 1 ? [`held ${milliseconds(heldMs)}`] : []),
    ...(deliveryAttempt > 1 ? [`delivery ${deliveryAttempt}`] : []),
  ];
  return [
    ...head(record, region),
    trigger.type === "endpoint" ? subject : `${trigger.type} ${subject}`,
    colour(String(status)),
    milliseconds(durationMs),
    ...(remarks.length > 0 ? [pc.dim(`(${remarks.join(", ")})`)] : []),
  ].join(" ");
}

function plainLine(record: LogRecord, region: string): string {
  return [...head(record, region), coloured(record.level, record.message)].join(" ");
}

function head(record: LogRecord, region: string): string[] {
  const time = pc.dim(timeOfDay(record.time));
  return [
    time,
    ...(region === "" ? [] : [pc.magenta(region)]),
    ...(record.function === undefined ? [] : [pc.bold(record.function)]),
  ];
}

function detail(level: LogRecord["level"], message: string, requestId: string | undefined): string {
  const id = pc.dim((requestId ?? "").slice(-REQUEST_ID_LENGTH).padEnd(REQUEST_ID_LENGTH));
  return message
    .split("\n")
    .map((line) => `  ${id} ${coloured(level, line)}`)
    .join("\n");
}

function coloured(level: LogRecord["level"], text: string): string {
  if (level === "error") return pc.red(text);
  if (level === "warn") return pc.yellow(text);
  return level === "debug" ? pc.dim(text) : text;
}

function milliseconds(value: number): string {
  return value >= 10_000
    ? `${(value / 1_000).toFixed(1)} s`
    : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** Local time: it is read by the person at this machine. */
function timeOfDay(time: number): string {
  const date = new Date(time);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0"));
  return `${parts.join(":")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
