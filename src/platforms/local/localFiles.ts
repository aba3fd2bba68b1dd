import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { SECRETS_FOLDER } from "../../spec";
import { sortedJson } from "../sortedJson";

/** Folder of everything that is written for local regions, in the project's folder. */
export const LOCAL_FOLDER = ".fullcode";

/** One file of a local region, as a resource declares it. */
export interface LocalFile {
  /** `.fullcode/<stack>/<environment>/<region>`, relative to the project. */
  folder: string;
  /** Name in the folder, with forward slashes: `route.get-order.json`, `secrets/params.json`. */
  file: string;
  /** What is written, as JSON. */
  content: Readonly<Record<string, unknown>>;
}

/** Folder of a local region, relative to the project. */
export function localRegionFolder(stack: string, environment: string, region: string): string {
  return [LOCAL_FOLDER, stack, environment, region].join("/");
}

/** Writing again since a folder was removed meanwhile: removals of other files are few. */
const MAX_ATTEMPTS = 20;

/**
 * Writes a file so that a reader sees the earlier one or this one, whole, also after a power failure. Files in
 * `secrets/` can be read by their owner only.
 */
export async function writeLocalFile(projectFolder: string, file: LocalFile): Promise<void> {
  const path = pathOf(projectFolder, file);
  const text = sortedJson(file.content);
  for (let attempt = 1; ; attempt++) {
    try {
      await makeFolders(projectFolder, path, isSecret(file));
      return await replaceFile(path, text, isSecret(file) ? 0o600 : 0o644);
    } catch (error) {
      if (!isMissing(error) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/** Removes a file, if it is there, and the folders that it leaves empty. */
export async function removeLocalFile(projectFolder: string, file: Pick<LocalFile, "folder" | "file">): Promise<void> {
  const path = pathOf(projectFolder, file);
  await rm(path, { force: true });
  const top = join(projectFolder, LOCAL_FOLDER);
  for (let folder = dirname(path); folder !== top; folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch (error) {
      if (!isMissing(error)) return;
    }
  }
}

/** Text of a file as it is on disk, or `undefined` where there is none. */
export async function readLocalFile(
  projectFolder: string,
  file: Pick<LocalFile, "folder" | "file">,
): Promise<string | undefined> {
  try {
    return await readFile(pathOf(projectFolder, file), "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Says whether the file on disk is what {@link writeLocalFile} would write. */
export async function isLocalFileCurrent(projectFolder: string, file: LocalFile): Promise<boolean> {
  if ((await readLocalFile(projectFolder, file)) !== sortedJson(file.content)) return false;
  if (!isSecret(file)) return true;
  return ((await stat(pathOf(projectFolder, file))).mode & 0o077) === 0;
}

function isSecret({ file }: Pick<LocalFile, "file">): boolean {
  return file.startsWith(`${SECRETS_FOLDER}/`);
}

/** @throws RangeError for a path outside `.fullcode/`, which no document has. */
function pathOf(projectFolder: string, { folder, file }: Pick<LocalFile, "folder" | "file">): string {
  const parts = `${folder}/${file}`.split("/");
  if (
    parts[0] !== LOCAL_FOLDER ||
    parts.length < 5 ||
    parts.some((part) => part === "" || part === "." || part === "..")
  )
    throw new RangeError(
      `"${folder}/${file}" is not a path of the form ${LOCAL_FOLDER}/<stack>/<environment>/<region>/<file>`,
    );
  return join(projectFolder, ...parts);
}

async function makeFolders(projectFolder: string, path: string, secret: boolean): Promise<void> {
  const top = join(projectFolder, LOCAL_FOLDER);
  await mkdir(top, { recursive: true });
  await writeFile(join(top, ".gitignore"), "*\n", { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await mkdir(dirname(path), { recursive: true });
  if (secret) await chmod(dirname(path), 0o700);
}

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const temporary = join(dirname(path), `.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes a rename durable; not every operating system lets a folder be opened for it. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    await handle.sync().finally(() => handle.close());
  } catch {
    return;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
