import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";

import { API_VERSION, DEFAULT_ENTRYPOINT, type DocumentInput, limits, problemWithName } from "../../spec";
import { CliError } from "../errors";

/**
 * Describes the function in a folder as a deployment would: a `bootstrap` at its root is a custom runtime, else the
 * entrypoint is the one that is given, `main` of package.json, or `src/index.js`.
 *
 * @throws CliError when the folder does not exist or its package.json cannot be read.
 */
export async function describeFunction(
  folder: string,
  entrypoint?: string,
): Promise<Extract<DocumentInput, { kind: "Function" }>> {
  const code = resolve(folder);
  if (!(await stat(code).catch(() => undefined))?.isDirectory()) throw new CliError(`${code} is not a folder.`);
  const custom = entrypoint === undefined && existsSync(join(code, "bootstrap"));
  const runtime = custom ? "custom" : "nodejs";
  return {
    kind: "Function",
    apiVersion: API_VERSION,
    name: nameOf(code),
    version: "local",
    runtime,
    code: ".",
    ...(!custom && { entrypoint: entrypoint ?? (await mainOfPackage(code)) ?? defaultEntrypoint(code) }),
    concurrency: limits.DEFAULT_CONCURRENCY[runtime],
  };
}

async function mainOfPackage(folder: string): Promise<string | undefined> {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return undefined;
  try {
    const { main } = JSON.parse(await readFile(file, "utf8")) as { main?: unknown };
    return typeof main === "string" && main !== "" ? main : undefined;
  } catch (error) {
    throw new CliError(`${file}: ${(error as Error).message}`);
  }
}

/** A function in TypeScript has no other file to be meant. */
function defaultEntrypoint(folder: string): string {
  const typescript = DEFAULT_ENTRYPOINT.replace(/js$/, "ts");
  const hasOnlyTypescript = !existsSync(join(folder, DEFAULT_ENTRYPOINT)) && existsSync(join(folder, typescript));
  return hasOnlyTypescript ? typescript : DEFAULT_ENTRYPOINT;
}

/** The folder's name where it is a valid one. */
function nameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
  return problemWithName(name) === undefined ? name : "function";
}
