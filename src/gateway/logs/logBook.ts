import { on, EventEmitter } from "node:events";

import { type LogRecord } from "../gatewayOptions";
import { type Invocation } from "../invocations/invocation";
import { invocationLine, invocationRecord } from "./invocationRecord";
import { LogFile } from "./logFile";

/** Everything that a region logs: written to its file, passed to whoever listens. */
export class LogBook {
  private readonly file: LogFile;
  private readonly live = new EventEmitter();

  constructor(
    file: string,
    private readonly onRecord: ((record: LogRecord) => void) | undefined,
    /** Which ends of invocations `onRecord` gets: making their records costs time at each of them. */
    private readonly wantsInvocation: (invocation: Invocation) => boolean = () => true,
  ) {
    this.live.setMaxListeners(0);
    // a problem with the file is told to the listeners only: the file would be the wrong place
    this.file = new LogFile(file, (message) =>
      this.onRecord?.({ time: Date.now(), level: "error", message, source: "gateway" }),
    );
  }

  add(record: LogRecord): void {
    this.file.append(record);
    this.onRecord?.(record);
    if (this.live.listenerCount("record") > 0) this.live.emit("record", record);
  }

  /** The end of an invocation; its record is only made when somebody listens. */
  addInvocation(invocation: Invocation, functionName: string, instance: string | undefined): void {
    if (this.live.listenerCount("record") > 0 || (this.onRecord !== undefined && this.wantsInvocation(invocation)))
      this.add(invocationRecord(invocation, functionName, instance));
    else this.file.appendLine(invocationLine(invocation, functionName, instance));
  }

  note(level: LogRecord["level"], message: string): void {
    this.add({ time: Date.now(), level, message, source: "gateway" });
  }

  /** What was logged, and what will be until the signal is aborted. */
  async *records(
    wanted: (record: LogRecord) => boolean,
    follow: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<LogRecord> {
    const live = follow ? on(this.live, "record", { signal }) : undefined;
    for await (const record of this.file.read()) if (wanted(record)) yield record;
    if (live === undefined) return;
    try {
      for await (const [record] of live as AsyncIterable<[LogRecord]>) if (wanted(record)) yield record;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
