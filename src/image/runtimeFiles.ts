import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { type ContextFile, readContextFile } from "./contextFiles";
import { ImageError } from "./imageError";

/** Where a context has what goes to `/fullcode` of its image. */
export const RUNTIME_FOLDER = "fullcode";
/** Where a context has the program that finds Node.js and its libraries. */
export const NODE_COPY_FILE = "copyNode.js";

/** The built package, wherever this module itself was loaded from. */
const DIST = join(__dirname, "..", "..", "dist");
/** The one package that runtimes load by its name, on the first upload. */
const MULTIPART_PACKAGE = "@fastify/busboy";
/** What a package needs to run: not its tests, its types or its benchmarks. */
const PACKAGE_FILES = new Set(["package.json", "LICENSE", "index.js", "lib", "deps"]);

/** The files of a runtime, as an image has them. */
export function runtimeFiles(runtime: "nodejs" | "custom"): ContextFile[] {
  const program = runtime === "nodejs" ? "runtime/node/main.js" : "runtime/agent/main.js";
  const files = [distFile(program, `${RUNTIME_FOLDER}/${program}`), ...multipartFiles()];
  if (runtime === "custom") files.push(distFile("image/copyNode.js", NODE_COPY_FILE));
  return files;
}

/** The files of a gateway, as an image has them. */
export function gatewayFiles(): ContextFile[] {
  return [distFile("gateway/cluster/main.js", `${RUNTIME_FOLDER}/gateway/main.js`)];
}

/** Version of this package. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(DIST, "..", "package.json"), "utf8")) as { version: string }).version;
}

function distFile(source: string, path: string): ContextFile {
  if (!existsSync(join(DIST, source)))
    throw new ImageError(
      `"${join(DIST, source)}" is missing, which images are made from: install fullcode again, or run \`npm run build\` where it is built from its sources`,
    );
  return { ...readContextFile(DIST, source, path), ...({ executable: false } as const) };
}

function multipartFiles(): ContextFile[] {
  const folder = dirname(createRequire(__filename).resolve(`${MULTIPART_PACKAGE}/package.json`));
  const files: ContextFile[] = [];
  walk("");
  return files;

  function walk(parent: string): void {
    for (const entry of readdirSync(join(folder, parent), { withFileTypes: true })) {
      const path = parent === "" ? entry.name : `${parent}/${entry.name}`;
      if (parent === "" && !PACKAGE_FILES.has(entry.name)) continue;
      if (entry.isDirectory()) walk(path);
      else if (/\.(?:js|json)$|^LICENSE$/.test(entry.name))
        files.push(
          readContextFile(folder, path, `${RUNTIME_FOLDER}/runtime/node_modules/${MULTIPART_PACKAGE}/${path}`),
        );
    }
  }
}
