import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

import { fileMode } from "../code/fileMode";

/** A file or a symbolic link of a context. */
export type ContextFile = { /** Relative to the context, with forward slashes. */ path: string } & (
  | {
      kind: "file";
      executable: boolean;
      /** For its owner only: it may hold credentials. */
      isPrivate?: boolean;
      contents: Buffer;
    }
  | { kind: "link"; target: string }
);

/** Characters of a hash: 64 bits of it, short enough for a tag that people read. */
const HASH_LENGTH = 16;
const ANYONE_EXECUTES = 0o111;

/**
 * Reads a file as a context has it: whoever may execute it, all may, and nothing else of its mode is kept.
 *
 * @param system - The system that the folder is on; this one unless given.
 */
export function readContextFile(folder: string, source: string, path: string, system?: NodeJS.Platform): ContextFile {
  const file = join(folder, source);
  const stat = lstatSync(file);
  if (stat.isSymbolicLink()) return { path, kind: "link", target: readlinkSync(file) };
  const executable = (fileMode(source, stat.mode, system) & ANYONE_EXECUTES) !== 0;
  return { path, kind: "file", executable, contents: readFileSync(file) };
}

/** A file that is made here. */
export function textFile(path: string, text: string): ContextFile {
  return { path, kind: "file", executable: false, contents: Buffer.from(text) };
}

/** Hash of what an image is built from, whatever the order of the files. */
export function hashContext(files: readonly ContextFile[], platform: string): string {
  const hash = createHash("sha256").update(JSON.stringify(platform));
  for (const file of [...files].sort(byPath)) {
    const kind = file.kind === "link" ? "link" : file.executable ? "executable" : "file";
    const contents = file.kind === "link" ? Buffer.from(file.target) : file.contents;
    hash.update(JSON.stringify([kind, file.path, contents.length])).update(contents);
  }
  return hash.digest("hex").slice(0, HASH_LENGTH);
}

/** The order of code units, which no locale changes. */
function byPath(a: ContextFile, b: ContextFile): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
