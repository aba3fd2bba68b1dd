import { existsSync } from "node:fs";
import { join } from "node:path";

import { evaluate, type Evaluation } from "../../../src/cli/evaluator/evaluate";
import { readProject } from "../../../src/cli/project/project";
import { REPOSITORY, writeFiles, writeProject } from "../../support/project";
import { temporaryFolder } from "../../support/temporaryFolder";

const folder = temporaryFolder();
const environment = { ...process.env };
afterEach(() => {
  process.env = { ...environment };
});

const FUNCTION = { "fn/package.json": "{}", "fn/src/index.js": "module.exports = (req, res) => res.send('');" };
const HEAD = `
  import * as pulumi from "@pulumi/pulumi";
  import { CronTrigger, EndpointTrigger, Environment, FullCodeFunction, local, ServerlessApp } from "fullcode";
  const config = new pulumi.Config();
`;
const APP = `
  const app = new ServerlessApp("shop", { params: { key: config.getSecret("key") ?? "none" } });
  const environment = new Environment("test", { app, type: "test", regions: { here: local({ port: 5101 }) } });
  const fn = new FullCodeFunction("fn", { app, environments: [environment], code: "./fn" });
  new EndpointTrigger("get", { function: fn, method: "GET", path: "/" });
`;
/** A resource of another package, whose outputs are known after a deployment only. */
const FOREIGN = `
  class Database extends pulumi.CustomResource {
    declare readonly password: pulumi.Output<string>;
    constructor(name: string, opts?: pulumi.CustomResourceOptions) {
      super("other:index:Database", name, { size: 1, password: undefined }, opts);
    }
  }
  class Group extends pulumi.ComponentResource {
    constructor(name: string) { super("my:index:Group", name); }
  }
  const database = new Database("db", { parent: new Group("data") });
`;

async function run(program: string | Record<string, string>, lines: string[] = []): Promise<Evaluation> {
  const files = typeof program === "string" ? { "index.ts": program } : program;
  await writeProject(folder(), { ...FUNCTION, ...files });
  return again(lines);
}

async function again(lines: string[] = []): Promise<Evaluation> {
  return evaluate({
    project: await readProject(folder()),
    stack: "dev",
    onOutput: (line) => lines.push(line),
    evaluator: join(REPOSITORY, "dist/cli/evaluator/evaluatorProcess.js"),
  });
}

const contents = ({ files }: Evaluation) =>
  Object.fromEntries(files.map((file) => [`${file.folder}/${file.file}`, file.content]));

test("configuration that is missing can be set in the project or for this machine", async () => {
  await expect(run(`${HEAD}config.require("stripeKey");`)).rejects.toThrow(
    /^Missing required configuration variable 'shop:stripeKey'\n.*`pulumi config set shop:stripeKey <value>`,\n.*"stripeKey=<value>" in \.env\.dev\n {2}at index\.ts:\d+/,
  );
});

test("a program becomes the files of its local regions", async () => {
  const lines: string[] = [];
  const evaluation = await run(
    {
      "index.ts": `${HEAD} import { path } from "./lib/path";
        ${APP}
        new CronTrigger("nightly", { function: fn, schedule: "0 2 * * *" });
        new EndpointTrigger("more", { function: fn, method: "GET", path });
        void pulumi.log.warn("careful");
        console.log("in", pulumi.getProject(), pulumi.getStack(), process.cwd());
        export const urls = environment.urls;
        export const secret = config.requireSecret("key");`,
      "lib/path.ts": `export const path = "/more";`,
      "Pulumi.dev.yaml": "config: { shop:key: { secure: x } }",
      ".env.dev": "key=k-1",
    },
    lines,
  );
  const region = ".fullcode/dev/test/here";
  expect(Object.keys(contents(evaluation)).sort()).toEqual([
    `${region}/cron.nightly.json`,
    `${region}/function.fn.json`,
    `${region}/region.json`,
    `${region}/route.get.json`,
    `${region}/route.more.json`,
    `${region}/secrets/params.json`,
  ]);
  expect(contents(evaluation)).toMatchObject({
    [`${region}/region.json`]: { kind: "Region", port: 5101, url: "http://localhost:5101" },
    [`${region}/function.fn.json`]: { kind: "Function", code: "fn" },
    [`${region}/secrets/params.json`]: { key: "k-1" },
  });
  expect(evaluation.outputs).toEqual({ urls: { here: "http://localhost:5101" }, secret: "[secret]" });
  expect(evaluation.sources.sort()).toEqual([join(folder(), "index.ts"), join(folder(), "lib/path.ts")]);
  expect(lines.sort()).toEqual([`in shop dev ${folder()}`, "warning: careful"]);
});

