import { type LogRecord } from "../gatewayOptions";
import { type Invocation } from "../invocations/invocation";
import { invocationLine, invocationRecord } from "./invocationRecord";
import { LogFile } from "./logFile";
import { LogFollower } from "./logFollower";

/** Everything that a region logs: written to its file, passed to whoever listens. */
export class LogBook {
  private readonly file: LogFile;
  private readonly followers = new Set<LogFollower>();

  constructor(
    file: string,
    private readonly onRecord: ((record: LogRecord) => void) | undefined,
    /** Which ends of invocations `onRecord` gets: making their records costs time at each of them. */
    private readonly wantsInvocation: (invocation: Invocation) => boolean = () => true,
  ) {
    // a problem with the file is told to the listeners only: the file would be the wrong place
    this.file = new LogFile(file, (message) =>
      this.onRecord?.({ time: Date.now(), level: "error", message, source: "gateway" }),
    );
  }

  add(record: LogRecord): void {
    this.keep(record);
    this.onRecord?.(record);
  }

  /** The end of an invocation; its record is only made when somebody listens. */
  addInvocation(invocation: Invocation, functionName: string, instance: string | undefined): void {
    const isWanted = this.onRecord !== undefined && this.wantsInvocation(invocation);
    if (this.followers.size === 0 && !isWanted)
      return this.file.appendLine(invocationLine(invocation, functionName, instance));
    const record = invocationRecord(invocation, functionName, instance);
    this.keep(record);
    if (isWanted) this.onRecord?.(record);
  }

  note(level: LogRecord["level"], message: string): void {
    this.add({ time: Date.now(), level, message, source: "gateway" });
  }

  /**
   * What was logged, and what will be until the signal is aborted. Where records come faster than they are read, some are
   * left out, which a record of the gateway says in their place.
   */
  async *records(
    wanted: (record: LogRecord) => boolean,
    follow: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<LogRecord> {
    const follower = follow && !signal.aborted ? new LogFollower(wanted) : undefined;
    const end = () => follower?.end();
    signal.addEventListener("abort", end, { once: true });
    if (follower !== undefined) this.followers.add(follower);
    try {
      for await (const record of this.file.read()) if (wanted(record) && follower?.has(record) !== true) yield record;
      if (follower !== undefined) yield* follower.records();
    } finally {
      signal.removeEventListener("abort", end);
      if (follower !== undefined) this.followers.delete(follower);
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }

  private keep(record: LogRecord): void {
    this.file.append(record);
    for (const follower of this.followers) follower.add(record);
  }
}
