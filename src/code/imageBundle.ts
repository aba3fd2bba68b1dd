import { realpathSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix, relative, resolve, sep } from "node:path";

import { type Plugin } from "esbuild";

import { bundleModules, bundleName, conditionsOf, type Format, moduleFormat, sourceLocations } from "./bundle";
import { namesPackage, packageName, TYPESCRIPT } from "./imports";
import { importWithin } from "./localPackage";

/** Folder of bundles in a function's code; listings of code leave it out, so that nobody has files of their own there. */
const BUNDLE_FOLDER = ".fullcode";

/** A function's code that is bundled for an image. */
export interface ImageBundleOptions {
  /** The function's folder. */
  codeFolder: string;
  /** Relative to the folder. */
  entrypoint: string;
  /** Where the image has the function's code. */
  imageFolder: string;
  /** Names of the packages that the image's build installs from elsewhere. */
  installedPackages: readonly string[];
  /** Folders of those that it installs from the code, by their names; relative to the code folder. */
  localPackages: Readonly<Record<string, string>>;
  /** Names of the packages in `node_modules` of the code folder that are part of the code, and so of the image. */
  shippedPackages: readonly string[];
}

/** A bundle, which is yet to be put into an image. */
export interface ImageBundle {
  /** Relative to the code, with forward slashes. */
  path: string;
  contents: string;
  warnings: string[];
}

/**
 * Bundles a function's TypeScript so that it runs in an image.
 *
 * Packages that the image has are imported by their names. Others, such as those of a workspace or of
 * `devDependencies`, become part of the bundle, and so do local ones in TypeScript, which Node.js cannot load. The same sources and packages give the same bundle on every machine.
 *
 * @throws BundleError when the TypeScript cannot be compiled.
 */
export async function bundleForImage(options: ImageBundleOptions): Promise<ImageBundle> {
  const root = realpathSync(options.codeFolder);
  const source = resolve(root, options.entrypoint);
  const format = await moduleFormat(source);
  const path = `${BUNDLE_FOLDER}/${bundleName(root, source, format)}`;
  const inImage = (file: string): string => posix.join(options.imageFolder, relative(root, file).split(sep).join("/"));
  const { plugin, warnings } = imagePackages({
    root,
    format,
    inImage,
    installed: new Set(options.installedPackages),
    local: options.localPackages,
    shipped: new Set(options.shippedPackages),
  });
  const bundle = await bundleModules({
    source,
    root,
    file: join(root, path),
    format,
    plugins: [sourceLocations(inImage), plugin],
  });
  const contents = Buffer.from(bundle.contents).toString("utf8");
  return { path, contents, warnings: [...bundle.warnings, ...warnings] };
}

/** Leaves out of a bundle what the image has. */
function imagePackages(options: {
  root: string;
  format: Format;
  installed: ReadonlySet<string>;
  local: Readonly<Record<string, string>>;
  shipped: ReadonlySet<string>;
  inImage: (file: string) => string;
}): { plugin: Plugin; warnings: Set<string> } {
  const { root, format, installed, local, shipped, inImage } = options;
  const shippedFolder = join(root, "node_modules") + sep;
  const asked = Symbol("asked");
  const warnings = new Set<string>();
  const plugin: Plugin = {
    name: "image-packages",
    setup(context) {
      context.onResolve({ filter: /./ }, async (args) => {
        if (args.kind === "entry-point" || args.pluginData === asked) return undefined;
        const left = { path: args.path, external: true };
        const isPackage = namesPackage(args.path);
        const name = packageName(args.path);
        // whether it is installed here as well does not matter, or a machine without it would make another bundle
        if (isPackage && (isBuiltin(args.path) || installed.has(name))) return left;
        const { importer } = args;
        const question = { importer, kind: conditionsOf(args.kind, format), pluginData: asked };
        if (isPackage && Object.hasOwn(local, name)) {
          const folder = join(root, local[name]);
          const within = importWithin(folder, args.path.slice(name.length));
          const { path, sideEffects } = await context.resolve(within, { ...question, resolveDir: folder });
          return TYPESCRIPT.test(path) ? { path, sideEffects } : left;
        }
        const resolved = await context.resolve(args.path, { ...question, resolveDir: args.resolveDir });
        if (resolved.external) return left;
        if (resolved.errors.length > 0) {
          if (!isPackage) return undefined;
          warnings.add(`"${args.path}" is neither among the dependencies of package.json nor installed here`);
          return left;
        }
        if (isPackage && shipped.has(name) && resolved.path.startsWith(shippedFolder)) return left;
        if (!resolved.path.endsWith(".node")) return undefined;
        if (relative(root, resolved.path).startsWith(".."))
          warnings.add(`"${args.path}" is a native module outside of the function's folder, and not in its image`);
        return { path: inImage(resolved.path), external: true };
      });
    },
  };
  return { plugin, warnings };
}