test("nothing is staged for images of regions in clusters, whose functions need not even compile", async () => {
  const program = `
    import { Environment, FullCodeFunction, kubernetes, local, ServerlessApp } from "fullcode";
    const app = new ServerlessApp("shop");
    const regions = { here: local(), eu: kubernetes({ registry: "registry.example.com/shop" }) };
    const environment = new Environment("test", { app, type: "test", regions });
    const code = { code: "./fn", entrypoint: "src/index.ts" };
    const fn = new FullCodeFunction("fn", { app, environments: [environment], ...code });
    export const digests = fn.imageDigest;`;
  const evaluation = await run({ "index.ts": program, "fn/src/index.ts": "const x: = 1;" });
  expect(evaluation.remoteRegions).toEqual(["test.eu"]);
  expect(evaluation.outputs).toEqual({ digests: "[known after a deployment]" });
  expect(Object.keys(contents(evaluation))).toContain(".fullcode/dev/test/here/function.fn.json");
  expect(existsSync(join(folder(), ".fullcode/dev/images"))).toBe(false);
});

test("variables and an agency are secret files", async () => {
  const program = `${HEAD} ${APP}
    const secretKey = config.requireSecret("secretKey");
    const agency = { accessKey: "AK", secretKey };
    const custom = { app, environments: [environment], code: "./fn", runtime: "custom" as const };
    new FullCodeFunction("custom", { ...custom, variables: { KEY: secretKey }, agency });`;
  const files = contents(await run({ "index.ts": program, ".env.dev": "secretKey=s3cret" }));
  expect(files).toMatchObject({
    ".fullcode/dev/test/here/secrets/variables.custom.json": { KEY: "s3cret" },
    ".fullcode/dev/test/here/secrets/agency.custom.json": { accessKey: "AK", secretKey: "s3cret" },
  });
});

test("programs may be async functions, ES modules and JavaScript, and may leave timers behind", async () => {
  const { files, outputs } = await run({
    "package.json": '{"type":"module"}',
    "index.js": `
      import { Environment, ServerlessApp } from "fullcode";
      await Promise.resolve();
      setInterval(() => {}, 1000);
      export default async () => {
        const environment = new Environment("test", { app: new ServerlessApp("shop"), type: "test" });
        return { url: environment.url, code: import.meta.filename };
      };`,
  });
  expect(files.map(({ file }) => file)).toContain("region.json");
  expect(outputs).toMatchObject({ code: join(folder(), "index.js") });
});

test.each<[string, string, RegExp]>([
  [
    "what the user's code throws",
    `${HEAD}\nfunction f() {\n  throw new TypeError("bad");\n}\nf();`,
    /^TypeError: bad\n {2}at index\.ts:7:9$/,
  ],
  ["a rejection", `${HEAD}\nPromise.reject(new Error("late"));`, /^late\n {2}at index\.ts:6:16$/],
  [
    "a component's problem",
    `${HEAD}\nnew ServerlessApp("Bad Name");`,
    /^ServerlessApp "Bad Name": name: [^\n]*\n {2}at index\.ts:6:1$/,
  ],
  [
    "an error with its cause",
    `throw new Error("no plan", { cause: new TypeError("bad", { cause: "why" }) });`,
    /^no plan\n {2}caused by TypeError: bad\n {2}caused by why\n {2}at index\.ts:1:7$/,
  ],
  ["a value that is not an error", `throw "text";`, /^The program threw text$/],
  [
    "a package that is not installed",
    `import x from "nowhere"; x();`,
    /^Cannot find module 'nowhere'\. Has "npm install" been run\?/,
  ],
  ["an end of the process", `process.exit(3);`, /^The program ended the process itself \(exit code 3\)\.$/],
  ["a missing setting", `${HEAD}\nconfig.require("size");`, /shop:size/],
  [
    "a provider's function",
    `${HEAD}\nexport const r = pulumi.runtime.invoke("aws:index:getRegion", {});`,
    /aws:index:getRegion cannot be called without the Pulumi engine/,
  ],
])("%s is one error with the user's own line", async (_, program, message) => {
  const failed = run(program);
  await expect(failed).rejects.toThrow(message);
  await expect(failed).rejects.toMatchObject({ name: "CliError" });
});

