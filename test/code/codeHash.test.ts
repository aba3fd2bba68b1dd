import { chmodSync, cpSync, utimesSync } from "node:fs";
import { join } from "node:path";

import { measureArchive, measureFolder } from "../../src/code/codeHash";
import { listCodeFiles } from "../../src/code/codeFiles";
import { limits } from "../../src/spec";
import { addFile, codeFolder, removeCodeFolders } from "../support/codeFolder";

afterEach(removeCodeFolders);

const paths = (folder: string) => [...listCodeFiles(folder)].map(({ path }) => path);

describe("the version of a folder", () => {
  const files = { "src/index.js": "module.exports = 1;", "assets/logo.txt": "logo" };

  test("is the same for the same files, whatever their times and group permissions", () => {
    const [a, b] = [codeFolder(files), codeFolder(files)];
    utimesSync(join(b, "src/index.js"), 1, 1);
    chmodSync(join(b, "src/index.js"), 0o600);
    expect(measureFolder(a).version).toMatch(/^[0-9a-f]{16}$/);
    expect(measureFolder(b)).toEqual(measureFolder(a));
    expect(measureFolder(a)).toMatchObject({ bytes: 23, files: 2, tooLarge: false });
  });

  test.each<[string, (folder: string) => void]>([
    ["a content", (folder) => addFile(folder, "src/index.js", "module.exports = 2;")],
    ["a new file", (folder) => addFile(folder, "src/other.js", "")],
    ["an executable bit", (folder) => chmodSync(join(folder, "src/index.js"), 0o755)],
    ["a symbolic link", (folder) => addFile(folder, "link", { link: "src/index.js" })],
  ])("changes with %s", (_what, change) => {
    const folder = codeFolder(files);
    const { version } = measureFolder(folder);
    change(folder);
    expect(measureFolder(folder).version).not.toBe(version);
  });

  test("of an image is changed by what the image has, and by nothing else", () => {
    const folder = codeFolder({ ...files, ".dockerignore": "!shipped/.env\n", "shipped/.env": "A=1" });
    const before = measureFolder(folder);
    expect(before.imageVersion).toBe(before.version);
    addFile(folder, ".env", "KEY=1");
    addFile(folder, ".npmrc", "//r/:_authToken=1");
    const after = measureFolder(folder);
    expect(after.version).not.toBe(before.version);
    expect(after.imageVersion).toBe(before.imageVersion);
    addFile(folder, "shipped/.env", "A=2");
    expect(measureFolder(folder).imageVersion).not.toBe(before.imageVersion);
  });

  test("is not confused by where one file ends and the next begins", () => {
    const a = codeFolder({ a: "xb", b: "" });
    const b = codeFolder({ a: "x", b: "b" });
    expect(measureFolder(a).version).not.toBe(measureFolder(b).version);
  });
});

describe("the version of a folder on Windows, which keeps no executable bits", () => {
  const windows = (files: Record<string, string>) => measureFolder(codeFolder(files), { system: "win32" });

  test("is that of a folder with an executable bootstrap at its root, and of nothing else that is", () => {
    const files = { bootstrap: "#!/bin/sh\n", "bin/bootstrap": "", "index.js": "" };
    const linux = codeFolder({ ...files, bootstrap: { text: files.bootstrap, mode: 0o755 } });
    expect(windows(files)).toEqual(measureFolder(linux));
    expect(windows(files)).not.toEqual(measureFolder(codeFolder(files)));
  });
});

