import { execFile } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { BundleError } from "../../src/code/bundleError";
import { bundleForImage, type ImageBundleOptions } from "../../src/code/imageBundle";
import { addFile, codeFolder, type FileSpec, removeCodeFolders } from "../support/codeFolder";

const run = promisify(execFile);
afterEach(removeCodeFolders);

function bundle(folder: string, options: Partial<ImageBundleOptions> = {}) {
  return bundleForImage({
    codeFolder: folder,
    entrypoint: "src/index.ts",
    imageFolder: "/function",
    installedPackages: [],
    localPackages: {},
    shippedPackages: [],
    ...options,
  });
}

/** Runs what a bundle exports by default, in a folder that has these files and nothing else of the function. */
async function runIn(files: Record<string, FileSpec>, { path, contents }: { path: string; contents: string }) {
  const image = codeFolder({ ...files, [path]: contents });
  const script = `import(${JSON.stringify(join(image, path))}).then(async (m) => {
    const f = typeof m.default === "function" ? m.default : m.default.default;
    console.log(JSON.stringify(await f()));
  })`;
  const { stdout } = await run(process.execPath, ["--enable-source-maps", "-e", script]);
  return JSON.parse(stdout) as unknown;
}

const MS = {
  "node_modules/ms/package.json": '{ "name": "ms", "main": "main.js" }',
  "node_modules/ms/main.js": "module.exports = 'ms of the image';",
};

test("packages that the image installs are imported by name, installed here or not", async () => {
  const code = {
    "package.json": "{}",
    "src/index.ts": 'import ms from "ms"; import { n } from "./n"; export default () => [ms, n];',
    "src/n.ts": "export const n: number = 1;",
  };
  const absent = await bundle(codeFolder(code), { installedPackages: ["ms"] });
  const present = await bundle(codeFolder({ ...code, ...MS }), { installedPackages: ["ms"] });
  expect(present).toEqual(absent);
  expect(absent).toMatchObject({ path: ".fullcode/src-index.cjs", warnings: [] });
  expect(await runIn(MS, absent)).toEqual(["ms of the image", 1]);
});

test("packages that the image would not have become part of the bundle", async () => {
  const root = codeFolder({
    "node_modules/hoisted/package.json": '{ "name": "hoisted" }',
    "node_modules/hoisted/index.js": "exports.hoisted = 'hoisted';",
    "packages/shared/package.json": '{ "name": "@acme/shared", "main": "index.ts" }',
    "packages/shared/index.ts": "export const shared: string = 'shared';",
    "functions/orders/src/index.ts": `
      import { hoisted } from "hoisted";
      import { shared } from "@acme/shared";
      import { dev } from "dev";
      export default () => [hoisted, shared, dev];`,
    "functions/orders/node_modules/dev/index.js": "exports.dev = 'dev';",
  });
  mkdirSync(join(root, "node_modules/@acme"));
  symlinkSync("../../packages/shared", join(root, "node_modules/@acme/shared"));
  const result = await bundle(join(root, "functions/orders"), { installedPackages: ["ms"] });
  expect(result.warnings).toEqual([]);
  expect(await runIn({}, result)).toEqual(["hoisted", "shared", "dev"]);
});

describe("packages of the function's own folder", () => {
  const code = {
    "package.json": "{}",
    "src/index.ts": 'import { a } from "my-lib"; import { b } from "my-lib/b"; export default () => [a, b];',
  };
  const localPackages = { "my-lib": "lib" };

  test.each<[string, Record<string, FileSpec>]>([
    ["main", { "lib/package.json": '{ "name": "my-lib", "main": "index.ts" }', "lib/index.ts": "", "lib/b.ts": "" }],
    ["none", { "lib/index.ts": "", "lib/b.ts": "" }],
    [
      "exports",
      {
        "lib/package.json": '{ "name": "my-lib", "exports": { ".": "./src/a.ts", "./b": "./src/b.ts" } }',
        "lib/src/a.ts": "",
        "lib/src/b.ts": "",
      },
    ],
  ])("become part of the bundle in TypeScript, installed here or not: with %s", async (_what, lib) => {
    const files = Object.keys(lib).filter((path) => path.endsWith(".ts"));
    const text = (path: string) => `export const ${path.endsWith("b.ts") ? "b" : "a"}: string = "${path}";`;
    const sources = Object.fromEntries(files.map((path) => [path, text(path)]));
    const absent = await bundle(codeFolder({ ...code, ...lib, ...sources }), { localPackages });
    const linked = { ...code, ...lib, ...sources, "node_modules/my-lib": { link: "../lib" } };
    expect(await bundle(codeFolder(linked), { localPackages })).toEqual(absent);
    expect(absent.warnings).toEqual([]);
    expect(await runIn({}, absent)).toEqual(files);
  });

  test("are imported by name in JavaScript", async () => {
    const lib = { "lib/index.js": "exports.a = 'a';", "lib/b.js": "exports.b = 'b';" };
    const result = await bundle(codeFolder({ ...code, ...lib }), { localPackages });
    expect(result.contents).toContain('require("my-lib")');
    expect(result.warnings).toEqual([]);
    expect(await runIn({ ...lib, "node_modules/my-lib": { link: "../lib" } }, result)).toEqual(["a", "b"]);
  });
});

