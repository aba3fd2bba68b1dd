import { createReadStream } from "node:fs";
import { appendFile, mkdir, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";

import { type LogRecord } from "../gatewayOptions";

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const FLUSH_MS = 200;
/** Records that wait to be written; when the disk cannot keep up, or is full, older ones are dropped and counted. */
const MAX_PENDING = 50_000;

/** A region's log: JSON records, a line each, in a file that is rotated once. */
export class LogFile {
  private pending: LogRecord[] = [];
  private dropped = 0;
  private writing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private size: number | undefined;

  constructor(
    private readonly file: string,
    private readonly onProblem: (message: string) => void,
  ) {}

  append(record: LogRecord): void {
    if (this.pending.length >= MAX_PENDING) {
      this.pending.splice(0, MAX_PENDING / 2);
      this.dropped += MAX_PENDING / 2;
    }
    this.pending.push(record);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.flush();
    }, FLUSH_MS);
  }

  /** Resolves when what was appended before is in the file, or could not be written. */
  async flush(): Promise<void> {
    while (this.writing !== undefined || this.pending.length > 0) {
      this.writing ??= this.write().finally(() => (this.writing = undefined));
      await this.writing;
    }
  }

  /** The records of this and the rotated file, oldest first. */
  async *read(): AsyncGenerator<LogRecord> {
    await this.flush();
    for (const file of [`${this.file}.1`, this.file]) {
      try {
        await stat(file);
      } catch {
        continue;
      }
      for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity }))
        if (line.startsWith("{") && line.endsWith("}")) yield JSON.parse(line) as LogRecord;
    }
  }

  private async write(): Promise<void> {
    const records = this.pending;
    this.pending = [];
    let text = "";
    for (const record of records) text += JSON.stringify(record) + "\n";
    try {
      this.size ??= await this.sizeNow();
      if (this.size > MAX_FILE_BYTES) {
        await rename(this.file, `${this.file}.1`);
        this.size = 0;
      }
      await appendFile(this.file, text, { mode: 0o600 });
      this.size += text.length;
      if (this.dropped > 0) this.onProblem(`${this.dropped} log records were dropped: they came faster than the disk`);
      this.dropped = 0;
    } catch (error) {
      this.size = undefined;
      this.onProblem(`the log ${this.file} cannot be written: ${(error as Error).message}`);
    }
  }

  private async sizeNow(): Promise<number> {
    await mkdir(dirname(this.file), { recursive: true });
    try {
      return (await stat(this.file)).size;
    } catch {
      return 0;
    }
  }
}
