import { lstatSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { Readable } from "node:stream";

import { type Entry, fromRandomAccessReader, RandomAccessReader, type ZipFile } from "yauzl";

import { limits } from "../spec";
import { BOOTSTRAP_FILE } from "./fileMode";

/** Says whether a function's code is an archive, by its name. */
export function isArchive(path: string): boolean {
  return /\.(?:zip|jar)$/i.test(path);
}

/** An archive that is no function's package; the message says which and why. */
export class PackageError extends Error {
  override readonly name = "PackageError";
  constructor(
    readonly file: string,
    readonly problem: string,
  ) {
    super(`"${file}" cannot be used as a function's package: ${problem}`);
  }
}

/** A file, folder or symbolic link of an archive. */
export interface ArchiveEntry {
  /** Relative to the root, with forward slashes; stays below it. */
  path: string;
  kind: "file" | "folder" | "link";
  executable: boolean;
  /** Unpacked, as the archive declares it. */
  bytes: number;
  /** Where the archive has it. */
  entry: Entry;
}

/** What is in an archive. */
export interface Archive {
  zip: ZipFile;
  entries: ArchiveEntry[];
  unpackedBytes: number;
  files: number;
}

/** Shortest file that can be an archive: its end record. */
const MIN_ARCHIVE_BYTES = 22;
/** Where an archive is small, a high ratio is no sign of a bomb. */
const RATIO_CHECKED_FROM_BYTES = 1024 * 1024;
const MADE_ON_UNIX = 3;
const MODE_TYPE = 0o170000;
const MODE_FILE = 0o100000;
const MODE_FOLDER = 0o040000;
const MODE_LINK = 0o120000;
const STORED = 0;
const DEFLATED = 8;

/**
 * Reads what a `.zip` or `.jar` holds, and checks all that can be checked before it is unpacked.
 *
 * @throws PackageError for what is no archive, is encrypted, has paths outside of its root, an entry twice, below a
 * link or of a kind that code has no use for, or unpacks to more than {@link limits} allow.
 */
export function readArchive(file: string): Archive {
  if (lstatSync(file).size > limits.MAX_CODE_BYTES) throw new PackageError(file, tooLarge());
  const contents = readFileSync(file);
  const zip = openArchive(file, contents);
  const entries = listEntries(file, zip).map((entry) => archiveEntry(file, entry));
  refuseBelowLinks(file, entries);
  const paths = new Set<string>();
  let unpackedBytes = 0;
  let files = 0;
  for (const { path, kind, bytes } of entries) {
    if (kind === "folder") continue;
    if (paths.has(path)) throw new PackageError(file, `"${path}" is in it twice`);
    paths.add(path);
    unpackedBytes += bytes;
    files += 1;
  }
  if (unpackedBytes > limits.MAX_CODE_BYTES) throw new PackageError(file, tooLarge());
  if (unpackedBytes > RATIO_CHECKED_FROM_BYTES && unpackedBytes > contents.length * limits.MAX_CODE_RATIO)
    throw new PackageError(file, `it unpacks to more than ${limits.MAX_CODE_RATIO} times its size, as bombs do`);
  return { zip, entries, unpackedBytes, files };
}

/** What a function's declaration needs to know of an archive. */
export interface PackageContents {
  unpackedBytes: number;
  /** Files and links by their paths. */
  files: ReadonlyMap<string, Pick<ArchiveEntry, "kind" | "executable">>;
}

export function inspectPackage(file: string): PackageContents {
  const { entries, unpackedBytes } = readArchive(file);
  const files = entries.filter(({ kind }) => kind !== "folder");
  return {
    unpackedBytes,
    files: new Map(files.map(({ path, kind, executable }) => [path, { kind, executable }])),
  };
}

/** Such an entry would be where the link leads, which is nothing that an archive has a say in. */
function refuseBelowLinks(file: string, entries: readonly ArchiveEntry[]): void {
  const links = new Set(entries.filter(({ kind }) => kind === "link").map(({ path }) => path));
  for (const { path } of entries)
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1))
      if (links.has(path.slice(0, end)))
        throw new PackageError(file, `"${path}" is below "${path.slice(0, end)}", which is a link`);
}

function tooLarge(): string {
  return `it unpacks to more than ${limits.MAX_CODE_BYTES / 1024 / 1024} MiB`;
}

/** Reads an archive in memory, at once: its directory is known when the constructor of a function returns. */
class MemoryReader extends RandomAccessReader {
  constructor(private readonly contents: Buffer) {
    super();
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    callback(null, this.contents.copy(buffer, offset, position, position + length));
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from([this.contents.subarray(start, end)]);
  }

  override close(callback: (error: Error | null) => void): void {
    callback(null);
  }
}

function openArchive(file: string, contents: Buffer): ZipFile {
  if (contents.length < MIN_ARCHIVE_BYTES) throw new PackageError(file, "it is not a ZIP archive");
  let opened: ZipFile | undefined;
  let failure: Error | null = null;
  const options = { lazyEntries: true, autoClose: false };
  fromRandomAccessReader(new MemoryReader(contents), contents.length, options, (error, zip) => {
    failure = error;
    opened = zip;
  });
  if (opened === undefined)
    throw new PackageError(file, `it is not a ZIP archive: ${(failure as Error | null)?.message ?? "it is cut off"}`);
  return opened;
}

function listEntries(file: string, zip: ZipFile): Entry[] {
  const entries: Entry[] = [];
  let failure: Error | undefined;
  zip.on("entry", (entry: Entry) => entries.push(entry));
  zip.on("error", (error: Error) => (failure = error));
  while (zip.entriesRead < zip.entryCount && failure === undefined) {
    zip.readEntry();
    if (entries.length > limits.MAX_CODE_FILES)
      throw new PackageError(file, `it has more than ${limits.MAX_CODE_FILES.toLocaleString("en")} files`);
  }
  if (failure !== undefined) throw new PackageError(file, failure.message);
  return entries;
}

function archiveEntry(file: string, entry: Entry): ArchiveEntry {
  const shown = JSON.stringify(entry.fileName);
  const path = posix.normalize(entry.fileName).replace(/\/$/, "");
  if (path.includes("\0") || path.split("/").includes(".."))
    throw new PackageError(file, `the path ${shown} is not one inside of the package`);
  if (entry.isEncrypted()) throw new PackageError(file, `${shown} is encrypted`);
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED)
    throw new PackageError(file, `${shown} is compressed by a method other than deflate; pack it again without`);
  const isFolder = entry.fileName.endsWith("/");
  const mode = entry.versionMadeBy >> 8 === MADE_ON_UNIX ? entry.externalFileAttributes >>> 16 : 0;
  const type = mode & MODE_TYPE || (isFolder ? MODE_FOLDER : MODE_FILE);
  if (type !== MODE_FILE && type !== MODE_FOLDER && type !== MODE_LINK)
    throw new PackageError(file, `${shown} is neither a file nor a folder nor a symbolic link`);
  const kind = isFolder || type === MODE_FOLDER ? "folder" : type === MODE_LINK ? "link" : "file";
  return {
    path,
    kind,
    // Windows and the jar tool keep no modes, and without one a bootstrap could never be run
    executable: mode === 0 ? path === BOOTSTRAP_FILE : (mode & 0o111) !== 0,
    bytes: entry.uncompressedSize,
    entry,
  };
}
