import type * as Esbuild from "esbuild";
import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";

import { namesPackage, packageName, RESOLUTION, TYPESCRIPT } from "./imports";
import { importWithin } from "./localPackage";

/** What a file of the code imports, or a package that is linked to its sources, as a workspace's are. */
interface Entry {
  folder: string;
  /** As an import in the folder would have it. */
  path: string;
}

/**
 * Lists the files that a bundle of an entrypoint in TypeScript is made of: those that relative imports, path aliases,
 * symbolic links and links to the packages of a workspace lead to, inside of the folder or not. What is installed below a
 * `node_modules` is none of them: no two machines have the same.
 *
 * What cannot be bundled has none; whoever bundles it says so.
 *
 * @returns Paths relative to the folder without symbolic links, with forward slashes; sorted.
 */
export function listBundledSources(folder: string, entrypoint: string): string[] {
  const root = realpathSync(folder);
  if (!TYPESCRIPT.test(entrypoint) || !existsSync(join(root, entrypoint))) return [];
  const entries = new Map<string, Entry>();
  const add = (entry: Entry) => entries.set(resolve(entry.folder, entry.path), entry);
  add({ folder: root, path: resolve(root, entrypoint) });
  const sources = new Set<string>();
  // has more while it is gone through, each place once
  for (const entry of entries.values()) {
    for (const [source, imports] of readModules(entry)) {
      if (isInstalled(relative(root, source)) || sources.has(source)) continue;
      sources.add(source);
      for (const path of imports) {
        const linked = linkedPackage(source, path);
        if (linked !== undefined) add(linked);
      }
    }
  }
  return [...sources].map((source) => relative(root, source).split(sep).join("/")).sort();
}

/** The modules that an entry is bundled of, with the packages that each imports. */
function readModules({ folder, path }: Entry): Map<string, string[]> {
  // only those who write TypeScript need it
  const { buildSync } = createRequire(__filename)("esbuild") as typeof Esbuild;
  const settings = {
    ...RESOLUTION,
    entryPoints: [path],
    absWorkingDir: folder,
    outdir: folder,
    write: false,
    metafile: true,
    // the one that knows `await` outside of functions
    format: "esm",
    packages: "external",
    loader: { ".node": "empty" },
    logLevel: "silent",
  } as const satisfies Esbuild.BuildOptions;
  try {
    const { inputs } = buildSync(settings).metafile;
    return new Map(
      Object.entries(inputs).map(([input, { imports }]) => [
        resolve(folder, input),
        imports.filter(({ external, path }) => external === true && namesPackage(path)).map(({ path }) => path),
      ]),
    );
  } catch {
    return new Map();
  }
}

/** Where the sources of an imported package are, if it is linked and not installed. */
function linkedPackage(importer: string, path: string): Entry | undefined {
  const name = packageName(path);
  for (let folder = dirname(importer); folder !== dirname(folder); folder = dirname(folder)) {
    const place = join(folder, "node_modules", name);
    if (!existsSync(place)) continue;
    const linked = realpathSync(place);
    if (isInstalled(linked)) return undefined;
    const within = importWithin(linked, path.slice(name.length));
    if (within.startsWith(".")) return { folder: linked, path: within };
    try {
      return { folder: linked, path: createRequire(importer).resolve(path) };
    } catch {
      return undefined;
    }
  }
  return undefined;
}

function isInstalled(path: string): boolean {
  return path.split(sep).includes("node_modules");
}
