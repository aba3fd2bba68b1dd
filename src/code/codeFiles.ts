import { type Dirent, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { type Excludes, parseDockerIgnore } from "./dockerIgnore";

/** What is never part of a function, whatever `.dockerignore` says: version control, and what this project writes. */
const NEVER_SHIPPED = new Set([".git", ".fullcode"]);

/** A file or a symbolic link of a function's folder. */
export interface CodeFile {
  /** Relative to the folder, with forward slashes. */
  path: string;
  symbolicLink: boolean;
}

/**
 * Lists what a function's folder ships, sorted by path: everything but what `.dockerignore` leaves out and a
 * `node_modules` at its root that the build installs itself, since package.json declares dependencies.
 *
 * Symbolic links are listed, not followed.
 */
export function* listCodeFiles(folder: string): Generator<CodeFile> {
  const ignoreFile = join(folder, ".dockerignore");
  const excluded: Excludes = existsSync(ignoreFile) ? parseDockerIgnore(readFileSync(ignoreFile, "utf8")) : () => false;
  const installed = declaresDependencies(folder);
  yield* walk("");

  function* walk(parent: string): Generator<CodeFile> {
    const entries = readdirSync(join(folder, parent), { withFileTypes: true });
    for (const entry of entries.sort(byName)) {
      const path = parent === "" ? entry.name : `${parent}/${entry.name}`;
      if (NEVER_SHIPPED.has(entry.name) || (installed && path === "node_modules")) continue;
      if (entry.isDirectory()) yield* walk(path);
      else if ((entry.isFile() || entry.isSymbolicLink()) && !excluded(path))
        yield { path, symbolicLink: entry.isSymbolicLink() };
    }
  }
}

/** Says whether a build installs the folder's dependencies: its package.json declares some. */
export function declaresDependencies(folder: string): boolean {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      dependencies?: Record<string, string>;
    };
    return Object.keys(manifest.dependencies ?? {}).length > 0;
  } catch {
    return false;
  }
}

/** The order of code units, which no locale changes. */
function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
