import { type Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** A longer line is cut; the rest of it is dropped. */
const MAX_LINE_CHARACTERS = 16 * 1024;
/** Output that is read in one interval; a process that writes more waits, as it would for a slow terminal. */
const MAX_INTERVAL_BYTES = 256 * 1024;
const INTERVAL_MS = 100;

/** Reads a process' output line by line, whatever it writes: no line end, bytes that are no text, too much. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder("utf8");
  let line = "";
  let dropped = 0;
  let intervalBytes = 0;
  let timer: NodeJS.Timeout | undefined;

  const append = (text: string) => {
    const room = MAX_LINE_CHARACTERS - line.length;
    line += text.slice(0, room);
    dropped += Math.max(text.length - room, 0);
  };
  const finish = () => {
    // progress bars go back to the start of their line
    const shown = dropped > 0 ? `${line}… (${line.length + dropped} characters)` : line.replace(/\r$/, "");
    onLine(shown.slice(shown.lastIndexOf("\r") + 1));
    line = "";
    dropped = 0;
  };
  stream.on("data", (chunk: Buffer) => {
    const parts = decoder.write(chunk).split("\n");
    parts.forEach((part, index) => {
      if (index > 0) finish();
      append(part);
    });
    intervalBytes += chunk.length;
    if (intervalBytes > MAX_INTERVAL_BYTES) stream.pause();
    timer ??= setTimeout(() => {
      timer = undefined;
      intervalBytes = 0;
      stream.resume();
    }, INTERVAL_MS);
  });
  stream.on("end", () => {
    append(decoder.end());
    if (line !== "") finish();
  });
  stream.on("close", () => clearTimeout(timer));
  // a pipe that breaks has ended, and its process is looked after elsewhere
  stream.on("error", () => undefined);
}