describe("the version of what an entrypoint in TypeScript is bundled of", () => {
  const entrypoint = "src/index.ts";
  const index = `
    import { shared } from "../../shared/a"; import { aliased } from "@/b"; import { linked } from "@acme/linked/c";
    import "installed"; import "nowhere"; import "node:fs"; import ignored from "../ignored.json"; import "../x.node";
    await Promise.resolve(); export default () => [shared, aliased, linked, ignored];`;
  const files = {
    "orders/src/index.ts": index,
    "orders/tsconfig.json": '{ "compilerOptions": { "paths": { "@/*": ["../aliased/*"] } } }',
    "orders/package.json": '{ "devDependencies": { "typescript": "5" } }',
    "orders/.dockerignore": "ignored.json",
    "orders/ignored.json": "1",
    "orders/x.node": "",
    "shared/a.ts": "export const shared: number = 1;",
    "shared/unused.ts": "",
    "aliased/b.ts": "export const aliased: number = 1;",
    "linked/package.json": '{ "name": "@acme/linked", "exports": { "./c": "./src/c.ts" } }',
    "linked/src/c.ts": 'import "other"; export const linked: number = 1;',
    "other/index.ts": "export {};",
    "node_modules/@acme/linked": { link: "../../linked" },
    "node_modules/other": { link: "../other" },
    "node_modules/installed/index.js": "",
  };
  const measure = (folder: string) => measureFolder(join(folder, "orders"), { entrypoint });

  test.each([
    "shared/a.ts",
    "aliased/b.ts",
    "linked/src/c.ts",
    "other/index.ts",
    "orders/ignored.json",
    "orders/src/index.ts",
  ] as const)("changes with %s", (path) => {
    const folder = codeFolder(files);
    const before = measure(folder);
    addFile(folder, path, path.endsWith(".ts") ? `${files[path]} // changed` : "2");
    const after = measure(folder);
    expect(after.version).not.toBe(before.version);
    expect(after.imageVersion).not.toBe(before.imageVersion);
  });

  test("changes with nothing else, and is the same wherever the project is", () => {
    const [a, b] = [codeFolder(files), codeFolder({})];
    cpSync(a, join(b, "deep/er"), { recursive: true, verbatimSymlinks: true });
    addFile(b, "link", { link: "deep/er" });
    for (const path of ["shared/unused.ts", "node_modules/installed/index.js"]) addFile(b, `deep/er/${path}`, "// new");
    expect(measure(join(b, "deep/er"))).toEqual(measure(a));
    expect(measure(join(b, "link"))).toEqual(measure(a));
  });

  test("is that of the folder alone where nothing comes from elsewhere, or is no TypeScript", () => {
    const own = codeFolder({ "src/index.ts": 'import "./a";', "src/a.ts": "", "main.js": 'require("../x")' });
    const folder = measureFolder(own);
    for (const each of ["src/index.ts", "main.js", "src/none.ts"])
      expect(measureFolder(own, { entrypoint: each })).toEqual(folder);
    addFile(own, "src/a.ts", "export default = ;");
    expect(measureFolder(own, { entrypoint }).version).toBe(measureFolder(own).version);
  });
});

