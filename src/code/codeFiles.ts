import { type Dirent, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { bringsBack, type Excludes, parseDockerIgnore } from "./dockerIgnore";

/**
 * What is never part of a function, whatever `.dockerignore` says: version control, what this project writes, and what an
 * operating system leaves in every folder that it shows.
 */
const NEVER_SHIPPED = new Set([".git", ".hg", ".svn", ".fullcode", ".DS_Store"]);
/** What package managers write at the root of a folder whose packages they install; no two machines have the same. */
const INSTALLED = ["node_modules", ".yarn", ".pnp.cjs", ".pnp.loader.mjs", ".pnpm-store"];
/** Sections of a package.json that say what is installed where the function runs. */
const PRODUCTION_SECTIONS = ["dependencies", "optionalDependencies", "peerDependencies", "workspaces"];

/** Files that programs read secrets from while they are developed; an image is read by more people than a folder. */
const SECRET_FILES = ["**/.env", "**/.env.*", "!**/.env.example", "!**/.env.sample", "!**/.env.template"];
/**
 * Settings of package managers. They often hold a registry's token: what installs has them, what runs has no use for
 * them.
 */
export const INSTALL_SETTINGS = [".npmrc", ".yarnrc", ".yarnrc.yml"] as const;
/** Come before the patterns of `.dockerignore`, which therefore can bring a file back. */
const LEFT_OUT_OF_IMAGES = [...SECRET_FILES, ...INSTALL_SETTINGS.map((name) => `**/${name}`)];

/** A file or a symbolic link of a function's folder. */
export interface CodeFile {
  /** Relative to the folder, with forward slashes. */
  path: string;
  symbolicLink: boolean;
  /** Whether an image has it: images leave out what may hold secrets, unless `.dockerignore` brings it back. */
  inImage: boolean;
}

/** What else decides over the files that a folder ships. */
export interface CodeFileOptions {
  /**
   * Whether a `node_modules` at the root is what a package manager has installed here, and no part of the code.
   * @default whether package.json declares packages, those for development included
   */
  installed?: boolean;
}

/**
 * Lists what a function's folder ships, sorted by path: everything but what `.dockerignore` leaves out and, where
 * package.json declares packages, a `node_modules` at its root, unless `.dockerignore` brings it back.
 *
 * Symbolic links are listed, not followed.
 */
export function* listCodeFiles(folder: string, options: CodeFileOptions = {}): Generator<CodeFile> {
  const { installed = declaresPackages(folder) } = options;
  const ignoreFile = join(folder, ".dockerignore");
  const own = existsSync(ignoreFile) ? readFileSync(ignoreFile, "utf8") : "";
  const ofThisMachine = installed ? INSTALLED : [];
  // only by its name: `!**/*.js` is not meant for a whole `node_modules`, which is not even looked into
  const skipped = new Set(ofThisMachine.filter((name) => !bringsBack(own, name)));
  const excluded: Excludes = parseDockerIgnore([...ofThisMachine, own].join("\n"));
  const leftOutOfImages: Excludes = parseDockerIgnore([...ofThisMachine, ...LEFT_OUT_OF_IMAGES, own].join("\n"));
  yield* walk("");

  function* walk(parent: string): Generator<CodeFile> {
    const entries = readdirSync(join(folder, parent), { withFileTypes: true });
    for (const entry of entries.sort(byName)) {
      const path = parent === "" ? entry.name : `${parent}/${entry.name}`;
      if (NEVER_SHIPPED.has(entry.name) || skipped.has(path)) continue;
      if (entry.isDirectory()) yield* walk(path);
      else if ((entry.isFile() || entry.isSymbolicLink()) && !excluded(path))
        yield { path, symbolicLink: entry.isSymbolicLink(), inImage: !leftOutOfImages(path) };
    }
  }
}

/** Says whether there is something for a build to install: package.json declares packages other than for development. */
export function declaresDependencies(folder: string): boolean {
  return declaresIn(folder, PRODUCTION_SECTIONS);
}

/** Says whether a package manager installs anything in the folder, for development or for production. */
function declaresPackages(folder: string): boolean {
  return declaresIn(folder, [...PRODUCTION_SECTIONS, "devDependencies"]);
}

function declaresIn(folder: string, sections: readonly string[]): boolean {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, object>;
    return sections.some((section) => Object.keys(manifest[section] ?? {}).length > 0);
  } catch {
    return false;
  }
}

/** The order of code units, which no locale changes. */
function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
