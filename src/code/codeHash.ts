import { createHash, type Hash } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";

import { limits } from "../spec";
import { listBundledSources } from "./bundledSources";
import { listCodeFiles } from "./codeFiles";
import { fileMode } from "./fileMode";

/** Characters of a version: 64 bits of the hash, enough to tell a function's versions apart. */
const VERSION_LENGTH = 16;
const OWNER_EXECUTES = 0o100;

/** What a function's code is, as far as its version and its size go. */
export interface CodeMeasure {
  /** Hash of the contents, names and executable bits; times, owners and the umask have no part in it. */
  version: string;
  /** The same of what an image has of the code: a file that images leave out, such as `.env`, has no part in it. */
  imageVersion: string;
  bytes: number;
  files: number;
  /** The code has more bytes or files than {@link limits} allow; counting stopped there. */
  tooLarge: boolean;
}

/** What else decides over a folder's version. */
export interface MeasureOptions {
  /**
   * Relative to the folder. What it imports from elsewhere becomes part of its bundle where it is TypeScript, and so is part
   * of the version.
   * @default none
   */
  entrypoint?: string;
  /**
   * The system that the folder is on.
   * @default this one
   */
  system?: NodeJS.Platform;
}

/** Measures a folder as it is shipped. */
export function measureFolder(folder: string, { entrypoint = "", system }: MeasureOptions = {}): CodeMeasure {
  const whole = createHash("sha256");
  const image = createHash("sha256");
  let bytes = 0;
  let files = 0;
  const listed = new Map<string, { inImage: boolean }>();
  for (const { path, symbolicLink, inImage } of listCodeFiles(folder)) {
    const file = join(folder, path);
    const stat = lstatSync(file);
    listed.set(path, { inImage });
    bytes += stat.size;
    files += 1;
    if (bytes > limits.MAX_CODE_BYTES || files > limits.MAX_CODE_FILES)
      return { version: "", imageVersion: "", bytes, files, tooLarge: true };
    const kind = symbolicLink ? "link" : fileMode(path, stat.mode, system) & OWNER_EXECUTES ? "executable" : "file";
    const contents = symbolicLink ? Buffer.from(readlinkSync(file)) : readFileSync(file);
    for (const hash of inImage ? [whole, image] : [whole])
      hash.update(JSON.stringify([kind, path, contents.length])).update(contents);
  }
  const root = realpathSync(folder);
  for (const path of listBundledSources(folder, entrypoint)) {
    const hashes = [...(listed.has(path) ? [] : [whole]), ...(listed.get(path)?.inImage === true ? [] : [image])];
    if (hashes.length === 0) continue;
    const contents = readFileSync(join(root, path));
    for (const hash of hashes) hash.update(JSON.stringify(["bundled", path, contents.length])).update(contents);
  }
  return { version: versionOf(whole), imageVersion: versionOf(image), bytes, files, tooLarge: false };
}

/** Measures an archive by its own bytes; what it unpacks to is checked where it is unpacked. */
export function measureArchive(file: string): CodeMeasure {
  const bytes = lstatSync(file).size;
  if (bytes > limits.MAX_CODE_BYTES) return { version: "", imageVersion: "", bytes, files: 1, tooLarge: true };
  const version = versionOf(createHash("sha256").update(readFileSync(file)));
  return { version, imageVersion: version, bytes, files: 1, tooLarge: false };
}

function versionOf(hash: Hash): string {
  return hash.digest("hex").slice(0, VERSION_LENGTH);
}
