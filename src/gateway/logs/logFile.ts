import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";

import { type LogRecord } from "../gatewayOptions";
import { readLog, rotatedLogFile } from "./readLog";

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const FLUSH_MS = 200;
/** Text that waits to be written; when the disk cannot keep up, or is full, what comes on top is dropped and counted. */
const MAX_PENDING_BYTES = 32 * 1024 * 1024;
const SLAB_BYTES = 64 * 1024;

/**
 * A region's log: JSON records, a line each, in a file that is rotated once.
 *
 * Records become bytes at once: thousands of them that wait as objects are work for the garbage collector at each of
 * its runs.
 */
export class LogFile {
  private full: Buffer[] = [];
  private slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  private used = 0;
  private pendingBytes = 0;
  private dropped = 0;
  private writing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private handle: FileHandle | undefined;
  private closed = false;
  private size = 0;

  constructor(
    private readonly file: string,
    private readonly onProblem: (message: string) => void,
  ) {}

  append(record: LogRecord): void {
    this.appendLine(JSON.stringify(record));
  }

  /** @param json - A record as JSON. */
  appendLine(json: string): void {
    if (this.closed) return;
    if (this.pendingBytes > MAX_PENDING_BYTES) {
      this.dropped++;
      return;
    }
    const line = json + "\n";
    if (line.length * 3 > SLAB_BYTES - this.used) this.nextSlab();
    if (line.length * 3 > SLAB_BYTES) {
      const bytes = Buffer.from(line);
      this.full.push(bytes);
      this.pendingBytes += bytes.length;
    } else {
      const written = this.slab.write(line, this.used);
      this.used += written;
      this.pendingBytes += written;
    }
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.flush();
    }, FLUSH_MS);
  }

  /** Resolves when what was appended before is in the file, or could not be written. */
  async flush(): Promise<void> {
    while (this.writing !== undefined || this.pendingBytes > 0) {
      this.writing ??= this.write().finally(() => (this.writing = undefined));
      await this.writing;
    }
  }

  /** Writes out what is pending and lets go of the file; what is appended later is dropped. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.flush();
    await this.closeHandle();
  }

  /** The records of this and the rotated file, oldest first. */
  async *read(): AsyncGenerator<LogRecord> {
    await this.flush();
    yield* readLog(this.file);
  }

  private nextSlab(): void {
    if (this.used === 0) return;
    this.full.push(this.slab.subarray(0, this.used));
    this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.used = 0;
  }

  private async write(): Promise<void> {
    this.nextSlab();
    const buffers = this.full;
    const bytes = this.pendingBytes;
    this.full = [];
    this.pendingBytes = 0;
    try {
      this.handle ??= await this.open();
      await this.handle.writev(buffers);
      this.size += bytes;
      if (this.size > MAX_FILE_BYTES) await this.rotate();
      if (this.dropped > 0)
        this.onProblem(`${this.dropped} log records were dropped: they came faster than they could be written`);
      this.dropped = 0;
    } catch (error) {
      await this.closeHandle();
      this.onProblem(`the log ${this.file} cannot be written: ${(error as Error).message}`);
    }
  }

  private async open(): Promise<FileHandle> {
    await mkdir(dirname(this.file), { recursive: true });
    const handle = await open(this.file, "a", 0o600);
    this.size = (await handle.stat()).size;
    return handle;
  }

  private async rotate(): Promise<void> {
    await this.closeHandle();
    await rename(this.file, rotatedLogFile(this.file));
  }

  private async closeHandle(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    await handle?.close().catch(() => undefined);
  }
}
