import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A file: its text, or its text and more. */
export type FileSpec = string | { text: string | Buffer; mode?: number } | { link: string };

const folders: string[] = [];

/** A new folder with these files; removed by {@link removeCodeFolders}. */
export function codeFolder(files: Record<string, FileSpec>): string {
  const folder = mkdtempSync(join(tmpdir(), "fullcode-code-"));
  folders.push(folder);
  for (const [path, file] of Object.entries(files)) addFile(folder, path, file);
  return folder;
}

export function addFile(folder: string, path: string, file: FileSpec): void {
  const target = join(folder, path);
  mkdirSync(dirname(target), { recursive: true });
  if (typeof file === "string") writeFileSync(target, file);
  else if ("link" in file) symlinkSync(file.link, target);
  else {
    writeFileSync(target, file.text);
    if (file.mode !== undefined) chmodSync(target, file.mode);
  }
}

export function removeCodeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
