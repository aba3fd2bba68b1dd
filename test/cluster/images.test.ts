import { execFile } from "node:child_process";
import { cpSync } from "node:fs";
import { promisify } from "node:util";

import { instanceCommand, stageGatewayImage } from "../../src/image";
import { codeFolder, type FileSpec, removeCodeFolders } from "../support/codeFolder";
import { BUILDERS, docker, DockerImages } from "../support/dockerImages";
import { dockerfileOf, type ImageDeclaration, stageImage } from "../support/stagedImage";
import { temporaryFolder } from "../support/temporaryFolder";

/** Needs a Docker Engine, a registry at localhost:5000, and an image with `node`, `npm` and a shell. */
const BASE_IMAGE = process.env.TEST_BASE_IMAGE ?? "localhost:5000/node:20";
const REGISTRY = "localhost:5000";
const TOKEN = "a-token-that-nobody-may-see";

jest.setTimeout(5 * 60_000);

const run = promisify(execFile);
const project = temporaryFolder();
const images = new DockerImages();
afterEach(removeCodeFolders);
afterAll(() => images.removeAll());

const AGENT_NODE = instanceCommand("custom").slice(0, -1);
const HANDLER = { "src/index.js": 'module.exports = (req, res) => res.send(require("ms")(1000));\n' };
const MANIFEST = { dependencies: { ms: "2.1.3" }, devDependencies: { "is-number": "7.0.0" } };

/** A folder whose dependencies come from wherever this machine gets its packages. */
async function dependentFolder(files: Record<string, FileSpec>, manifest: object = MANIFEST): Promise<string> {
  const { stdout } = await run("npm", ["config", "get", "registry"]);
  const registry = stdout.trim();
  return codeFolder({
    "package.json": JSON.stringify({ name: "orders", version: "1.0.0", ...manifest }),
    ".npmrc": `registry=${registry}\n//registry.example.com/:_authToken=${TOKEN}\n`,
    ".yarnrc.yml": `npmRegistryServer: "${registry.replace(/\/$/, "")}"\nnpmAuthToken: ${TOKEN}\n`,
    ...files,
  });
}

function stage(code: string, more: Partial<ImageDeclaration> = {}) {
  return stageImage({ projectFolder: project(), code, baseImage: BASE_IMAGE, nodeImage: BASE_IMAGE, ...more });
}

