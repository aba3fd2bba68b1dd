import { readdir } from "node:fs/promises";
import { join } from "node:path";

import {
  isLocalFileCurrent,
  type LocalFile,
  localRegionFolder,
  removeLocalFile,
  writeLocalFile,
} from "../../platforms/local/localFiles";
import { DOCUMENT_FILE, parseDocument, SECRETS_FOLDER } from "../../spec";
import { withFile } from "../errors";
import { findRegions } from "./regionFolders";

/** Functions and what they need come before what refers to them, and the region, which makes all visible, last. */
const ORDER = [`${SECRETS_FOLDER}/`, "function.", "queue.", "cron.", "route.", "region."];

/**
 * Makes the files of a stack's local regions what a program has declared: writes what changed and removes what is left
 * over, file by file, each atomically. What gateways write themselves stays.
 *
 * @returns How many files were written and removed.
 * @throws InvalidDocumentError before anything is written, CliError when a file cannot be written.
 */
export async function writeRegions(
  projectFolder: string,
  stack: string,
  files: readonly LocalFile[],
): Promise<{ written: number; removed: number }> {
  for (const { folder, file, content } of files)
    if (!file.startsWith(`${SECRETS_FOLDER}/`)) parseDocument(content, `${folder}/${file}`);

  const declared = new Set(files.map(({ folder, file }) => `${folder}/${file}`));
  let written = 0;
  for (const file of files.toSorted((a, b) => rank(a) - rank(b))) {
    if (await withFile(pathOf(projectFolder, file), writeIfChanged(projectFolder, file))) written++;
  }
  let removed = 0;
  for (const file of (await existingFiles(projectFolder, stack)).sort((a, b) => rank(b) - rank(a))) {
    if (declared.has(`${file.folder}/${file.file}`)) continue;
    await withFile(pathOf(projectFolder, file), removeLocalFile(projectFolder, file));
    removed++;
  }
  return { written, removed };
}

type FileName = Pick<LocalFile, "folder" | "file">;

async function writeIfChanged(projectFolder: string, file: LocalFile): Promise<boolean> {
  if (await isLocalFileCurrent(projectFolder, file)) return false;
  await writeLocalFile(projectFolder, file);
  return true;
}

function pathOf(projectFolder: string, { folder, file }: FileName): string {
  return join(projectFolder, folder, file);
}

function rank({ file }: FileName): number {
  return ORDER.findIndex((start) => file.startsWith(start));
}

async function existingFiles(projectFolder: string, stack: string): Promise<FileName[]> {
  const files: FileName[] = [];
  for (const { environment, region, folder } of await findRegions(projectFolder, stack)) {
    const relative = localRegionFolder(stack, environment, region);
    for (const file of await readdir(folder)) if (DOCUMENT_FILE.test(file)) files.push({ folder: relative, file });
    for (const file of await readdir(join(folder, SECRETS_FOLDER)).catch(() => []))
      if (file.endsWith(".json")) files.push({ folder: relative, file: `${SECRETS_FOLDER}/${file}` });
  }
  return files;
}
