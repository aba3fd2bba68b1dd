import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";

import { build, type BuildOptions, type ImportKind, type Loader, type Message, type Plugin } from "esbuild";

import { BundleError } from "./bundleError";
import { namesPackage, RESOLUTION, TYPESCRIPT } from "./imports";

export { BundleError };

/** A bundled program. */
export interface Bundle {
  /** The file to load. */
  file: string;
  format: "cjs" | "esm";
  /** Absolute paths of the files that it was made from. */
  inputs: string[];
  warnings: string[];
}

/**
 * Returns the file to load for a function's entrypoint.
 *
 * JavaScript, and a file that does not exist, is returned as it is. TypeScript is bundled with the function's own files
 * into one file with an inline source map; packages stay where they are installed. The bundle is CommonJS or an ES
 * module as the entrypoint's extension or its package.json says, and is replaced atomically when it is made again.
 *
 * @param options.codeFolder - The function's folder.
 * @param options.entrypoint - Relative to the folder.
 * @param options.outFolder - Where bundles go. One function a folder.
 * @returns The file, and the absolute paths of what it was bundled of elsewhere than in the folder and in `node_modules`.
 * @throws BundleError when the TypeScript cannot be compiled.
 */
export async function prepareEntrypoint(options: {
  codeFolder: string;
  entrypoint: string;
  outFolder: string;
}): Promise<{ entrypoint: string; elsewhere: string[]; warnings: string[] }> {
  const source = resolve(options.codeFolder, options.entrypoint);
  if (!TYPESCRIPT.test(source) || !existsSync(source)) return { entrypoint: source, elsewhere: [], warnings: [] };
  const bundle = await bundleProgram({ source, root: options.codeFolder, outFolder: options.outFolder });
  const folder = await realpath(options.codeFolder);
  const elsewhere = bundle.inputs.filter((input) => {
    const [first, ...rest] = relative(folder, input).split(sep);
    return first === ".." && !rest.includes("node_modules");
  });
  return { entrypoint: bundle.file, elsewhere, warnings: bundle.warnings };
}

/**
 * Bundles a program's own files into one. JavaScript is only read, for its imports, and left where it is.
 *
 * Packages are referred to by the absolute paths that they resolve to from the file that imports them, so that the
 * bundle can be anywhere. `__dirname`, `__filename` and `import.meta` keep the values of the file they are written in.
 *
 * @param options.root - What paths in messages are relative to.
 * @throws BundleError
 */
export async function bundleProgram(options: { source: string; root: string; outFolder: string }): Promise<Bundle> {
  const root = resolve(options.root);
  const source = resolve(options.source);
  const format = await moduleFormat(source);
  const file = join(resolve(options.outFolder), bundleName(root, source, format));
  const plugins = [sourceLocations((path) => path), installedPackages(format)];
  const { contents, inputs, warnings } = await bundleModules({ source, root, file, format, plugins });
  const compiled = TYPESCRIPT.test(source);
  if (compiled) await replaceFile(file, contents);
  return { file: compiled ? file : source, format, inputs, warnings };
}

/**
 * Makes one file of the modules that `source` imports, except for those that `plugins` leave out.
 *
 * @param options.file - Where the bundle will be, which its source map depends on. Nothing is written.
 * @throws BundleError
 */
export async function bundleModules(options: {
  source: string;
  root: string;
  file: string;
  format: Format;
  plugins: Plugin[];
}): Promise<{ contents: Uint8Array; inputs: string[]; warnings: string[] }> {
  const { source, root, file, format, plugins } = options;
  const settings = {
    ...RESOLUTION,
    entryPoints: [source],
    outfile: file,
    absWorkingDir: root,
    format,
    keepNames: true,
    sourcemap: "inline",
    write: false,
    metafile: true,
    logLevel: "silent",
    plugins,
    define: {
      __filename: "__source_filename",
      __dirname: "__source_dirname",
      "import.meta.filename": "__source_filename",
      "import.meta.dirname": "__source_dirname",
      "import.meta.url": "__source_url",
    },
    ...(format === "esm" && {
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    }),
  } as const satisfies BuildOptions;
  const result = await build(settings).catch((error: unknown) => {
    throw isBuildFailure(error) ? new BundleError(error.errors.map(describe)) : error;
  });
  return {
    contents: result.outputFiles[0]?.contents ?? new Uint8Array(),
    inputs: Object.keys(result.metafile.inputs).map((input) => resolve(root, input)),
    warnings: result.warnings.map(describe),
  };
}

