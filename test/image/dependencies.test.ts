import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import type { BuildSecrets } from "../../src/image";
import { codeFolder, type FileSpec, removeCodeFolders } from "../support/codeFolder";
import { dockerfileOf, listFiles, stageImage } from "../support/stagedImage";
import { temporaryFolder } from "../support/temporaryFolder";

const project = temporaryFolder();
afterEach(removeCodeFolders);

const DEPENDENCIES = { dependencies: { ms: "2.1.3" }, devDependencies: { jest: "30" } };

/** Stages a function with these fields in its package.json, beside these files. */
function stage(manifest: object, files: Record<string, FileSpec> = {}, secrets?: BuildSecrets) {
  const code = codeFolder({ "src/index.js": "", "package.json": JSON.stringify(manifest), ...files });
  const context = stageImage({ projectFolder: project(), code, secrets });
  const [install = ""] = /^RUN .*$/m.exec(dockerfileOf(context)) ?? [];
  return { ...context, code, install, manifests: listFiles(context.path).filter((path) => path.startsWith("manif")) };
}

const AFTERWARDS = " && mkdir -p node_modules && chmod -R a+rX node_modules";
const NPM = "--omit=dev --no-audit --no-fund --no-update-notifier";

test("are installed in a stage of their own, before the code is copied", () => {
  const { hash, ...context } = stage(DEPENDENCIES, { "package-lock.json": "{}", ".npmrc": "registry=x" });
  expect(dockerfileOf(context)).toBe(`FROM node:22-slim AS fullcode-dependencies
USER 0:0
WORKDIR /function
ENV CI=true
COPY manifests/ ./
RUN npm ci ${NPM}${AFTERWARDS}

FROM node:22-slim
COPY fullcode/ /fullcode/
WORKDIR /function
COPY --from=fullcode-dependencies /function/node_modules/ /function/node_modules/
COPY code/ /function/
ENV NODE_ENV=production
LABEL org.opencontainers.image.title="orders" \\
      org.opencontainers.image.version="v1" \\
      org.opencontainers.image.base.name="node:22-slim" \\
      fullcode.source-hash="${hash}"
USER 1000:1000
ENTRYPOINT ["node","--enable-source-maps","/fullcode/runtime/node/main.js"]
`);
  expect(context.manifests).toEqual(["manifests/.npmrc", "manifests/package-lock.json", "manifests/package.json"]);
  expect(listFiles(join(context.path, "code"))).toEqual(["package-lock.json", "package.json", "src/index.js"]);
  expect(context.warnings).toEqual([]);
});

test.each<[string, object, string, string, string]>([
  ["npm-shrinkwrap.json", {}, "npm-shrinkwrap.json", "{}", `npm ci ${NPM}`],
  [
    "pnpm-lock.yaml",
    {},
    "pnpm-lock.yaml",
    "lockfileVersion: '9.0'\n",
    "npm exec --yes --package=pnpm@10 -- pnpm install --frozen-lockfile --prod",
  ],
  [
    "an older pnpm-lock.yaml",
    {},
    "pnpm-lock.yaml",
    "lockfileVersion: '6.0'\n",
    "npm exec --yes --package=pnpm@8 -- pnpm install --frozen-lockfile --prod",
  ],
  [
    "pnpm-lock.yaml and the version of pnpm",
    { packageManager: "pnpm@9.15.4+sha512.abc" },
    "pnpm-lock.yaml",
    "lockfileVersion: '9.0'\n",
    "npm exec --yes --package=pnpm@9.15.4 -- pnpm install --frozen-lockfile --prod",
  ],
  [
    "yarn.lock of Yarn 1",
    {},
    "yarn.lock",
    "# yarn lockfile v1\n",
    "npm exec --yes --package=yarn@1.22.22 -- yarn install --frozen-lockfile --production --non-interactive --no-progress",
  ],
  [
    "yarn.lock of a later Yarn",
    { packageManager: "yarn@3.8.7" },
    "yarn.lock",
    "__metadata:\n  version: 6\n",
    "YARN_IGNORE_PATH=1 YARN_NODE_LINKER=node-modules YARN_ENABLE_TELEMETRY=0 npm exec --yes --package=@yarnpkg/cli-dist@4 -- yarn workspaces focus --production",
  ],
])("are installed by %s", (_what, fields, lockFile, text, command) => {
  const { install, manifests, warnings } = stage({ ...DEPENDENCIES, ...fields }, { [lockFile]: text });
  expect(install).toBe(`RUN ${command}${AFTERWARDS}`);
  expect(manifests).toEqual([`manifests/${lockFile}`, "manifests/package.json"].sort());
  expect(warnings).toEqual([]);
});

