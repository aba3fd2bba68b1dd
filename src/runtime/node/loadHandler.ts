import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { isAbsolute, join, relative } from "node:path";
import { pathToFileURL } from "node:url";

import { DEFAULT_ENTRYPOINT } from "../../spec/instances";
import { type HandlerRequest } from "../request/handlerRequest";
import { type Response } from "./response";

export type HandlerFunction = (req: HandlerRequest, res: Response) => unknown;

/** The user's code cannot be run; the message says what to do. */
export class HandlerNotFoundError extends Error {
  constructor(
    override readonly name: "EntrypointNotFound" | "HandlerNotFound",
    message: string,
  ) {
    super(message);
  }
}

/** The code's package.json cannot be read. */
export class InvalidPackageError extends Error {
  override readonly name = "InvalidPackage";
}

/** The code waits for something while it loads, and it has not come. */
export class InitTimeoutError extends Error {
  override readonly name = "InitTimeout";
  constructor(seconds: number) {
    super(
      `the code was not loaded within ${seconds} s: it waits for something at its top level; do that in the handler, or raise \`limits.initSeconds\``,
    );
  }
}

/** What callers learn of code that does not load: no paths of the machine, and what to do about a missing package. */
export function loadErrorMessage(thrown: unknown, codeFolder: string): string {
  if (!(thrown instanceof Error)) return "the code threw no Error while it was loaded";
  const { code } = thrown as NodeJS.ErrnoException;
  const missing = code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND";
  const [firstLine] = thrown.message.split("\n", 1);
  const message = (missing ? firstLine.replace(/ imported from .*$/, "") : thrown.message).replaceAll(codeFolder, ".");
  return missing ? `${message}; is it in the function's package.json, and was \`npm install\` run there?` : message;
}

/**
 * Loads the handler that a function's entrypoint exports: `module.exports = …`, `exports.default`, `export default`.
 *
 * @param shown - What its author calls the entrypoint, where another file was made from it.
 * @throws HandlerNotFoundError when there is no such file or export; whatever the module itself throws.
 */
export async function loadHandler(
  codeFolder: string,
  entrypoint = DEFAULT_ENTRYPOINT,
  shown = isAbsolute(entrypoint) ? relative(codeFolder, entrypoint) : entrypoint,
): Promise<HandlerFunction> {
  const file = isAbsolute(entrypoint) ? entrypoint : join(codeFolder, entrypoint);
  if (!existsSync(file) || !statSync(file).isFile())
    throw new HandlerNotFoundError(
      "EntrypointNotFound",
      `the entrypoint "${shown}" does not exist in the function's code; set \`entrypoint\` to the file that exports the handler`,
    );
  const exported = isModule(codeFolder, file)
    ? ((await import(pathToFileURL(file).href)) as unknown)
    : (createRequire(file)(file) as unknown);
  const handler = findHandler(exported);
  if (handler === undefined)
    throw new HandlerNotFoundError(
      "HandlerNotFound",
      `"${shown}" exports no handler; it needs \`module.exports = async function (req, res) { … }\` or \`export default\` of one`,
    );
  return handler;
}

function findHandler(exported: unknown, depth = 0): HandlerFunction | undefined {
  if (typeof exported === "function") return exported as HandlerFunction;
  // a CommonJS file compiled from `export default`, imported as an ES module, has its handler two steps down
  if (depth === 2 || typeof exported !== "object" || exported === null || !("default" in exported)) return undefined;
  return findHandler(exported.default, depth + 1);
}

/** @throws InvalidPackageError where the file is no JSON object. */
function typeOfPackage(manifest: string, shown: string): unknown {
  try {
    return (JSON.parse(readFileSync(manifest, "utf8")) as { type?: unknown }).type;
  } catch (error) {
    throw new InvalidPackageError(`"${shown}" of the function's code is not valid JSON: ${(error as Error).message}`);
  }
}

/** Node.js' own rule: the file's ending, else the `type` of the closest package.json. */
function isModule(codeFolder: string, file: string): boolean {
  if (file.endsWith(".mjs")) return true;
  if (file.endsWith(".cjs") || !file.endsWith(".js")) return false;
  for (let folder = join(file, ".."); ; folder = join(folder, "..")) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest)) return typeOfPackage(manifest, relative(codeFolder, manifest)) === "module";
    if (folder === codeFolder || folder === join(folder, "..")) return false;
  }
}
