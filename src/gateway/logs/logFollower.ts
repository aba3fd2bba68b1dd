import { type LogRecord } from "../gatewayOptions";

/** What waits for one follower; what comes on top is left out and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** What a record takes besides its texts, about. */
const RECORD_BYTES = 512;

/** Records on their way to whoever follows a log, who may stop reading without a word. */
export class LogFollower {
  private waiting: LogRecord[] = [];
  private waitingBytes = 0;
  private leftOut = 0;
  private ended = false;
  private wake: (() => void) | undefined;
  /** How often each record has come while the file was read, which may have it too. */
  private overlap: Map<string, number> | undefined = new Map();

  /** @param wanted - Which records the follower asked for. */
  constructor(private readonly wanted: (record: LogRecord) => boolean) {}

  add(record: LogRecord): void {
    if (this.ended || !this.wanted(record)) return;
    const bytes = bytesOf(record);
    if (this.waitingBytes + bytes > MAX_WAITING_BYTES) {
      this.leftOut++;
      return;
    }
    this.noteLeftOut();
    this.push(record, bytes);
    if (this.overlap !== undefined) {
      const json = JSON.stringify(record);
      this.overlap.set(json, (this.overlap.get(json) ?? 0) + 1);
    }
    this.wake?.();
  }

  /** Nobody follows any more. */
  end(): void {
    this.ended = true;
    this.wake?.();
  }

  /** Whether a record of the file is one that {@link records} will give. */
  has(record: LogRecord): boolean {
    if (this.overlap === undefined || this.overlap.size === 0) return false;
    const json = JSON.stringify(record);
    const count = this.overlap.get(json) ?? 0;
    if (count > 1) this.overlap.set(json, count - 1);
    else this.overlap.delete(json);
    return count > 0;
  }

  /** What has come and comes, until the end. The file has been read. */
  async *records(): AsyncGenerator<LogRecord> {
    this.overlap = undefined;
    while (!this.ended) {
      if (this.waiting.length === 0) this.noteLeftOut();
      const batch = this.waiting;
      this.waiting = [];
      for (const record of batch) {
        this.waitingBytes -= bytesOf(record);
        yield record;
      }
      if (this.waiting.length === 0 && this.leftOut === 0 && !this.ended)
        await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  /** Some of them may have been in the file that was read meanwhile. */
  private noteLeftOut(): void {
    if (this.leftOut === 0) return;
    const message = `up to ${this.leftOut} records are left out here: they came faster than they were read`;
    this.leftOut = 0;
    const note: LogRecord = { time: Date.now(), level: "warn", message, source: "gateway" };
    this.push(note, bytesOf(note));
  }

  private push(record: LogRecord, bytes: number): void {
    this.waiting.push(record);
    this.waitingBytes += bytes;
  }
}

function bytesOf({ message, invocation }: LogRecord): number {
  return RECORD_BYTES + message.length + (invocation?.subject.length ?? 0) + (invocation?.response?.length ?? 0);
}