test("a syntax error is one error with its line", async () => {
  const failed = run("const a = 1;\nconst b = ;\n");
  await expect(failed).rejects.toThrow('index.ts:2:11: Unexpected ";"');
});

describe("a resource of another package", () => {
  const NEEDED = `${HEAD}${FOREIGN}${APP.replace('config.getSecret("key") ?? "none"', "database.password")}`;

  test("may be there without being needed", async () => {
    process.env.PULUMI_BACKEND_URL = `file://${folder()}/state`;
    const { outputs } = await run(`${HEAD}${FOREIGN}${APP} export const password = database.password;`);
    expect(outputs).toEqual({ password: "[known after a deployment]" });
  });

  test("is named where something needs its output before it is deployed", async () => {
    process.env.PULUMI_BACKEND_URL = `file://${folder()}/state`;
    await expect(run(NEEDED)).rejects.toThrow(
      /params\.json needs an output of other:index:Database "db" \(id, password\) .*there is no .*dev\.json.*pulumi up --stack dev/,
    );
  });

  test("has the outputs of the last deployment", async () => {
    const salt = "v1:twgZfMBBV7s=:v1:fC0A9WGx3a9A8Tyh:6SJvjpFRUHa8unIOgzRcwmKyopQNFA==";
    const secret = {
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      ciphertext: "v1:2jWemQhIUr0Dv/Yf:DHfvbE9EN037m0GvlK7+3lZB4YxADCBE",
    };
    const state = {
      version: 3,
      checkpoint: {
        latest: {
          secrets_providers: { type: "passphrase", state: { salt } },
          resources: [
            {
              urn: "urn:pulumi:dev::shop::my:index:Group$other:index:Database::db",
              id: "db-1",
              outputs: { size: 1, password: secret },
            },
          ],
        },
      },
    };
    process.env.PULUMI_BACKEND_URL = `file://${folder()}/state`;
    process.env.PULUMI_CONFIG_PASSPHRASE = "correct";
    await writeFiles(folder(), { "state/.pulumi/stacks/shop/dev.json": JSON.stringify(state) });
    expect(contents(await run(NEEDED))[".fullcode/dev/test/here/secrets/params.json"]).toEqual({ key: "s3cret" });

    delete process.env.PULUMI_CONFIG_PASSPHRASE;
    await expect(again()).rejects.toThrow(/its secrets are encrypted; set the passphrase/);
  });
});

test("regions on other platforms are named", async () => {
  const { remoteRegions } = await run(
    `${HEAD}${APP} new pulumi.ComponentResource("fullcode:index:Region", "live.eu");`,
  );
  expect(remoteRegions).toEqual(["live.eu"]);
});

test("an evaluation that is not wanted any more is ended", async () => {
  await writeProject(folder(), {
    "index.js": "setInterval(() => {}, 1000); module.exports = () => new Promise(() => {});",
  });
  const abort = new AbortController();
  const evaluation = evaluate({
    project: await readProject(folder()),
    stack: "dev",
    signal: abort.signal,
    onSources: () => setImmediate(() => abort.abort()),
    evaluator: join(REPOSITORY, "dist/cli/evaluator/evaluatorProcess.js"),
  });
  await expect(evaluation).rejects.toMatchObject({ name: "AbortError" });
});
