import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, posix, relative, resolve } from "node:path";

import { type CodeFile, declaresDependencies, INSTALL_SETTINGS, listCodeFiles } from "../code/codeFiles";
import { TYPESCRIPT } from "../code/imports";
import { isArchive } from "../code/packageArchive";
import { bundleForImageSync, unpackArchiveSync } from "../code/syncJob";
import { DEFAULT_ENTRYPOINT, type FunctionDocument, IMAGE_CODE_FOLDER } from "../spec";
import { type ContextFile, readContextFile, textFile } from "./contextFiles";
import type { Dependencies } from "./dependencies";
import { ImageError } from "./imageError";

/** Where a context has the function's code. */
export const CODE_FOLDER = "code";

/** Where a function's code is, unpacked. */
export interface CodeFolder {
  path: string;
  /** Whether the image's build installs the dependencies that package.json declares. */
  installed: boolean;
  /** Whether it is an archive with its packages. */
  vendored: boolean;
}

/** Finds a function's code; an archive is unpacked. */
export function openCode(code: string, cacheFolder: string): CodeFolder {
  const archive = isArchive(code);
  const path = archive ? unpackArchiveSync(code, cacheFolder) : code;
  // an archive with its packages is complete, as it is on other platforms
  const vendored = archive && existsSync(join(path, "node_modules"));
  return { path, installed: declaresDependencies(path) && !vendored, vendored };
}

/** What an image has of a function's code, and what its author should know. */
export interface FunctionCode {
  files: ContextFile[];
  warnings: string[];
  /** What an instance loads. */
  entrypoint?: string;
}

/** Reads what is shipped, and bundles TypeScript. */
export function readFunctionCode(
  { path: folder, vendored }: CodeFolder,
  document: Pick<FunctionDocument, "runtime" | "entrypoint">,
  dependencies?: Pick<Dependencies, "packages" | "localPackages">,
): FunctionCode {
  const listed = [...listCodeFiles(folder, vendored ? { installed: false } : {})];
  const paths = listed.filter(({ inImage }) => inImage).map(({ path }) => path);
  if (paths.length === 0) throw new ImageError(`.dockerignore leaves out every file of "${folder}"`);
  const files = paths.map((path) => readContextFile(folder, path, `${CODE_FOLDER}/${path}`));
  const warnings = [...warningsAboutSecrets(listed), ...warningsAboutLinks(folder, files)];
  if (document.runtime === "custom") return { files, warnings };

  const entrypoint = posix.normalize(document.entrypoint ?? DEFAULT_ENTRYPOINT);
  const exists = existsSync(join(folder, entrypoint));
  if (exists && TYPESCRIPT.test(entrypoint)) {
    const bundle = bundleForImageSync({
      codeFolder: folder,
      entrypoint,
      imageFolder: IMAGE_CODE_FOLDER,
      installedPackages: dependencies?.packages ?? [],
      localPackages: dependencies?.localPackages ?? {},
      shippedPackages: packagesAmong(paths),
    });
    files.push(textFile(`${CODE_FOLDER}/${bundle.path}`, bundle.contents));
    return { files, warnings: [...warnings, ...bundle.warnings], entrypoint: bundle.path };
  }
  if (exists && !paths.includes(entrypoint))
    warnings.push(`.dockerignore leaves the entrypoint "${entrypoint}" out: every invocation will return an error`);
  return { files, warnings, entrypoint };
}

/** Names of the packages of a `node_modules` at the root. */
function packagesAmong(paths: readonly string[]): string[] {
  const names = paths.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** Whoever has left a file out by .dockerignore knows; settings of package managers are for the build. */
function* warningsAboutSecrets(listed: readonly CodeFile[]): Generator<string> {
  const settings: readonly string[] = INSTALL_SETTINGS;
  for (const { path, inImage } of listed)
    if (!inImage && !settings.includes(posix.basename(path)))
      yield `"${path}" is left out of the image, as it may hold secrets: give the function \`variables\`, or bring it back by a line "!${path}" in .dockerignore`;
}

/** An image has the function's folder only. */
function* warningsAboutLinks(folder: string, files: readonly ContextFile[]): Generator<string> {
  const root = realpathSync(folder);
  for (const file of files) {
    if (file.kind !== "link") continue;
    const path = file.path.slice(CODE_FOLDER.length + 1);
    const target = resolve(root, dirname(path), file.target);
    if (isAbsolute(file.target) || relative(root, target).startsWith(".."))
      yield `the symbolic link "${path}" leads out of the function's folder, and to nothing in its image`;
  }
}
