import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";

import { addFile, codeFolder, removeCodeFolders } from "../support/codeFolder";
import { listFiles, listTree, stageImage } from "../support/stagedImage";
import { temporaryFolder } from "../support/temporaryFolder";

const run = promisify(execFile);
const project = temporaryFolder();
afterEach(removeCodeFolders);

const HANDLER = { "src/index.js": "module.exports = 1;\n", link: { link: "src/index.js" } };
const HOUR_MS = 60 * 60 * 1000;

function stage(code: string, name = "orders") {
  return stageImage({ projectFolder: project(), code, document: { name } });
}

test("files and folders have the same modes and times everywhere", () => {
  const { path } = stage(codeFolder(HANDLER));
  const time = "1980-01-01T00:00:00.000Z";
  expect(listTree(path)).toMatchObject({
    Dockerfile: `644 ${time}`,
    code: `755 ${time}`,
    "code/src": `755 ${time}`,
    "code/src/index.js": `644 ${time}`,
    "code/link": `-> src/index.js ${time}`,
    "fullcode/runtime/node/main.js": `644 ${time}`,
  });
  expect(statSync(path).mode & 0o777).toBe(0o755);
});

test("a context that is there is not written again", () => {
  const code = codeFolder(HANDLER);
  const first = stage(code);
  const file = join(first.path, "code/src/index.js");
  const inode = statSync(file).ino;
  expect(stage(code)).toEqual(first);
  expect(statSync(file).ino).toBe(inode);
});

test.each<[string, (path: string) => void]>([
  ["lost executable bits", (path) => chmodSync(join(path, "code/bootstrap"), 0o644)],
  ["an edited file", (path) => writeFileSync(join(path, "code/src/index.js"), "module.exports = 2;\n")],
  ["a removed file", (path) => rmSync(join(path, "code/src/index.js"))],
  ["a removed folder", (path) => rmSync(join(path, "code"), { recursive: true })],
  ["an added file", (path) => writeFileSync(join(path, "code/src/other.js"), "")],
  ["an added file at its root", (path) => writeFileSync(join(path, ".dockerignore"), "code")],
])("a context with %s is written again", (_what, damage) => {
  const code = codeFolder({ ...HANDLER, bootstrap: { text: "#!/bin/sh\n", mode: 0o755 } });
  const { path } = stage(code);
  const tree = listTree(path);
  damage(path);
  expect(stage(code).path).toBe(path);
  expect(listTree(path)).toEqual(tree);
  expect(readFileSync(join(path, "code/src/index.js"), "utf8")).toBe(HANDLER["src/index.js"]);
  expect(readdirSync(dirname(path))).toHaveLength(1);
});

test("a changed function has another folder, and what a build reads stays as it is", () => {
  const code = codeFolder(HANDLER);
  const before = stage(code);
  const tree = listTree(before.path);
  addFile(code, "src/index.js", "module.exports = 2;\n");
  const after = stage(code);
  expect(after.folder).not.toBe(before.folder);
  expect(listTree(before.path)).toEqual(tree);
});

test("two functions from one folder have contexts of their own", () => {
  const code = codeFolder(HANDLER);
  const [orders, invoices] = [stage(code, "orders"), stage(code, "invoices")];
  expect(orders.folder).toMatch(/^\.fullcode\/dev\/images\/orders\//);
  expect(invoices.folder).toMatch(/^\.fullcode\/dev\/images\/invoices\//);
  expect(invoices.hash).not.toBe(orders.hash);
});

test("previews that stage the same at once end with one whole context", async () => {
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`data/${index}.txt`, `${index}`]));
  const code = codeFolder({ ...HANDLER, ...files });
  const args = {
    projectFolder: project(),
    stack: "dev",
    document: { name: "orders", version: "v1", runtime: "nodejs" },
    code,
  };
  const script = `const { stageFunctionImage } = require(${JSON.stringify(join(__dirname, "../../dist/image/functionImage.js"))});
    process.stdout.write(stageFunctionImage(${JSON.stringify(args)}).path);`;
  const previews = await Promise.all(Array.from({ length: 4 }, () => run(process.execPath, ["-e", script])));
  const paths = new Set(previews.map(({ stdout }) => stdout));
  expect(paths.size).toBe(1);
  const [path] = paths;
  expect(readdirSync(dirname(path))).toHaveLength(1);
  expect(listFiles(join(path, "code"))).toEqual(listFiles(code));
});

test("old contexts are removed, the newest and those of the last hour are kept", () => {
  const code = codeFolder(HANDLER);
  const paths = Array.from({ length: 8 }, (_, version) => {
    addFile(code, "src/index.js", `module.exports = ${version};\n`);
    return stage(code).path;
  });
  const names = paths.map((path) => basename(path));
  const folder = dirname(paths[0]);
  expect(readdirSync(folder).sort()).toEqual([...names].sort());
  paths.slice(0, 7).forEach((path, version) => {
    const time = new Date(Date.now() - (9 - version) * HOUR_MS);
    utimesSync(path, time, time);
  });
  const abandoned = join(folder, ".0000-1111.tmp");
  mkdirSync(abandoned);
  utimesSync(abandoned, 1, 1);
  expect(stage(code).path).toBe(paths[7]);
  expect(readdirSync(folder).sort()).toEqual(names.slice(3).sort());
});
