import { accessSync, constants, existsSync } from "node:fs";
import { join, posix } from "node:path";

import { DEFAULT_ENTRYPOINT } from "../spec";
import { BOOTSTRAP_FILE } from "./fileMode";
import { type PackageContents } from "./packageArchive";

/**
 * Says what an invocation of a function's code would fail for, or returns `undefined`. Such a function is deployed all
 * the same, and its invocations return the error.
 *
 * @param path - Folder or archive.
 * @param contents - What is in it, where it is an archive.
 */
export function entrypointWarning(
  path: string,
  runtime: "nodejs" | "custom",
  entrypoint = DEFAULT_ENTRYPOINT,
  contents?: PackageContents,
): string | undefined {
  const code = contents === undefined ? inFolder(path) : inArchive(path, contents);
  const problem = runtime === "nodejs" ? problemWithEntrypoint(code, entrypoint) : problemWithBootstrap(code, path);
  return problem === undefined ? undefined : `${problem}: every invocation will return an error`;
}

/** What is asked of code, wherever it is. */
interface Code {
  /** What it is called where a file is not in it. */
  without(file: string): string;
  has(file: string): boolean;
  isExecutable(file: string): boolean;
}

function problemWithEntrypoint(code: Code, entrypoint: string): string | undefined {
  return code.has(entrypoint) ? undefined : `the entrypoint "${entrypoint}" is not in ${code.without(entrypoint)}`;
}

function problemWithBootstrap(code: Code, path: string): string | undefined {
  if (!code.has(BOOTSTRAP_FILE))
    return `there is no "${BOOTSTRAP_FILE}" at the root of ${code.without(BOOTSTRAP_FILE)}`;
  return code.isExecutable(BOOTSTRAP_FILE)
    ? undefined
    : `the "${BOOTSTRAP_FILE}" in "${path}" is not executable (chmod +x)`;
}

function inFolder(folder: string): Code {
  return {
    without: () => `"${folder}"`,
    has: (file) => existsSync(join(folder, file)),
    isExecutable: (file) => {
      try {
        accessSync(join(folder, file), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    },
  };
}

function inArchive(archive: string, { files }: PackageContents): Code {
  const links = [...files].filter(([, { kind }]) => kind === "link").map(([path]) => path);
  const folder = onlyFolder([...files.keys()]);
  return {
    without: (file) => {
      const isMisplaced = folder !== undefined && !isBelow(folder, file);
      return `"${archive}"${isMisplaced ? `, whose files are all in its folder "${folder}" (pack what is in that folder)` : ""}`;
    },
    // what is below a link is known when it is unpacked
    has: (file) => files.has(posix.normalize(file)) || links.some((link) => isBelow(link, file)),
    isExecutable: (file) => files.get(file)?.executable === true,
  };
}

function isBelow(folder: string, file: string): boolean {
  return posix.normalize(file).startsWith(`${folder}/`);
}

/** The folder at the root that all files are in: archives of a folder have it, instead of what is in it. */
function onlyFolder(paths: readonly string[]): string | undefined {
  const [first = ""] = paths;
  const folder = first.slice(0, first.indexOf("/") + 1);
  return folder !== "" && paths.every((path) => path.startsWith(folder)) ? folder.slice(0, -1) : undefined;
}
