import type { BuildOptions } from "esbuild";

export const TYPESCRIPT = /\.[mc]?tsx?$/;

/** By what settings imports of a program are resolved. */
export const RESOLUTION = {
  bundle: true,
  platform: "node",
  target: "node20",
  conditions: [],
  mainFields: ["main"],
} as const satisfies BuildOptions;

/** Says of an import whether it is no path: a package, a module of Node.js, an alias. */
export function namesPackage(path: string): boolean {
  return !/^(?:\.{1,2}(?:[\\/]|$)|[\\/]|[A-Za-z]:[\\/])/.test(path);
}

/** `@scope/name/file` → `@scope/name`. */
export function packageName(path: string): string {
  return path
    .split("/")
    .slice(0, path.startsWith("@") ? 2 : 1)
    .join("/");
}
