import { randomUUID } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, posix } from "node:path";

import { type ContextFile } from "./contextFiles";

/** Folder of everything that this project writes beside Pulumi.yaml. */
const PROJECT_STATE_FOLDER = ".fullcode";
const FOLDER_MODE = 0o755;
const EXECUTABLE_MODE = 0o755;
const FILE_MODE = 0o644;
const PRIVATE_MODE = 0o600;
/** Time of every file, as an archive of the oldest kind can have it. */
const FILE_TIME = new Date("1980-01-01T00:00:00Z");

/** Contexts of one name that are kept: the newest ones, and all that were staged in the last hour. */
const KEPT_CONTEXTS = 5;
const KEPT_MS = 60 * 60 * 1000;
/** Names of contexts, and of what a process that was ended has left. */
const CONTEXT_NAME = /^[0-9a-f]{16}$/;
const TEMPORARY_NAME = /^\.[0-9a-f-]+\.tmp$/;

/** Where a context is staged, relative to the project's folder. A changed context is another folder. */
export function contextFolder(stack: string, name: string, hash: string): string {
  return [PROJECT_STATE_FOLDER, stack, "images", name, hash].join("/");
}

/** Where a function's archives are unpacked, relative to the project's folder. */
export function unpackFolder(stack: string, name: string): string {
  return contextFolder(stack, name, "unpacked");
}

/**
 * Writes a context's files, unless they are there already.
 *
 * The folder appears whole under its name, and is not changed from then on: a build that reads it is not disturbed by a
 * preview of a newer program, and two processes that stage the same context end up with one.
 *
 * @param folder - By {@link contextFolder}.
 * @returns Its absolute path.
 */
export function writeContext(projectFolder: string, folder: string, files: readonly ContextFile[]): string {
  const path = join(projectFolder, folder);
  const siblings = dirname(path);
  mkdirSync(siblings, { recursive: true });
  ignoreInGit(join(projectFolder, PROJECT_STATE_FOLDER));
  if (!isIntact(path, files)) {
    const temporary = temporaryPath(siblings);
    try {
      writeFiles(temporary, files);
      putInPlace(temporary, path, files);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  markStaged(path);
  removeOld(siblings);
  return path;
}

function temporaryPath(folder: string): string {
  return join(folder, `.${randomUUID()}.tmp`);
}

function ignoreInGit(folder: string): void {
  const file = join(folder, ".gitignore");
  if (!existsSync(file)) writeFileSync(file, "*\n");
}

function writeFiles(folder: string, files: readonly ContextFile[]): void {
  mkdirSync(folder);
  for (const parent of foldersOf(files)) mkdirSync(join(folder, parent), { recursive: true });
  for (const file of files) {
    const path = join(folder, file.path);
    if (file.kind === "link") {
      symlinkSync(file.target, path);
    } else {
      writeFileSync(path, file.contents, { mode: modeOf(file) });
      // the umask has no part in it
      chmodSync(path, modeOf(file));
    }
    lutimesSync(path, FILE_TIME, FILE_TIME);
  }
  // what is written into a folder changes its time: the folders last, the deepest first
  for (const parent of foldersOf(files).reverse()) {
    chmodSync(join(folder, parent), FOLDER_MODE);
    utimesSync(join(folder, parent), FILE_TIME, FILE_TIME);
  }
  chmodSync(folder, FOLDER_MODE);
}

/** Every folder below the context's own that has something in it; parents come before their children. */
function foldersOf(files: readonly ContextFile[]): string[] {
  const folders = new Set<string>();
  for (const { path } of files)
    for (let folder = posix.dirname(path); folder !== "."; folder = posix.dirname(folder)) folders.add(folder);
  return [...folders].sort();
}

function modeOf(file: ContextFile & { kind: "file" }): number {
  if (file.isPrivate === true) return PRIVATE_MODE;
  return file.executable ? EXECUTABLE_MODE : FILE_MODE;
}

function putInPlace(temporary: string, path: string, files: readonly ContextFile[]): void {
  try {
    renameSync(temporary, path);
  } catch (error) {
    // somebody else was faster
    if (isIntact(path, files)) return;
    if (!existsSync(path)) throw error;
    const damaged = temporaryPath(dirname(path));
    renameSync(path, damaged);
    renameSync(temporary, path);
    rmSync(damaged, { recursive: true, force: true });
  }
}

/**
 * Says whether a context is as it was written: whatever changes a file changes its time, and whatever adds or removes
 * one that of its folder. Copies, as of caches between two jobs of a pipeline, often lose executable bits.
 */
function isIntact(path: string, files: readonly ContextFile[]): boolean {
  if (!existsSync(path)) return false;
  const top = new Set(files.map((file) => file.path.split("/", 1)[0]));
  if (readdirSync(path).some((name) => !top.has(name))) return false;
  return (
    files.every((file) => isFileIntact(join(path, file.path), file)) &&
    foldersOf(files).every((folder) => hasFileTime(lstatSync(join(path, folder), { throwIfNoEntry: false })))
  );
}

function isFileIntact(path: string, file: ContextFile): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !hasFileTime(stat)) return false;
  if (file.kind === "link") return stat.isSymbolicLink() && readlinkSync(path) === file.target;
  return stat.isFile() && stat.size === file.contents.length && (stat.mode & 0o777) === modeOf(file);
}

function hasFileTime(stat: Stats | undefined): boolean {
  return stat?.mtimeMs === FILE_TIME.getTime();
}

/** The time of a context's own folder, which no image has, tells when it was last of use. */
function markStaged(path: string): void {
  const now = new Date();
  utimesSync(path, now, now);
}

function removeOld(folder: string): void {
  const old = Date.now() - KEPT_MS;
  const contexts: { path: string; time: number }[] = [];
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const time = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (CONTEXT_NAME.test(name)) contexts.push({ path, time });
    else if (TEMPORARY_NAME.test(name) && time < old) rmSync(path, { recursive: true, force: true });
  }
  contexts.sort((a, b) => b.time - a.time);
  for (const { path, time } of contexts.slice(KEPT_CONTEXTS))
    if (time < old) rmSync(path, { recursive: true, force: true });
}
