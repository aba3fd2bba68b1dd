import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { BundleError, bundleProgram, prepareEntrypoint } from "../../src/code/bundle";

const run = promisify(execFile);
let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "bundle-")));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

function prepare(entrypoint: string) {
  return prepareEntrypoint({ codeFolder: folder, entrypoint, outFolder: `${folder}-out` });
}
afterEach(async () => {
  await rm(`${folder}-out`, { recursive: true, force: true });
});

/** Loads a module in a process of its own and returns what its default export gives. */
async function load(file: string): Promise<unknown> {
  const script = `import(${JSON.stringify(file)}).then(async (m) => {
    const f = typeof m.default === "function" ? m.default : m.default.default;
    console.log(JSON.stringify(await f()));
  })`;
  const { stdout } = await run(process.execPath, ["--enable-source-maps", "-e", script]);
  return JSON.parse(stdout);
}

test("JavaScript and missing files are returned as they are", async () => {
  await write({ "src/index.js": "module.exports = () => 1;" });
  const asItIs = (path: string) => ({ entrypoint: join(folder, path), elsewhere: [], warnings: [] });
  expect(await prepare("src/index.js")).toEqual(asItIs("src/index.js"));
  expect(await prepare("src/none.ts")).toEqual(asItIs("src/none.ts"));
});

test("TypeScript becomes one CommonJS file that finds its package and its neighbours", async () => {
  await write({
    "node_modules/greeting/package.json": JSON.stringify({ name: "greeting", main: "main.js", module: "esm.js" }),
    "node_modules/greeting/main.js": "exports.greet = (name) => `hello ${name} from ${__filename}`;",
    "node_modules/greeting/esm.js": "export const greet = () => 'the wrong file';",
    "src/index.ts": `
      import { greet } from "greeting";
      import { readFileSync } from "fs";
      import { join } from "node:path";
      import { name } from "./lib/name";
      export default function (): string[] { return [greet(name), readFileSync(join(__dirname, "note.txt"), "utf8")]; }`,
    "src/lib/name.ts": `export const name: string = __filename;`,
    "src/note.txt": "a note",
  });
  const { entrypoint, warnings } = await prepare("src/index.ts");
  expect(warnings).toEqual([]);
  expect(entrypoint).toBe(join(`${folder}-out`, "src-index.cjs"));
  expect(await load(entrypoint)).toEqual([
    `hello ${folder}/src/lib/name.ts from ${folder}/node_modules/greeting/main.js`,
    "a note",
  ]);
});

test.each([
  ["src/index.ts", "module", ".mjs"],
  ["src/index.ts", "commonjs", ".cjs"],
  ["src/index.ts", undefined, ".cjs"],
  ["src/index.mts", "commonjs", ".mjs"],
  ["src/index.cts", "module", ".cjs"],
  ["src/index.tsx", "module", ".mjs"],
])("%s in a package of type %s becomes %s", async (entrypoint, type, extension) => {
  await write({ "package.json": JSON.stringify({ type }), [entrypoint]: "export default () => 7;" });
  const prepared = await prepare(entrypoint);
  expect(prepared.entrypoint.endsWith(extension)).toBe(true);
  expect(await load(prepared.entrypoint)).toBe(7);
});

test("an ES module keeps import.meta, its own __dirname, top-level await and CommonJS neighbours", async () => {
  await write({
    "package.json": '{"type":"module"}',
    "node_modules/dual/package.json": JSON.stringify({
      name: "dual",
      exports: { import: "./import.mjs", require: "./require.cjs" },
    }),
    "node_modules/dual/import.mjs": "export default 'imported';",
    "node_modules/dual/require.cjs": "module.exports = 'required';",
    "src/old.cjs": "module.exports = require('node:path').sep + require('dual');",
    "src/index.ts": `
      import dual from "dual";
      import old from "./old.cjs";
      import { dirname } from "node:path";
      import { fileURLToPath } from "node:url";
      const __dirname = dirname(fileURLToPath(import.meta.url));
      const late = await import("dual");
      export default () => [dual, late.default, old, __dirname, import.meta.filename];`,
  });
  const { entrypoint } = await prepare("src/index.ts");
  expect(await load(entrypoint)).toEqual([
    "imported",
    "imported",
    "/required",
    join(folder, "src"),
    join(folder, "src/index.ts"),
  ]);
});

test("a workspace's package in TypeScript is bundled, one that is not installed is left to Node.js", async () => {
  await write({
    "packages/shared/package.json": JSON.stringify({ name: "shared", main: "index.ts" }),
    "packages/shared/index.ts": "export const shared: number = 5;",
    "src/index.ts": `import { shared } from "shared"; export default () => shared;`,
    "src/lonely.ts": `import missing from "not-installed"; export default () => missing;`,
  });
  await mkdir(join(folder, "node_modules"));
  await symlink(join(folder, "packages/shared"), join(folder, "node_modules/shared"));
  expect(await load((await prepare("src/index.ts")).entrypoint)).toBe(5);
  await expect(load((await prepare("src/lonely.ts")).entrypoint)).rejects.toThrow(/Cannot find module 'not-installed'/);
});

test("an error's stack names the line of the source", async () => {
  await write({
    "src/index.ts": "interface A { a: 1 }\n\nexport default () => {\n  return new Error('x').stack;\n};\n",
  });
  const stack = (await load((await prepare("src/index.ts")).entrypoint)) as string;
  expect(stack).toContain(`${folder}/src/index.ts:4:10`);
});

test("what cannot be compiled is an error with file, line, column and text", async () => {
  await write({
    "src/index.ts": `import { b } from "./b";\nimport "./missing";\nexport default () => b;`,
    "src/b.ts": "export const b = ;\n",
  });
  const failed = prepare("src/index.ts");
  await expect(failed).rejects.toThrow(BundleError);
  await expect(failed).rejects.toMatchObject({
    problems: ['src/b.ts:1:18: Unexpected ";"', 'src/index.ts:2:8: Could not resolve "./missing"'],
  });
});

test("a new bundle replaces the old one, and names what it was made from", async () => {
  await write({
    "src/index.ts": `import { n } from "./n"; export default () => n;`,
    "src/n.ts": "export const n = 1;",
  });
  const options = { source: join(folder, "src/index.ts"), root: folder, outFolder: `${folder}-out` };
  const first = await bundleProgram(options);
  expect(first.inputs.sort()).toEqual([join(folder, "src/index.ts"), join(folder, "src/n.ts")]);
  await write({ "src/n.ts": "export const n = 2;" });
  const second = await bundleProgram(options);
  expect(second.file).toBe(first.file);
  expect(await load(second.file)).toBe(2);
  expect(await readdir(`${folder}-out`)).toEqual(["src-index.cjs"]);
  expect(await readFile(second.file, "utf8")).toContain("sourceMappingURL=data:");
});

test("a program in JavaScript is left where it is, and its own files are named", async () => {
  await write({ "index.mjs": `import "./a.js"; import "node:fs";`, "a.js": "exports.a = require('pkg');" });
  const bundle = await bundleProgram({ source: join(folder, "index.mjs"), root: folder, outFolder: `${folder}-out` });
  expect(bundle).toMatchObject({ file: join(folder, "index.mjs"), format: "esm" });
  expect(bundle.inputs.sort()).toEqual([join(folder, "a.js"), join(folder, "index.mjs")]);
});
