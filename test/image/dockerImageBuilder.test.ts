import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import * as pulumi from "@pulumi/pulumi";

import { type BuiltImage, dockerImageBuilder, type ImageBuilder, type ImageRequest } from "../../src/image";
import { codeFolder, removeCodeFolders } from "../support/codeFolder";
import { declareProgram, unwrapSecret } from "../support/declareProgram";
import { stageImage } from "../support/stagedImage";
import { temporaryFolder } from "../support/temporaryFolder";

const run = promisify(execFile);
const project = temporaryFolder();
const cwd = process.cwd();
afterEach(() => {
  process.chdir(cwd);
  removeCodeFolders();
});

const REPOSITORY = "registry.example.com/shop/orders";
const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

function stage(files: Record<string, string> = {}, { secrets }: Pick<ImageBuilder, "secrets"> = {}) {
  return stageImage({ projectFolder: project(), code: codeFolder({ "src/index.js": "", ...files }), secrets });
}

/** Registers one image; what it becomes has this `repoDigest`. */
async function build(
  request: Omit<ImageRequest, "repository"> & { repository?: string },
  builder = dockerImageBuilder(),
  repoDigest = `${REPOSITORY}@${DIGEST}`,
) {
  let image: BuiltImage | undefined;
  const { resources, outputs } = await declareProgram(
    () => {
      image = builder.build("orders", { repository: REPOSITORY, ...request }, {});
      return { ...image };
    },
    { outputs: { "docker:index/image:Image": { repoDigest } } },
  );
  const [resource, ...others] = resources.filter(({ type }) => type !== "pulumi:pulumi:Stack");
  expect(others).toEqual([]);
  return { resource, outputs };
}

test("an image is a docker.Image of its context, with the context's hash as tag", async () => {
  process.chdir(project());
  const context = stage();
  const { resource, outputs } = await build({ context });
  expect(resource).toMatchObject({ type: "docker:index/image:Image", name: "orders" });
  expect(resource.inputs).toEqual({
    imageName: `${REPOSITORY}:${context.hash}`,
    build: { context: context.folder, dockerfile: `${context.folder}/Dockerfile`, platform: "linux/amd64" },
    buildOnPreview: false,
    skipPush: false,
  });
  expect(outputs).toEqual({ reference: `${REPOSITORY}@${DIGEST}`, digest: DIGEST });
});

test("an unchanged function registers the same, a changed one another tag and folder", async () => {
  process.chdir(project());
  const inputs = async (text: string) => (await build({ context: stage({ "a.txt": text }) })).resource.inputs;
  const first = await inputs("1");
  expect(await inputs("1")).toEqual(first);
  const second = await inputs("2");
  expect(second.imageName).not.toBe(first.imageName);
  expect(second.build).not.toEqual(first.build);
});

test("the context is relative to the program's folder, which may be below the project's", async () => {
  const program = join(project(), "infrastructure/src");
  mkdirSync(program, { recursive: true });
  process.chdir(program);
  const context = stage();
  const { resource } = await build({ context, platform: "linux/arm64" });
  expect(resource.inputs.build).toEqual({
    context: `../../${context.folder}`,
    dockerfile: `../../${context.folder}/Dockerfile`,
    platform: "linux/arm64",
  });
});

test.each([
  ["registry.example.com/shop/orders", undefined, "registry.example.com"],
  ["localhost:5000/orders", undefined, "localhost:5000"],
  ["localhost/orders", undefined, "localhost"],
  ["acme/orders", undefined, "docker.io"],
  ["orders", undefined, "docker.io"],
  ["registry.example.com/shop/orders", "https://login.example.com", "https://login.example.com"],
])("credentials for %s are sent with a secret password", async (repository, server, expected) => {
  const credentials = { server, username: "ci", password: pulumi.output("pa55word") };
  const { resource } = await build({ repository, context: stage(), credentials });
  const registry = resource.inputs.registry as Record<string, unknown>;
  expect(registry).toMatchObject({ server: expected, username: "ci" });
  expect(unwrapSecret(registry.password)).toBe("pa55word");
});

