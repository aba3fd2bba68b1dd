import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Says by what import, from a package's own folder, a file of it is found. `node_modules` has no part in it: what is found is
 * the same whether the package is installed here or not, as a link or as a copy.
 *
 * @param subpath - What an import has after the package's name: "" or "/file".
 */
export function importWithin(folder: string, subpath: string): string {
  const { name, exports } = readManifest(join(folder, "package.json"));
  // Node.js and esbuild find a package from within by its name, but only one that says what it exports
  return typeof name === "string" && exports !== undefined ? name + subpath : `.${subpath}`;
}

function readManifest(file: string): { name?: unknown; exports?: unknown } {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as { name?: unknown; exports?: unknown };
  } catch {
    return {};
  }
}