describe.each(BUILDERS)("by the builder %s", (builder) => {
  test("a Node.js function has its code, its runtime and its production dependencies, and no secrets", async () => {
    const files = { ...HANDLER, ".env": `KEY=${TOKEN}`, "private.txt": { text: "x", mode: 0o600 }, ".git/HEAD": "ref" };
    const code = await dependentFolder(files);
    await run("npm", ["install", "--package-lock-only"], { cwd: code });
    const context = stage(code, { document: { version: "0123", entrypoint: "src/index.js" } });
    const image = await images.build(context.path, builder);

    const { Config: config } = await images.inspect(image);
    expect(config).toMatchObject({
      User: "1000:1000",
      WorkingDir: "/function",
      Cmd: null,
      Entrypoint: instanceCommand("nodejs"),
      Labels: {
        "org.opencontainers.image.title": "orders",
        "org.opencontainers.image.version": "0123",
        "org.opencontainers.image.base.name": BASE_IMAGE,
        "fullcode.source-hash": context.hash,
      },
    });
    expect(config.Env).toContain("NODE_ENV=production");

    const program = `
      const { accessSync, constants, readdirSync, readFileSync } = require("node:fs");
      const { createRequire } = require("node:module");
      const resolves = (from, name) => { try { createRequire(from).resolve(name); return true; } catch { return false; } };
      const writable = (path) => { try { accessSync(path, constants.W_OK); return true; } catch { return false; } };
      console.log(JSON.stringify({
        user: [process.getuid(), process.getgid()],
        folder: process.cwd(),
        code: readdirSync(".").sort(),
        text: readFileSync("private.txt", "utf8"),
        multipart: resolves("/fullcode/runtime/node/main.js", "@fastify/busboy"),
        dependency: createRequire("/function/src/index.js")("ms")(1000),
        developmentDependency: resolves("/function/src/index.js", "is-number"),
        writable: [".", "src/index.js", "node_modules", "/fullcode/runtime/node/main.js"].filter(writable),
      }));`;
    expect(await images.evaluate(image, program)).toEqual({
      user: [1000, 1000],
      folder: "/function",
      code: ["node_modules", "package-lock.json", "package.json", "private.txt", "src"],
      text: "x",
      multipart: true,
      dependency: "1s",
      developmentDependency: false,
      writable: [],
    });
    // the runtime starts, and says what is missing outside of a pod
    await expect(images.run(image, instanceCommand("nodejs", { memoryMiB: 128 }))).rejects.toThrow(
      "FULLCODE_INSTANCE is not set",
    );
    expect(await images.contains(image, TOKEN)).toBe(false);
    expect(await images.contains(image, "org.opencontainers.image.title")).toBe(true);
  });

  test.each([
    ["scratch", "an image with nothing in it"],
    [BASE_IMAGE, "the image that Node.js comes from"],
  ])("a custom runtime's agent starts on %s: %s", async (baseImage) => {
    const bootstrap = { text: "#!/bin/sh\n", mode: 0o744 };
    const code = codeFolder({ bootstrap, "data.txt": "x" });
    const image = await images.build(stage(code, { baseImage, document: { runtime: "custom" } }).path, builder);
    const program = `
      const { readdirSync, statSync } = require("node:fs");
      const mode = (path) => (statSync(path).mode & 0o777).toString(8);
      require("node:dns").lookup("localhost", { all: true }, (error, addresses) => console.log(JSON.stringify({
        user: process.getuid(),
        code: readdirSync(".").map((path) => path + " " + mode(path)),
        multipart: require("node:module").createRequire("/fullcode/runtime/agent/main.js").resolve("@fastify/busboy"),
        environment: Object.keys(process.env).filter((name) => /^(LD_|NODE_|FULLCODE)/.test(name)),
        lookup: error?.message ?? addresses.map(({ address }) => address).includes("127.0.0.1"),
      })));`;
    expect(await images.evaluate(image, program, AGENT_NODE)).toEqual({
      user: 1000,
      code: ["bootstrap 755", "data.txt 644"],
      multipart: "/fullcode/runtime/node_modules/@fastify/busboy/index.js",
      environment: baseImage === "scratch" ? [] : (expect.not.arrayContaining(["LD_LIBRARY_PATH"]) as unknown),
      lookup: true,
    });
    await expect(images.run(image, instanceCommand("custom"))).rejects.toThrow("FULLCODE_INSTANCE is not set");
    const { Config: config } = await images.inspect(image);
    expect(config).toMatchObject({ User: "1000:1000", WorkingDir: "/function", Entrypoint: instanceCommand("custom") });
  });

  test("a variable that the installation has is nowhere in the image", async () => {
    const { stdout } = await run("npm", ["config", "get", "registry"]);
    const code = await dependentFolder(
      { ...HANDLER, ".npmrc": `registry=${stdout.trim()}\n//registry.example.com/:_authToken=\${NPM_TOKEN}\n` },
      { ...MANIFEST, scripts: { postinstall: "node -e 'process.exit(process.env.NPM_TOKEN ? 0 : 1)'" } },
    );
    await run("npm", ["install", "--package-lock-only", "--ignore-scripts"], { cwd: code });
    const context = stage(code, { secrets: { names: ["NPM_TOKEN"], by: "argument" } });
    // without the token its script fails, so that the installation must have had it
    await expect(images.build(context.path, builder)).rejects.toThrow();
    const image = await images.build(context.path, builder, { NPM_TOKEN: TOKEN });
    expect(await images.contains(image, TOKEN)).toBe(false);
  });

  test("the gateway's image has the gateway", async () => {
    const context = stageGatewayImage({ projectFolder: project(), stack: "dev", baseImage: BASE_IMAGE });
    const image = await images.build(context.path, builder);
    expect(await images.run(image, ["node", "--check", "/fullcode/gateway/main.js"])).toBe("");
    const { Config: config } = await images.inspect(image);
    expect(config).toMatchObject({
      User: "1000:1000",
      Labels: { "org.opencontainers.image.title": "fullcode-gateway" },
    });
    // it starts, and says what is missing outside of a pod
    await expect(images.run(image, config.Entrypoint)).rejects.toThrow("FULLCODE_GATEWAY");
  });
});

