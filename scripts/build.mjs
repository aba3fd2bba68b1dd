// Compiles src/ into dist/: types and modules by the TypeScript compiler, what runs inside an instance as one file by
// esbuild (a cold start reads one file instead of dozens), the documents' JSON Schema beside them.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
// beside the dist that is there: one that failed, or is half done, is never what a running gateway or an image is made of
const dist = join(root, `.dist-${process.pid}`);
process.on("exit", () => rmSync(dist, { recursive: true, force: true }));

try {
  execFileSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", root, "--outDir", dist], {
    stdio: "inherit",
  });
} catch {
  process.exit(1);
}

// what runs in a pod, or needs packages that only clusters need, is one file each: nothing else has to be installed
const bundles = [
  { entry: "runtime/node/main", external: ["@fastify/busboy"] },
  { entry: "runtime/agent/main", external: ["@fastify/busboy"] },
  { entry: "gateway/cluster/main", external: ["lmdb", "esbuild"] },
  { entry: "cli/cluster/clusterAccess", external: [] },
];
for (const { entry, external } of bundles) {
  const source = join(root, "src", `${entry}.ts`);
  if (!existsSync(source)) continue;
  await build({
    entryPoints: [{ in: source, out: entry }],
    outdir: dist,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    external,
    legalComments: "none",
    logLevel: "warning",
  });
}

mkdirSync(join(dist, "schema"), { recursive: true });
const { documentJsonSchema } = require(join(dist, "spec", "jsonSchema.js"));
writeFileSync(join(dist, "schema", "document.json"), JSON.stringify(documentJsonSchema(), null, 2) + "\n");

const cli = join(dist, "cli", "main.js");
if (existsSync(cli)) chmodSync(cli, 0o755);

const previous = join(root, `.dist-${process.pid}-previous`);
const current = join(root, "dist");
if (existsSync(current)) renameSync(current, previous);
renameSync(dist, current);
rmSync(previous, { recursive: true, force: true });