export type Format = Bundle["format"];

/** What a bundle of this program is: its ending says so, else the closest package.json. */
export async function moduleFormat(source: string): Promise<Format> {
  const extension = extname(source);
  if (extension === ".mts" || extension === ".mjs") return "esm";
  if (extension === ".cts" || extension === ".cjs") return "cjs";
  for (let folder = dirname(source); ; folder = dirname(folder)) {
    const manifest = await readFile(join(folder, "package.json"), "utf8").catch(() => undefined);
    if (manifest !== undefined)
      return (parsed(manifest) as { type?: unknown } | null)?.type === "module" ? "esm" : "cjs";
    if (folder === dirname(folder)) return "cjs";
  }
}

/** An unreadable package.json is npm's and Node.js's to report. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

/** Name of a program's bundle, from its path below `root`. */
export function bundleName(root: string, source: string, format: Format): string {
  const path = relative(root, source);
  const stem = (path.startsWith("..") || isAbsolute(path) ? basename(path) : path).replace(TYPESCRIPT, "");
  return `${stem.replace(/[\\/]+/g, "-")}.${format === "esm" ? "mjs" : "cjs"}`;
}

/**
 * Leaves packages out of the bundle, referred to by their absolute paths. What Node.js cannot load by itself, such as a
 * workspace's package in TypeScript, is bundled.
 */
function installedPackages(format: Format): Plugin {
  const asked = Symbol("asked");
  return {
    name: "installed-packages",
    setup(context) {
      context.onResolve({ filter: /./ }, async (args) => {
        if (args.kind === "entry-point" || args.pluginData === asked || args.path.startsWith("node:")) return undefined;
        const isPackage = namesPackage(args.path);
        const resolved = await context.resolve(args.path, {
          resolveDir: args.resolveDir,
          importer: args.importer,
          kind: conditionsOf(args.kind, format),
          pluginData: asked,
        });
        if (resolved.errors.length > 0) return isPackage ? { path: args.path, external: true } : undefined;
        if (resolved.external) return { path: args.path, external: true };
        if (resolved.path.endsWith(".node") || (isPackage && /\.(?:[mc]?js|json)$/.test(resolved.path)))
          return { path: asLoaded(resolved.path, args.kind, format), external: true };
        return undefined;
      });
    },
  };
}

/** In a CommonJS bundle an `import` statement becomes a `require`, for which a package may have another file. */
export function conditionsOf(kind: ImportKind, format: Format): ImportKind {
  return kind === "import-statement" && format === "cjs" ? "require-call" : kind;
}

function asLoaded(path: string, kind: ImportKind, format: Format): string {
  const imported = kind === "dynamic-import" || (kind === "import-statement" && format === "esm");
  return imported ? pathToFileURL(path).href : path;
}

/**
 * Gives each module of a bundle the location of its source; on the first line, so that line numbers stay.
 *
 * @param located - Where a source is when the bundle runs.
 */
export function sourceLocations(located: (path: string) => string): Plugin {
  return {
    name: "source-locations",
    setup(context) {
      context.onLoad({ filter: /\.[mc]?[jt]sx?$/ }, async (args) => {
        const text = await readFile(args.path, "utf8");
        if (!/\b__(?:dir|file)name\b|\bimport\.meta\b/.test(text)) return undefined;
        const extension = extname(args.path);
        const loader = (/tsx|jsx/.test(extension) ? extension.slice(1) : extension.slice(-2)) as Loader;
        const path = located(args.path);
        const constants = {
          __source_filename: path,
          __source_dirname: dirname(path),
          __source_url: pathToFileURL(path).href,
        };
        const declared = Object.entries(constants)
          .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
          .join(",");
        return { contents: `var ${declared};${text.replace(/^#!.*/, "")}`, loader };
      });
    },
  };
}

function isBuildFailure(error: unknown): error is { errors: Message[] } {
  return error instanceof Error && Array.isArray((error as { errors?: unknown }).errors);
}

function describe(message: Message): string {
  const { location } = message;
  const where = location === null ? "" : `${location.file}:${location.line}:${location.column + 1}: `;
  return where + message.text;
}

async function replaceFile(file: string, contents: Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, contents);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
