import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

import { type FunctionContext, type FunctionImageArgs, stageFunctionImage } from "../../src/image";

/** What a test says of a function's image; the rest is that of a Node.js function called "orders". */
export type ImageDeclaration = Pick<FunctionImageArgs, "projectFolder" | "code"> &
  Partial<Omit<FunctionImageArgs, "document">> & { document?: Partial<FunctionImageArgs["document"]> };

/** Stages a function's image. */
export function stageImage({ document, ...args }: ImageDeclaration): FunctionContext {
  const full = { name: "orders", version: "v1", runtime: "nodejs" as const, ...document };
  return stageFunctionImage({ stack: "dev", ...args, document: full });
}

/** Everything below a folder: a file's mode and time, a link's target, a folder. */
export function listTree(folder: string): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const stat = lstatSync(path);
    const kind = entry.isSymbolicLink() ? `-> ${readlinkSync(path)}` : (stat.mode & 0o777).toString(8);
    tree[path.slice(folder.length + 1)] = `${kind} ${stat.mtime.toISOString()}`;
  }
  return tree;
}

/** Paths of the files and links below a folder. */
export function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

export function dockerfileOf({ path }: { path: string }): string {
  return readFileSync(join(path, "Dockerfile"), "utf8");
}
