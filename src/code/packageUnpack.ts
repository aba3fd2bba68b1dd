import { randomUUID } from "node:crypto";
import { createWriteStream, existsSync, utimesSync } from "node:fs";
import { mkdir, readdir, realpath, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { type Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";

import { type Entry, type ZipFile } from "yauzl";

import { measureArchive } from "./codeHash";
import { type ArchiveEntry, PackageError, readArchive } from "./packageArchive";

/** Versions of a function that are kept unpacked, beside those in use: the ones that were asked for last. */
const KEPT_VERSIONS = 5;

/**
 * Unpacks an archive into a folder of its own below `cacheFolder`, named after the archive's contents: the same archive
 * is unpacked once, and a folder that is there is complete.
 *
 * @param isInUse - Whether something runs from a folder, which is not removed then.
 * @returns The folder.
 * @throws PackageError
 */
export async function unpackArchive(
  file: string,
  cacheFolder: string,
  isInUse: (folder: string) => boolean = () => false,
): Promise<string> {
  if (!existsSync(file)) throw new PackageError(file, "it does not exist");
  const unpacked = findUnpacked(file, cacheFolder);
  if (unpacked !== undefined) return unpacked;
  const folder = join(cacheFolder, measureArchive(file).version);
  const temporary = join(cacheFolder, `.${randomUUID()}.tmp`);
  await mkdir(temporary, { recursive: true });
  try {
    await unpackInto(file, temporary);
    await rename(temporary, folder).catch((error: unknown) => {
      // somebody else was faster
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  await removeOldVersions(cacheFolder, isInUse);
  return folder;
}

/** @returns the folder of an archive that is unpacked already, and counts as asked for anew. */
export function findUnpacked(file: string, cacheFolder: string): string | undefined {
  const { version, tooLarge } = measureArchive(file);
  const folder = join(cacheFolder, version);
  if (tooLarge || !existsSync(folder)) return undefined;
  const now = new Date();
  utimesSync(folder, now, now);
  return folder;
}

async function unpackInto(file: string, folder: string): Promise<void> {
  const { zip, entries } = readArchive(file);
  // links come last, where all folders are real ones already: nothing can be made through a link
  for (const { path, kind } of entries) await makeFolder(file, folder, kind === "folder" ? path : dirname(path));
  for (const entry of entries.filter(({ kind }) => kind === "file")) await unpackFile(file, zip, entry, folder);
  const links = entries.filter(({ kind }) => kind === "link");
  for (const entry of links) await unpackLink(file, zip, entry, folder);
  for (const { path } of links) await checkLink(file, folder, path);
}

async function makeFolder(file: string, folder: string, path: string): Promise<void> {
  await mkdir(join(folder, path), { recursive: true }).catch((error: Error) => {
    throw new PackageError(file, `the folder "${path}" cannot be made: ${error.message}`);
  });
}

async function unpackFile(file: string, zip: ZipFile, { path, entry, executable }: ArchiveEntry, folder: string) {
  const target = createWriteStream(join(folder, path), { flags: "wx", mode: executable ? 0o755 : 0o644 });
  await pipeline(await openEntry(zip, entry), target).catch((error: Error) => {
    throw new PackageError(file, `"${path}" cannot be unpacked: ${error.message}`);
  });
}

async function unpackLink(file: string, zip: ZipFile, { path, entry }: ArchiveEntry, folder: string): Promise<void> {
  const target = (await buffer(await openEntry(zip, entry))).toString("utf8");
  if (leaves(folder, resolve(folder, dirname(path), target))) throw leadsOut(file, path);
  await symlink(target, join(folder, path)).catch((error: Error) => {
    throw new PackageError(file, `the link "${path}" cannot be made: ${error.message}`);
  });
}

/** Where a link leads is known only when all links are there: one may lead through another. */
async function checkLink(file: string, folder: string, path: string): Promise<void> {
  const root = await realpath(folder);
  const target = await realpath(join(folder, path)).catch(() => {
    throw new PackageError(file, `the link "${path}" leads to nothing in the package`);
  });
  if (leaves(root, target)) throw leadsOut(file, path);
}

function leaves(root: string, target: string): boolean {
  const way = relative(root, target);
  // what is on another drive has no relative path
  return way.split(sep)[0] === ".." || isAbsolute(way);
}

function leadsOut(file: string, path: string): PackageError {
  return new PackageError(file, `the link "${path}" leads out of the package`);
}

/** Inflates an entry; fails when it is longer or shorter than the archive's directory says. */
function openEntry(zip: ZipFile, entry: Entry): Promise<Readable> {
  return promisify<Entry, Readable>((each, callback) => zip.openReadStream(each, callback))(entry);
}

async function removeOldVersions(cacheFolder: string, isInUse: (folder: string) => boolean): Promise<void> {
  const versions: { path: string; time: number }[] = [];
  for (const name of await readdir(cacheFolder)) {
    if (!/^[0-9a-f]{16}$/.test(name)) continue;
    const path = join(cacheFolder, name);
    versions.push({ path, time: (await stat(path)).mtimeMs });
  }
  versions.sort((a, b) => b.time - a.time);
  for (const { path } of versions.slice(KEPT_VERSIONS))
    if (!isInUse(path)) await rm(path, { recursive: true, force: true });
}
