import { readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";

import { listCodeFiles } from "../code/codeFiles";
import { isWorkspace, localPackages, type PackageManifest } from "./packageManifest";

/**
 * Finds the packages that an installation takes from the function's folder, by links or copies: their names and where they
 * are, relative to the folder. A packed one, a file, is no folder.
 */
export function localFolders(manifest: PackageManifest, folder: string): Record<string, string> {
  const found: Record<string, string> = isWorkspace(manifest, folder) ? packagesBelow(folder) : {};
  for (const [name, version] of localPackages(manifest)) {
    const path = posix.normalize(version.replace(/^\w+:/, "")).replace(/\/$/, "");
    if (!version.startsWith("workspace:") && isFolder(join(folder, path))) found[name] = path;
  }
  return found;
}

/** What is in a workspace is linked, whatever version of it is asked for. */
function packagesBelow(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { path } of listCodeFiles(folder)) {
    if (!path.endsWith("/package.json") || path.split("/").includes("node_modules")) continue;
    const name = nameIn(join(folder, path));
    if (name !== undefined) found[name] = posix.dirname(path);
  }
  return found;
}

/** An unreadable package.json is the package manager's to report. */
function nameIn(file: string): string | undefined {
  try {
    const { name } = JSON.parse(readFileSync(file, "utf8")) as { name?: unknown };
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