test.each<[string, object, string[]]>([
  ["pnpm", {}, ["--package=pnpm@10", "pnpm", "install", "--lockfile-only"]],
  [
    "the pnpm that is named",
    { packageManager: "pnpm@9.15.4" },
    ["--package=pnpm@9.15.4", "pnpm", "install", "--lockfile-only"],
  ],
  ["Yarn 1", {}, ["--package=yarn@1.22.22", "yarn", "install", "--ignore-scripts"]],
  ["Yarn 4", {}, ["--package=@yarnpkg/cli-dist@4", "yarn", "install", "--mode=update-lockfile"]],
  [
    "the Yarn 4 that is named",
    { packageManager: "yarn@4.9.2" },
    ["--package=@yarnpkg/cli-dist@4.9.2", "yarn", "install", "--mode=update-lockfile"],
  ],
])("dependencies are installed by %s", async (_manager, fields, [packageOption, ...command]) => {
  const scripts = { prepare: "no-such-command" };
  const code = await dependentFolder(HANDLER, { ...MANIFEST, ...fields, scripts });
  const env = { ...process.env, YARN_ENABLE_IMMUTABLE_INSTALLS: "false", YARN_ENABLE_TELEMETRY: "0" };
  await run("npm", ["exec", "--yes", packageOption, "--", ...command], { cwd: code, env });
  const image = await images.build(stage(code).path);
  const program = `
    const find = (name) => { try { return require.resolve(name) && require(name); } catch { return "missing"; } };
    console.log(JSON.stringify([find("ms")?.(1000), find("is-number")]));`;
  expect(await images.evaluate(image, program)).toEqual(["1s", "missing"]);
  expect(await images.contains(image, TOKEN)).toBe(false);
});

test("scripts of an installation run beside the code, and what they make is in the image", async () => {
  const code = await dependentFolder(
    {
      ...HANDLER,
      "generate.js": 'require("node:fs").writeFileSync("generated.txt", require("local"));',
      "vendor/local/package.json": '{ "name": "local", "version": "1.0.0" }',
      "vendor/local/index.js": 'module.exports = "made by a script";',
    },
    {
      dependencies: { local: "file:./vendor/local" },
      scripts: { postinstall: "node generate.js", prepare: "no-such" },
    },
  );
  await run("npm", ["install", "--package-lock-only", "--ignore-scripts"], { cwd: code });
  const image = await images.build(stage(code).path);
  expect(await images.run(image, ["cat", "/function/generated.txt"])).toBe("made by a script");
  expect(await images.contains(image, TOKEN)).toBe(false);
});

test("a function in TypeScript is loaded with its dependencies, and an error names its source", async () => {
  const code = await dependentFolder({
    "src/index.ts": `import ms from "ms";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "./fail";

export default (): unknown[] => [ms(60_000), readFileSync(join(__dirname, "../note.txt"), "utf8"), fail().split("\\n")[1]];
`,
    "src/fail.ts": "interface Unused {}\nexport const fail = (): string => new Error('x').stack ?? '';\n",
    "note.txt": "a note",
  });
  await run("npm", ["install", "--package-lock-only"], { cwd: code });
  const context = stage(code, { document: { entrypoint: "src/index.ts" } });
  const image = await images.build(context.path);
  const program = `console.log(JSON.stringify(require("/function/${context.entrypoint}").default()))`;
  expect(await images.evaluate(image, program, ["node", "--enable-source-maps"])).toEqual([
    "1m",
    "a note",
    expect.stringContaining("/function/src/fail.ts:2:") as string,
  ]);
});

test("a copy of a function elsewhere is the same image, a changed one another, both by their digests", async () => {
  const code = codeFolder({ "src/index.js": "module.exports = 1;\n" });
  const copy = codeFolder({});
  cpSync(code, copy, { recursive: true });
  const [context, again] = [stage(code), stage(copy, { projectFolder: codeFolder({}) })];
  const first = await images.build(context.path);
  const second = await images.build(again.path);
  expect((await images.inspect(second)).Id).toBe((await images.inspect(first)).Id);

  const repository = `${REGISTRY}/fullcode-test/orders`;
  await images.tag(first, `${repository}:${context.hash}`);
  await docker("push", "--quiet", `${repository}:${context.hash}`);
  const { RepoDigests: digests } = await images.inspect(first);
  const reference = digests.find((digest) => digest.startsWith(`${repository}@sha256:`));
  expect(reference).toBeDefined();
  await images.removeAll();
  expect(await images.run(reference!, ["cat", "src/index.js"])).toBe("module.exports = 1;");
  await docker("image", "rm", "--force", reference!);

  const changed = stage(codeFolder({ "src/index.js": "module.exports = 2;\n" }));
  expect(changed.hash).not.toBe(context.hash);
  expect(dockerfileOf(changed)).not.toBe(dockerfileOf(context));
});