test("secrets are secret arguments of the builds that install something, and part of no context", async () => {
  const builder = dockerImageBuilder({ secrets: { NPM_TOKEN: "t0ken", UNSET: undefined } });
  const manifest = { "package.json": '{ "dependencies": { "ms": "2" } }', "package-lock.json": "{}" };
  const context = stage(manifest, builder);
  const { resource } = await build({ context }, builder);
  const { args } = resource.inputs.build as { args: Record<string, unknown> };
  expect(Object.keys(args)).toEqual(["NPM_TOKEN"]);
  expect(unwrapSecret(args.NPM_TOKEN)).toBe("t0ken");
  expect(JSON.stringify({ ...resource.inputs, build: null })).not.toContain("t0ken");
  expect(stage(manifest, dockerImageBuilder({ secrets: { NPM_TOKEN: "another" } })).hash).toBe(context.hash);

  const { resource: other } = await build({ context: stage({}, builder) }, builder);
  expect(other.inputs.build).not.toHaveProperty("args");
});

test("a secret that no variable can be named after is an error", () => {
  expect(() => dockerImageBuilder({ secrets: { "NPM-TOKEN": "t0ken" } })).toThrow(
    'dockerImageBuilder: secrets: "NPM-TOKEN" is no name of a variable, such as "NPM_TOKEN"',
  );
});

test("arguments and options can be changed before they are registered", async () => {
  const builder = dockerImageBuilder({
    transform: (args, options) => {
      args.build.network = "host";
      options.aliases = [{ name: "old" }];
    },
  });
  const { resource } = await build({ context: stage() }, builder);
  expect(resource.inputs.build).toMatchObject({ network: "host", platform: "linux/amd64" });
});

test("an image that a transform sends to another repository is used from there", async () => {
  const pushed = `mirror.example.com:5000/orders@${DIGEST}`;
  const builder = dockerImageBuilder({
    transform: (args) => {
      args.imageName = "mirror.example.com:5000/orders:latest";
    },
  });
  const { resource, outputs } = await build({ context: stage() }, builder, pushed);
  expect(resource.inputs.imageName).toBe("mirror.example.com:5000/orders:latest");
  expect(outputs).toEqual({ reference: pushed, digest: DIGEST });
});

test.each([
  ["no digest, and no reference that moves", "registry.example.com/orders:latest"],
  ["the id of this machine's copy, which no registry knows", DIGEST],
])("an image with %s is an error", async (_what, repoDigest) => {
  const script = `
    const pulumi = require("@pulumi/pulumi");
    const { dockerImageBuilder } = require("./dist/image");
    const repoDigest = ${JSON.stringify(repoDigest)};
    pulumi.runtime
      .setMocks({ newResource: ({ name }) => ({ id: name, state: { repoDigest } }), call: () => ({}) })
      .then(() => {
        const context = { path: process.cwd(), hash: "0", secrets: [] };
        dockerImageBuilder().build("orders", { repository: "registry.example.com/orders", context }, {});
      });`;
  const program = run(process.execPath, ["-e", script], { cwd: join(__dirname, "../..") });
  await expect(program).rejects.toThrow(
    `the image was built, but its registry returned no digest for it: "${repoDigest}"`,
  );
});

test("@pulumi/docker that is not installed is an error that says what to install", () => {
  jest.isolateModules(() => {
    jest.doMock("@pulumi/docker", () => {
      throw Object.assign(new Error("Cannot find module '@pulumi/docker'"), { code: "MODULE_NOT_FOUND" });
    });
    const { dockerImageBuilder: isolated } = jest.requireActual<typeof import("../../src/image")>("../../src/image");
    const context = stage();
    expect(() => isolated().build("orders", { repository: REPOSITORY, context }, {})).toThrow(
      "images are built by the package @pulumi/docker, which is not installed; run `npm install @pulumi/docker`",
    );
  });
});