test("packages that are shipped are imported from there", async () => {
  const folder = codeFolder({ ...MS, "src/index.ts": 'import ms from "ms"; export default () => ms;' });
  const result = await bundle(folder, { shippedPackages: ["ms"] });
  expect(result.contents).toContain('require("ms")');
  expect(await runIn(MS, result)).toBe("ms of the image");
});

test("packages that are here and not shipped, as those for development, become part of the bundle", async () => {
  const folder = codeFolder({ ...MS, "src/index.ts": 'import ms from "ms"; export default () => ms;' });
  expect(await runIn({}, await bundle(folder))).toBe("ms of the image");
});

test("a package that is nowhere is left to Node.js, which is said", async () => {
  const folder = codeFolder({ "src/index.ts": 'import x from "nowhere/x"; import "fs"; export default () => x;' });
  expect((await bundle(folder)).warnings).toEqual([
    '"nowhere/x" is neither among the dependencies of package.json nor installed here',
  ]);
});

test("sources keep the places that they have in the image", async () => {
  const folder = codeFolder({
    "src/index.mts": `
      import { place } from "../lib/place.cjs";
      export default () => [import.meta.url, import.meta.filename, import.meta.dirname, place()];`,
    "lib/place.cts": "export const place = () => [__filename, __dirname];",
  });
  const result = await bundle(folder, { entrypoint: "src/index.mts" });
  expect(result.path).toBe(".fullcode/src-index.mjs");
  expect(await runIn({}, result)).toEqual([
    "file:///function/src/index.mts",
    "/function/src/index.mts",
    "/function/src",
    ["/function/lib/place.cts", "/function/lib"],
  ]);
});

test("a native module of the code is loaded from the image; one from elsewhere is not in it, which is said", async () => {
  const root = codeFolder({
    "outside.node": "",
    "f/inside.node": "",
    "f/index.ts": 'import a from "./inside.node"; import b from "../outside.node"; export default () => [a, b];',
  });
  const result = await bundle(join(root, "f"), { entrypoint: "index.ts" });
  expect(result.contents).toContain('require("/function/inside.node")');
  expect(result.warnings).toEqual([expect.stringContaining('"../outside.node" is a native module outside')]);
});

test("a bundle is the same wherever the code is, by whatever path it is reached", async () => {
  const folder = codeFolder({
    "src/index.ts": 'import { n } from "./n"; export default () => [n, __filename];',
    "src/n.ts": "export const n = 1;",
  });
  const reference = await bundle(folder);
  const elsewhere = codeFolder({});
  cpSync(folder, join(elsewhere, "deep/er"), { recursive: true });
  addFile(elsewhere, "link", { link: "deep/er" });
  expect(await bundle(join(elsewhere, "deep/er"))).toEqual(reference);
  expect(await bundle(join(elsewhere, "link"))).toEqual(reference);
});

test("an error's stack names the line of the source", async () => {
  const folder = codeFolder({
    "src/index.ts": "interface A { a: 1 }\n\nexport default () => {\n  return new Error('x').stack;\n};\n",
  });
  const result = await bundle(folder);
  expect(await runIn({}, result)).toMatch(/\/src\/index\.ts:4:10/);
});

test("what cannot be compiled is an error", async () => {
  const folder = codeFolder({ "src/index.ts": "export default = 1;" });
  await expect(bundle(folder)).rejects.toThrow(BundleError);
});