test("are checked against the lock file by the release of Yarn that package.json names", () => {
  const fields = { ...DEPENDENCIES, packageManager: "yarn@4.9.2" };
  const { install, manifests } = stage(fields, {
    "yarn.lock": "__metadata:\n  version: 8\n",
    ".yarnrc.yml": "",
    ".yarn/patches/ms.patch": "",
    ".yarn/releases/yarn-4.9.2.cjs": "",
    ".yarn/install-state.gz": "of this machine",
  });
  expect(install).toMatch(
    /^RUN cp yarn\.lock .*cli-dist@4\.9\.2 -- yarn install --mode=update-lockfile && \(cmp .*focus/,
  );
  expect(manifests).toEqual([
    "manifests/.yarn/patches/ms.patch",
    "manifests/.yarnrc.yml",
    "manifests/package.json",
    "manifests/yarn.lock",
  ]);
});

test("are the newest ones without a lock file, which is said", () => {
  const { install, warnings } = stage(DEPENDENCIES);
  expect(install).toBe(`RUN npm install --no-package-lock ${NPM}${AFTERWARDS}`);
  expect(warnings).toEqual([expect.stringContaining("there is no package-lock.json, pnpm-lock.yaml or yarn.lock")]);
});

test("are installed by the package manager that package.json names where there are several lock files", () => {
  const lockFiles = { "package-lock.json": "{}", "yarn.lock": "# yarn lockfile v1\n" };
  const unclear = stage(DEPENDENCIES, lockFiles);
  expect(unclear.install).toContain("npm ci");
  expect(unclear.warnings).toEqual([
    'dependencies are installed by "package-lock.json"; "yarn.lock" beside it is not used: remove one, or name the package manager in package.json\'s `packageManager`',
  ]);
  const named = stage({ ...DEPENDENCIES, packageManager: "yarn@1.22.19" }, lockFiles);
  expect(named.install).toContain("--package=yarn@1.22.19 ");
  expect(named.warnings).toEqual([]);
});

test("are no stage where there are none", () => {
  for (const manifest of [{}, { dependencies: {} }]) {
    const { install, code, path } = stage(manifest, { "node_modules/ms/index.js": "", "package-lock.json": "{}" });
    expect(install).toBe("");
    expect(listFiles(join(path, "code"))).toEqual(listFiles(code));
  }
});

test("for development are neither installed nor shipped", () => {
  const { install, path } = stage({ devDependencies: { jest: "30" } }, { "node_modules/jest/index.js": "" });
  expect(install).toBe("");
  expect(listFiles(join(path, "code"))).toEqual(["package.json", "src/index.js"]);
});

test.each([
  { optionalDependencies: { sharp: "0.34" } },
  { peerDependencies: { zod: "4" } },
  { workspaces: ["packages/*"] },
])("are installed of every section for production: %j", (manifest) => {
  const { install, path } = stage(manifest, { "node_modules/x/index.js": "", "package-lock.json": "{}" });
  expect(install).toContain("RUN npm ci");
  expect(listFiles(join(path, "code"))).toEqual(["package-lock.json", "package.json", "src/index.js"]);
});

describe("of an entrypoint in TypeScript", () => {
  /** The file that instances load, of an entrypoint that imports the package "it". */
  const bundleOf = (manifest: object, files: Record<string, FileSpec>) => {
    const code = codeFolder({
      "src/index.ts": 'import it from "it"; export default it;',
      "package.json": JSON.stringify(manifest),
      "node_modules/it/index.js": "module.exports = 'bundled';",
      ...files,
    });
    const document = { entrypoint: "src/index.ts" };
    const { path, entrypoint = "" } = stageImage({ projectFolder: project(), code, document });
    return readFileSync(join(path, "code", entrypoint), "utf8");
  };

  test.each<[string, object, Record<string, FileSpec>]>([
    ["is named in package.json", { dependencies: { it: "file:./lib" } }, { "lib/index.ts": "" }],
    [
      "is of the workspace",
      { dependencies: { it: "*" }, workspaces: ["packages/*"] },
      { "packages/a/package.json": '{ "name": "it", "main": "index.ts" }', "packages/a/index.ts": "" },
    ],
  ])("are bundled where Node.js cannot load them: a package in TypeScript that %s", (_what, manifest, files) => {
    const inTypeScript = Object.keys(files).filter((path) => path.endsWith(".ts"));
    const sources = Object.fromEntries(inTypeScript.map((path) => [path, 'export default "bundled" as string;']));
    const bundle = bundleOf(manifest, { "package-lock.json": "{}", ...files, ...sources });
    expect(bundle).toContain('"bundled"');
    expect(bundle).not.toContain('require("it")');
  });

  const PEER = { peerDependencies: { it: "1" } };
  const OPTIONAL_PEER = { ...PEER, peerDependenciesMeta: { it: { optional: true } } };
  const PNPM = "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: ";
  test.each<[boolean, string, object, Record<string, string>]>([
    [true, "npm", PEER, { "package-lock.json": "{}" }],
    [false, "npm where they are optional", OPTIONAL_PEER, { "package-lock.json": "{}" }],
    [true, "pnpm", PEER, { "pnpm-lock.yaml": `${PNPM}true\n` }],
    [false, "pnpm where it is told not to", PEER, { "pnpm-lock.yaml": `${PNPM}false\n` }],
    [false, "pnpm 7", PEER, { "pnpm-lock.yaml": "lockfileVersion: 5.4\n" }],
    [false, "Yarn 1", PEER, { "yarn.lock": "# yarn lockfile v1\n" }],
    [false, "a later Yarn", PEER, { "yarn.lock": "__metadata:\n  version: 8\n" }],
  ])("are imported by name (%s) as peers with %s", (byName, _what, manifest, lockFile) => {
    const bundle = bundleOf({ dependencies: { ms: "2.1.3" }, ...manifest }, lockFile);
    expect(bundle.includes('require("it")')).toBe(byName);
    expect(bundle.includes("'bundled'") || bundle.includes('"bundled"')).toBe(!byName);
  });
});

test("are installed in the image that is named for it", () => {
  const code = codeFolder({ "src/index.js": "", "package.json": JSON.stringify(DEPENDENCIES) });
  const froms = (images: object) =>
    dockerfileOf(stageImage({ projectFolder: project(), code, ...images })).match(/(?<=^FROM )\S+/gm);
  expect(froms({ baseImage: "node:20-slim" })).toEqual(["node:20-slim", "node:20-slim"]);
  expect(froms({ baseImage: "node:20-slim", nodeImage: "node:20" })).toEqual(["node:20", "node:20-slim"]);
});

test("are installed without the scripts that are for development", () => {
  const { path, code } = stage({ ...DEPENDENCIES, scripts: { prepare: "husky", test: "jest" } });
  expect(JSON.parse(readFileSync(join(path, "manifests/package.json"), "utf8"))).toEqual(DEPENDENCIES);
  expect(readFileSync(join(path, "code/package.json"), "utf8")).toBe(readFileSync(join(code, "package.json"), "utf8"));
});

test.each<[string, object, Record<string, FileSpec>]>([
  ["a script of the installation", { scripts: { postinstall: "node generate.js" } }, {}],
  ["a package in the folder", { dependencies: { local: "file:./vendor/local" } }, {}],
  ["a workspace", { workspaces: ["packages/*"] }, {}],
  ["patches of pnpm", { pnpm: { patchedDependencies: { ms: "x" } } }, { "pnpm-lock.yaml": "lockfileVersion: '9.0'" }],
  [
    "a workspace of pnpm",
    {},
    { "pnpm-lock.yaml": "lockfileVersion: '9.0'", "pnpm-workspace.yaml": "packages:\n  - a\n" },
  ],
])("are installed beside the code where they need it: %s", (_what, fields, files) => {
  const dockerfile = dockerfileOf(stage({ ...DEPENDENCIES, ...fields }, files));
  expect(dockerfile).toContain("COPY code/ ./\nCOPY manifests/ ./\nRUN ");
  expect(dockerfile).toContain(
    " && mkdir -p node_modules && rm -rf .yarn .npmrc .yarnrc .yarnrc.yml && chmod -R a+rX .\n",
  );
  expect(dockerfile).toContain("COPY --from=fullcode-dependencies /function/ /function/\nCOPY code/ /function/\n");
});

test.each(["file:../shared", "link:/opt/shared", "../shared", "workspace:*", "file:./a/../../shared"])(
  "that are outside of the folder are refused: %s",
  (version) => {
    const manifest = { dependencies: { ms: "2.1.3", "@acme/shared": version } };
    expect(() => stage(manifest)).toThrow(
      `package.json" depends on "@acme/shared": "${version}", which is outside of the function's folder`,
    );
  },
);

describe("that need a credential", () => {
  const NPMRC = "registry=https://npm.example.com/\n//npm.example.com/:_authToken=${NPM_TOKEN}\n; ${UNUSED}\n";
  const files = { "package-lock.json": "{}", ".npmrc": NPMRC };
  const given = { names: ["NPM_TOKEN"], by: "argument" } as const;
  const stages = (context: { path: string }) => dockerfileOf(context).split("\nFROM ");

  test("have it as an argument of the stage that installs, and of no other", () => {
    const context = stage(DEPENDENCIES, files, given);
    const [install, image] = stages(context);
    expect(install).toContain("COPY manifests/ ./\nARG NPM_TOKEN\nRUN npm ci");
    expect(image).not.toMatch(/ARG|NPM_TOKEN/);
    expect(context).toMatchObject({ secrets: ["NPM_TOKEN"], warnings: [] });
  });

  test("have it by a mount where the builder has those", () => {
    const context = stage(DEPENDENCIES, files, { ...given, by: "mount" });
    expect(context.install).toMatch(
      /^RUN --mount=type=secret,id=NPM_TOKEN export NPM_TOKEN="\$\(cat \/run\/secrets\/NPM_TOKEN\)" && npm ci /,
    );
    expect(dockerfileOf(context)).not.toContain("ARG");
  });

  test("have what the builder gives without a mention in a file, as scripts of the installation may use it", () => {
    const context = stage(DEPENDENCIES, { "package-lock.json": "{}" }, given);
    expect(stages(context)[0]).toContain("ARG NPM_TOKEN\nRUN");
  });

  test("have nothing to do with functions that install nothing", () => {
    const context = stage({}, files, given);
    expect(dockerfileOf(context)).not.toContain("NPM_TOKEN");
    expect(context).toMatchObject({ secrets: [], warnings: [] });
  });

  test.each([".npmrc", ".yarnrc.yml"])("are warned of where nobody gives what %s names", (file) => {
    const named = "a=${NPM_TOKEN}\nb=${NPM_TOKEN}\nc=${HOME}\nd=${OPTIONAL:-none}\ne=${OPTIONAL?}\n# ${UNUSED}\n";
    const { warnings, path } = stage(DEPENDENCIES, { "yarn.lock": "# yarn lockfile v1\n", [file]: named });
    expect(warnings).toEqual([
      `"${file}" names the variable NPM_TOKEN, which nobody gives to the image's build: packages that need it cannot be installed; give it by \`imageBuilder: dockerImageBuilder({ secrets: { NPM_TOKEN: … } })\``,
    ]);
    expect(dockerfileOf({ path }).match(/^ARG .*$/gm)).toEqual(["ARG NPM_TOKEN", "ARG OPTIONAL"]);
  });

  test.each([
    [".npmrc", "//npm.example.com/:_authToken=abc\n"],
    [".npmrc", "_auth = abc\n"],
    [".yarnrc", '"//npm.example.com/:_authToken" "abc"\n'],
    [".yarnrc.yml", "npmAuthToken: abc\n"],
  ])("in %s itself are staged for their owner only, and warned of: %j", (file, text) => {
    const { warnings, path } = stage(DEPENDENCIES, { "yarn.lock": "# yarn lockfile v1\n", [file]: text });
    expect(warnings).toEqual([expect.stringContaining(`"${file}" holds a credential: `) as string]);
    expect(statSync(join(path, "manifests", file)).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, "manifests/yarn.lock")).mode & 0o777).toBe(0o644);
  });
});
