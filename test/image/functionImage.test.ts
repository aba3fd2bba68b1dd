import { chmodSync, cpSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { ImageError, instanceCommand } from "../../src/image";
import { addFile, codeFolder, type FileSpec, removeCodeFolders } from "../support/codeFolder";
import { dockerfileOf, type ImageDeclaration, listFiles, listTree, stageImage } from "../support/stagedImage";
import { temporaryFolder } from "../support/temporaryFolder";
import { zipFile } from "../support/zipFile";

const project = temporaryFolder();
afterEach(removeCodeFolders);

const HANDLER = { "src/index.js": "module.exports = (req, res) => res.send('ok');\n" };

function stage(code: string, more: Partial<ImageDeclaration> = {}) {
  return stageImage({ projectFolder: project(), code, ...more });
}
/** Paths of the function's files in its context. */
function codeIn({ path }: { path: string }): string[] {
  return listFiles(join(path, "code"));
}

describe("the context of a Node.js function", () => {
  test("is a folder by its hash with the Dockerfile, the code and the runtime", () => {
    const context = stage(codeFolder({ ...HANDLER, "data/rates.json": "{}" }));
    expect(context).toEqual({
      path: join(project(), context.folder),
      folder: `.fullcode/dev/images/orders/${context.hash}`,
      hash: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      entrypoint: "src/index.js",
      secrets: [],
      warnings: [],
    });
    const files = listFiles(context.path);
    expect(files.filter((path) => !path.includes("busboy"))).toEqual([
      "Dockerfile",
      "code/data/rates.json",
      "code/src/index.js",
      "fullcode/runtime/node/main.js",
    ]);
    const multipart = "fullcode/runtime/node_modules/@fastify/busboy";
    expect(files).toEqual(expect.arrayContaining([`${multipart}/package.json`, `${multipart}/index.js`]));
    expect(files.filter((path) => /test|bench|\.d\.ts/.test(path))).toEqual([]);
    expect(readFileSync(join(project(), ".fullcode/.gitignore"), "utf8")).toBe("*\n");
  });

  test("has one stage where there is nothing to install, for a user that owns nothing of it", () => {
    const { hash, ...context } = stage(codeFolder(HANDLER), { document: { version: "0123" }, revision: "4f2a9c" });
    expect(dockerfileOf(context)).toBe(`FROM node:22-slim
COPY fullcode/ /fullcode/
WORKDIR /function
COPY code/ /function/
ENV NODE_ENV=production
LABEL org.opencontainers.image.title="orders" \\
      org.opencontainers.image.version="0123" \\
      org.opencontainers.image.revision="4f2a9c" \\
      org.opencontainers.image.base.name="node:22-slim" \\
      fullcode.source-hash="${hash}"
USER 1000:1000
ENTRYPOINT ["node","--enable-source-maps","/fullcode/runtime/node/main.js"]
`);
  });

  test("says where the entrypoint is not shipped, and is made all the same", () => {
    const code = codeFolder({ ...HANDLER, "lib/a.js": "", ".dockerignore": "src" });
    expect(stage(code).warnings).toEqual([
      '.dockerignore leaves the entrypoint "src/index.js" out: every invocation will return an error',
    ]);
    expect(stage(code, { document: { entrypoint: "./src/none.js" } })).toMatchObject({
      entrypoint: "src/none.js",
      warnings: [],
    });
  });
});

describe("the context of a custom runtime", () => {
  const code = () => codeFolder({ bootstrap: { text: "#!/bin/sh\n", mode: 0o750 } });
  const document = { runtime: "custom" } as const;

  test("brings a Node.js of its own for the agent, whatever the base is", () => {
    const context = stage(code(), { document, baseImage: "eclipse-temurin:21-jre", nodeImage: "node:22-slim" });
    expect(context.entrypoint).toBeUndefined();
    expect(dockerfileOf(context)).toBe(`FROM node:22-slim AS fullcode-node
USER 0:0
COPY copyNode.js /copyNode.js
RUN ["node","/copyNode.js","copy"]

FROM eclipse-temurin:21-jre
COPY --from=fullcode-node /fullcode/ /fullcode/
COPY fullcode/ /fullcode/
WORKDIR /function
COPY code/ /function/
LABEL org.opencontainers.image.title="orders" \\
      org.opencontainers.image.version="v1" \\
      org.opencontainers.image.base.name="eclipse-temurin:21-jre" \\
      fullcode.source-hash="${context.hash}"
USER 1000:1000
ENTRYPOINT ["/fullcode/lib/ld.so","--library-path","/fullcode/lib","/fullcode/bin/node","/fullcode/runtime/agent/main.js"]
`);
    const files = listFiles(context.path);
    expect(files).toEqual(expect.arrayContaining(["copyNode.js", "fullcode/runtime/agent/main.js"]));
    expect(files).not.toContain("fullcode/runtime/node/main.js");
  });

  test("starts from the Node.js image without a base of its own, and only links to what is there", () => {
    const dockerfile = dockerfileOf(stage(code(), { document, nodeImage: "registry.example.com:5000/node:22" }));
    expect(dockerfile.match(/^FROM .*$/gm)).toEqual([
      "FROM registry.example.com:5000/node:22 AS fullcode-node",
      "FROM registry.example.com:5000/node:22",
    ]);
    expect(dockerfile).toContain('RUN ["node","/copyNode.js","link"]');
  });

  test("is started by the loader that came with its Node.js, a Node.js function with a bounded heap", () => {
    expect(instanceCommand("custom", { memoryMiB: 256 })[0]).toBe("/fullcode/lib/ld.so");
    expect(instanceCommand("nodejs", { memoryMiB: 256 })).toEqual([
      "node",
      "--enable-source-maps",
      "--max-old-space-size=168",
      "--max-semi-space-size=8",
      "/fullcode/runtime/node/main.js",
    ]);
  });
});

describe("the hash", () => {
  const files: Record<string, FileSpec> = {
    ...HANDLER,
    "bin/tool": { text: "#!/bin/sh\n", mode: 0o755 },
    "b.txt": "b",
  };

  test("is the same on every machine: other paths, modes, times, umask, order of files", () => {
    const reference = stage(codeFolder(files));
    const reversed = codeFolder(Object.fromEntries(Object.entries(files).reverse()));
    chmodSync(join(reversed, "src/index.js"), 0o600);
    chmodSync(join(reversed, "bin/tool"), 0o700);
    utimesSync(join(reversed, "b.txt"), 1, 1);
    const umask = process.umask(0o077);
    try {
      const other = stage(reversed, { projectFolder: codeFolder({ "Pulumi.yaml": "name: other" }) });
      expect(other.hash).toBe(reference.hash);
      expect(listTree(other.path)).toEqual(listTree(reference.path));
    } finally {
      process.umask(umask);
    }
  });

  test.each<[string, (folder: string) => Partial<ImageDeclaration> | void]>([
    ["a content", (folder) => addFile(folder, "b.txt", "c")],
    ["a new file", (folder) => addFile(folder, "c.txt", "")],
    ["an executable bit", (folder) => chmodSync(join(folder, "b.txt"), 0o755)],
    ["another name", (folder) => renameSync(join(folder, "b.txt"), join(folder, "c.txt"))],
    ["a link", (folder) => addFile(folder, "link", { link: "b.txt" })],
    ["the base image", () => ({ baseImage: "node:20-slim" })],
    ["the runtime", () => ({ document: { runtime: "custom" } })],
    ["the version", () => ({ document: { version: "v2" } })],
    ["the revision", () => ({ revision: "4f2a9c" })],
    ["the platform", () => ({ platform: "linux/arm64" })],
  ])("changes with %s", (_what, change) => {
    const code = codeFolder(files);
    const before = stage(code);
    const after = stage(code, change(code) ?? {});
    expect(after.hash).not.toBe(before.hash);
    expect(basename(after.path)).toBe(after.hash);
  });

  test("is not changed by what is not shipped", () => {
    const code = codeFolder({ ...files, ".dockerignore": "*.log\n" });
    const before = stage(code);
    for (const path of ["x.log", ".git/HEAD", ".env", ".fullcode/x", "a/.DS_Store"]) addFile(code, path, "new");
    expect(stage(code).hash).toBe(before.hash);
  });
});

describe("what is shipped", () => {
  test("follows .dockerignore, which is no rule for the context's own files", () => {
    const code = codeFolder({ ...HANDLER, ".dockerignore": "**\n!src\nDockerfile\nfullcode\n", "notes.md": "" });
    const context = stage(code);
    expect(codeIn(context)).toEqual(["src/index.js"]);
    expect(listFiles(context.path)).toEqual(expect.arrayContaining(["Dockerfile", "fullcode/runtime/node/main.js"]));
    expect(listFiles(context.path)).not.toContain(".dockerignore");
  });

  test("has no file that secrets are kept in, and says so", () => {
    const secrets = { ".env": "KEY=1", "config/.env.production": "KEY=2", ".npmrc": "//r/:_authToken=3" };
    const code = codeFolder({ ...HANDLER, ...secrets, ".env.example": "KEY=" });
    const context = stage(code);
    expect(codeIn(context)).toEqual([".env.example", "src/index.js"]);
    expect(context.warnings).toEqual([
      '".env" is left out of the image, as it may hold secrets: give the function `variables`, or bring it back by a line "!.env" in .dockerignore',
      expect.stringContaining('"config/.env.production" is left out') as string,
    ]);
  });

  test("has such a file where .dockerignore asks for it; who leaves it out is not warned", () => {
    const code = codeFolder({ ...HANDLER, ".env": "A=1", "b/.env": "B=1", ".dockerignore": "!.env\nb/.env\n" });
    const context = stage(code);
    expect(codeIn(context)).toEqual([".dockerignore", ".env", "src/index.js"]);
    expect(context.warnings).toEqual([]);
  });

  test("keeps links, and says which lead to nothing in the image", () => {
    const links = { inside: { link: "src/index.js" }, up: { link: "../x" }, "src/root": { link: "/etc/hosts" } };
    const context = stage(codeFolder({ ...HANDLER, ...links }));
    expect(listTree(join(context.path, "code"))).toMatchObject({
      inside: "-> src/index.js 1980-01-01T00:00:00.000Z",
      up: "-> ../x 1980-01-01T00:00:00.000Z",
    });
    expect(context.warnings).toEqual([
      expect.stringContaining('the symbolic link "src/root" leads out') as string,
      expect.stringContaining('the symbolic link "up" leads out') as string,
    ]);
  });

  test("is executable for all where it is for anyone, and readable for all", () => {
    const code = codeFolder({
      bootstrap: { text: "#!/bin/sh\n", mode: 0o710 },
      "data.txt": { text: "x", mode: 0o640 },
    });
    const context = stage(code, { document: { runtime: "custom" } });
    expect(listTree(join(context.path, "code"))).toEqual({
      bootstrap: "755 1980-01-01T00:00:00.000Z",
      "data.txt": "644 1980-01-01T00:00:00.000Z",
    });
  });

  test("cannot be nothing", () => {
    const code = codeFolder({ ...HANDLER, ".dockerignore": "**" });
    expect(() => stage(code)).toThrow(new ImageError(`.dockerignore leaves out every file of "${code}"`));
  });
});

describe("archives", () => {
  const archive = (name: string, entries: Parameters<typeof zipFile>[0]) => {
    const file = join(codeFolder({}), name);
    writeFileSync(file, zipFile(entries));
    return file;
  };

  test("are unpacked, with their executable bits", () => {
    const file = archive("function.zip", [
      { name: "bootstrap", data: "#!/bin/sh\n", mode: 0o100755 },
      { name: "data/a.txt", data: "a", mode: 0o100600 },
      { name: ".env", data: "KEY=1" },
    ]);
    const context = stage(file, { document: { runtime: "custom" } });
    expect(listTree(join(context.path, "code"))).toEqual({
      bootstrap: "755 1980-01-01T00:00:00.000Z",
      data: "755 1980-01-01T00:00:00.000Z",
      "data/a.txt": "644 1980-01-01T00:00:00.000Z",
    });
    expect(context.warnings).toHaveLength(1);
    const copy = join(codeFolder({}), "copy.jar");
    cpSync(file, copy);
    expect(stage(copy, { document: { runtime: "custom" } }).hash).toBe(context.hash);
  });

  test("with their packages are complete; others are installed", () => {
    const manifest = { name: "package.json", data: '{ "dependencies": { "ms": "2.1.3" } }' };
    const index = { name: "src/index.js", data: "" };
    const vendored = stage(archive("a.zip", [manifest, index, { name: "node_modules/ms/index.js", data: "" }]));
    expect(dockerfileOf(vendored)).not.toContain("npm");
    expect(codeIn(vendored)).toContain("node_modules/ms/index.js");
    expect(dockerfileOf(stage(archive("b.zip", [manifest, index])))).toContain("npm install");
    const forDevelopment = { ...manifest, data: '{ "devDependencies": { "ms": "2.1.3" } }' };
    const complete = stage(archive("c.zip", [forDevelopment, index, { name: "node_modules/ms/index.js", data: "" }]));
    expect(codeIn(complete)).toContain("node_modules/ms/index.js");
  });

  test("that cannot be used are refused by name", () => {
    const file = archive("bad.zip", [{ name: "../evil", data: "x" }]);
    expect(() => stage(file)).toThrow(`"${file}" cannot be used as a function's package: `);
  });
});

describe("TypeScript", () => {
  test("is bundled into a file that instances load, beside the sources", () => {
    const code = codeFolder({
      "src/index.ts": 'import { greet } from "./lib";\nexport default (): string => greet();\n',
      "src/lib.ts": "export const greet = (): string => __dirname;\n",
    });
    const context = stage(code, { document: { entrypoint: "src/index.ts" } });
    expect(context.entrypoint).toBe(".fullcode/src-index.cjs");
    expect(codeIn(context)).toEqual([".fullcode/src-index.cjs", "src/index.ts", "src/lib.ts"]);
    const bundle = readFileSync(join(context.path, "code/.fullcode/src-index.cjs"), "utf8");
    expect(bundle).toContain('"/function/src"');
    expect(bundle).not.toContain(code);
    const copy = codeFolder({});
    cpSync(code, copy, { recursive: true });
    expect(stage(copy, { document: { entrypoint: "src/index.ts" } }).hash).toBe(context.hash);
  });

  test("that does not compile is an error with file and line", () => {
    const code = codeFolder({ "src/index.ts": "export default = ;" });
    expect(() => stage(code, { document: { entrypoint: "src/index.ts" } })).toThrow(/^src\/index\.ts:1:16: Unexpected/);
  });
});

describe("names", () => {
  test.each([
    ["baseImage", "node:22\nRUN evil", "is not the name of an image"],
    ["nodeImage", "$IMAGE", "is not the name of an image"],
    ["platform", "arm64", "is not an operating system and an architecture"],
    ["revision", 'x" y="z', "is not a name of a revision"],
  ])("that are no %s are refused", (argument, value, problem) => {
    const code = codeFolder(HANDLER);
    expect(() => stage(code, { [argument]: value })).toThrow(ImageError);
    expect(() => stage(code, { [argument]: value })).toThrow(problem);
  });

  test.each(["scratch", "node", "localhost:5000/node:20", `r.example.com/a/b_c:1.2@sha256:${"0".repeat(64)}`])(
    "such as %s are those of base images",
    (baseImage) => {
      expect(dockerfileOf(stage(codeFolder(HANDLER), { baseImage }))).toContain(`FROM ${baseImage}\n`);
    },
  );
});
