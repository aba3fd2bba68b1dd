import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";

const require = createRequire(import.meta.url);

require.extensions[".ts"] = (module, file) => {
  const { code } = transformSync(readFileSync(file, "utf8"), { loader: "ts", format: "cjs", target: "node20" });
  module._compile(code, file);
};

/** Loads a TypeScript module of this repository that is written as CommonJS, such as those of the tests. */
export function requireTypeScript(path) {
  return require(fileURLToPath(new URL(`../../${path}`, import.meta.url)));
}
