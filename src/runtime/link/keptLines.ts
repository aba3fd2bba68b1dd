import { type LogLine } from "../../link/messages";

const MAX_LINES = 1_000;

/** Console lines that wait for a gateway to send them to. */
export class KeptLines {
  private lines: LogLine[] = [];
  private dropped = 0;

  add(line: LogLine): void {
    if (this.lines.length < MAX_LINES) this.lines.push(line);
    else this.dropped++;
  }

  take(): LogLine[] {
    const { lines, dropped } = this;
    this.lines = [];
    this.dropped = 0;
    if (dropped > 0)
      lines.push({
        time: Date.now(),
        level: "warn",
        message: `${dropped} more lines were lost: no gateway was linked`,
      });
    return lines;
  }
}
