import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";

import { type LogRecord } from "../gatewayOptions";

/** Name of the file that a full log file gets. */
export function rotatedLogFile(file: string): string {
  return `${file}.1`;
}

/** The records of a log file and of the one that was rotated before it, oldest first. Files that are not there have none. */
export async function* readLog(file: string): AsyncGenerator<LogRecord> {
  for (const each of [rotatedLogFile(file), file]) {
    try {
      await stat(each);
    } catch {
      continue;
    }
    for await (const line of createInterface({ input: createReadStream(each), crlfDelay: Infinity })) {
      const record = parse(line);
      if (record !== undefined) yield record;
    }
  }
}

/** Which records are asked for: those of one function, or of all, from a time on (milliseconds since the epoch). */
export function logFilter(functionName: string | undefined, since: number): (record: LogRecord) => boolean {
  return (record) => record.time >= since && (functionName === undefined || record.function === functionName);
}

/** A gateway that was killed may have left half a line, with the next one's first right behind it. */
function parse(line: string): LogRecord | undefined {
  try {
    return JSON.parse(line) as LogRecord;
  } catch {
    return undefined;
  }
}