describe("what is shipped", () => {
  test("leaves out node_modules at the root only where package.json declares packages", () => {
    const files = { "node_modules/x/index.js": "1", "lib/node_modules/y.js": "2", "index.js": "" };
    const vendored = codeFolder(files);
    expect(paths(vendored)).toEqual(["index.js", "lib/node_modules/y.js", "node_modules/x/index.js"]);
    const installed = codeFolder({ ...files, "package.json": '{ "dependencies": { "x": "1" } }' });
    expect(paths(installed)).toEqual(["index.js", "lib/node_modules/y.js", "package.json"]);
    const withoutAny = codeFolder({ ...files, "package.json": '{ "dependencies": {}, "workspaces": [] }' });
    expect(paths(withoutAny)).toContain("node_modules/x/index.js");
  });

  test.each([
    { devDependencies: { typescript: "5" } },
    { optionalDependencies: { fsevents: "2" } },
    { peerDependencies: { zod: "4" } },
    { workspaces: ["packages/*"] },
  ])("is the same before and after an installation of %j", (manifest) => {
    const folder = codeFolder({ "package.json": JSON.stringify(manifest), "index.js": "" });
    const before = measureFolder(folder);
    addFile(folder, "node_modules/typescript/tsc.js", "of this machine");
    expect(measureFolder(folder)).toEqual(before);
  });

  test("has what .dockerignore brings back of node_modules by its name, and nothing else of it", () => {
    const files = {
      "package.json": '{ "devDependencies": { "x": "1" } }',
      "node_modules/x/index.js": "",
      "node_modules/y/index.js": "",
    };
    const shipped = (...lines: string[]) =>
      paths(codeFolder({ ...files, ".dockerignore": lines.join("\n") })).filter((path) => path.startsWith("node_"));
    expect(shipped("!node_modules")).toEqual(["node_modules/x/index.js", "node_modules/y/index.js"]);
    expect(shipped("!/node_modules/x")).toEqual(["node_modules/x/index.js"]);
    expect(shipped("**", "!**/*.js")).toEqual([]);
  });

  test("leaves out what other package managers than npm write, where package.json declares packages", () => {
    const written = { ".yarn/install-state.gz": "1", ".pnp.cjs": "2", ".pnpm-store/v10/x": "3" };
    const manifest = '{ "dependencies": { "x": "1" } }';
    const folder = codeFolder({ "package.json": manifest, "lib/.yarn/a": "", ...written });
    expect(paths(folder)).toEqual(["lib/.yarn/a", "package.json"]);
    const listed = [...listCodeFiles(folder, { installed: false })].map(({ path }) => path);
    expect(listed).toEqual(expect.arrayContaining(Object.keys(written)));
  });

  test("to images leaves out what may hold secrets, which .dockerignore brings back", () => {
    const secrets = { ".env": "", "b/.env.production": "", ".npmrc": "", "b/.yarnrc.yml": "", "b/.env": "" };
    const folder = codeFolder({ ...secrets, "index.js": "", ".env.example": "", ".dockerignore": "!b/.env\n" });
    expect(paths(folder)).toEqual(expect.arrayContaining(Object.keys(secrets)));
    const inImage = [...listCodeFiles(folder)].filter((file) => file.inImage).map(({ path }) => path);
    expect(inImage).toEqual([".dockerignore", ".env.example", "b/.env", "index.js"]);
  });

  test("never has version control or this project's own files", () => {
    const folder = codeFolder({ "index.js": "", ".git/HEAD": "ref", ".fullcode/dev/x.json": "{}", "a/.DS_Store": "x" });
    expect(paths(folder)).toEqual(["index.js"]);
  });

  test("follows the rules of .dockerignore", () => {
    const ignored = ["# comment", "*.log", "docs/", "!docs/keep.md", "**/*.tmp", "/secret.txt", ""].join("\n");
    const folder = codeFolder({
      ".dockerignore": ignored,
      "a.log": "",
      "sub/b.log": "",
      "docs/drop.md": "",
      "docs/keep.md": "",
      "x.tmp": "",
      "sub/deep/y.tmp": "",
      "secret.txt": "",
      "sub/secret.txt": "",
      "A.LOG": "",
    });
    expect(paths(folder)).toEqual([".dockerignore", "A.LOG", "docs/keep.md", "sub/b.log", "sub/secret.txt"]);
  });

  test("lists links and does not follow them", () => {
    const outside = codeFolder({ "big.txt": "x" });
    const folder = codeFolder({ "index.js": "", link: { link: outside } });
    expect([...listCodeFiles(folder)]).toEqual([
      { path: "index.js", symbolicLink: false, inImage: true },
      { path: "link", symbolicLink: true, inImage: true },
    ]);
  });
});

describe("limits", () => {
  test("counting stops at the largest size", () => {
    const half = Buffer.alloc(limits.MAX_CODE_BYTES / 2);
    const folder = codeFolder({ a: { text: half }, b: { text: half } });
    expect(measureFolder(folder).tooLarge).toBe(false);
    addFile(folder, "c", "x");
    expect(measureFolder(folder)).toMatchObject({ tooLarge: true, version: "" });
  });

  test("an archive is measured by its own bytes", () => {
    const folder = codeFolder({ "a.zip": "one", "b.zip": "two" });
    const [a, b] = ["a.zip", "b.zip"].map((name) => measureArchive(join(folder, name)));
    expect(a).toMatchObject({ bytes: 3, files: 1, tooLarge: false });
    expect(a.version).not.toBe(b.version);
  });
});
