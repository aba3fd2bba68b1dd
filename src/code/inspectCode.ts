import { existsSync, statSync } from "node:fs";
import { extname, join } from "node:path";

import { limits } from "../spec";
import { type CodeMeasure, measureArchive, measureFolder } from "./codeHash";
import { BOOTSTRAP_FILE } from "./fileMode";
import { inspectPackage, isArchive, type PackageContents, PackageError } from "./packageArchive";

/** Where a function's code is and what it seems to be. */
export interface InspectedCode extends CodeMeasure {
  kind: "folder" | "zip" | "jar";
  /** What runs the code unless the function says otherwise. */
  runtime: "nodejs" | "custom";
  /** What is in an archive. */
  contents?: PackageContents;
}

/**
 * Looks at a function's code.
 *
 * @param path - Folder, `.zip` or `.jar`.
 * @param options.entrypoint - That of a Node.js function, relative to the folder.
 * @returns What is wrong with it, or what it is.
 */
export function inspectCode(path: string, options: { entrypoint?: string } = {}): { problem: string } | InspectedCode {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return { problem: `"${path}" does not exist` };
  const code = stat.isDirectory() ? inspectFolder(path, options) : inspectArchive(path);
  if ("problem" in code) return code;
  if (code.tooLarge)
    return {
      problem:
        code.files > limits.MAX_CODE_FILES
          ? `"${path}" has more than ${limits.MAX_CODE_FILES.toLocaleString("en")} files; leave some out with .dockerignore`
          : `"${path}" is larger than ${limits.MAX_CODE_BYTES / 1024 / 1024} MiB; leave files out with .dockerignore`,
    };
  return code;
}

function inspectFolder(path: string, options: { entrypoint?: string }): { problem: string } | InspectedCode {
  const measure = measureFolder(path, options);
  if (measure.files === 0) return { problem: `"${path}" has no files` };
  return { kind: "folder", runtime: existsSync(join(path, BOOTSTRAP_FILE)) ? "custom" : "nodejs", ...measure };
}

function inspectArchive(path: string): { problem: string } | InspectedCode {
  if (!isArchive(path)) return { problem: `"${path}" is neither a folder nor a .zip or .jar file` };
  const kind = extname(path).toLowerCase() === ".jar" ? "jar" : "zip";
  const measure = measureArchive(path);
  if (measure.tooLarge) return { kind, runtime: "custom", ...measure };
  try {
    const contents = inspectPackage(path);
    const runtime = kind === "jar" || contents.files.has(BOOTSTRAP_FILE) ? "custom" : "nodejs";
    return { kind, runtime, ...measure, files: contents.files.size, bytes: contents.unpackedBytes, contents };
  } catch (error) {
    if (error instanceof PackageError) return { problem: error.message };
    throw error;
  }
}
