import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { CliProcess, stopCliProcesses } from "../support/cliProcess";
import { missingCommands } from "../support/commands";
import { freePorts } from "../support/freePorts";
import { call, type CallAnswer, type CallOptions } from "../support/httpClient";
import { REPOSITORY } from "../support/project";
import { editFile } from "../support/quickstartCopy";
import { waitUntil } from "../support/waitUntil";

const EXAMPLE = join(REPOSITORY, "examples", "custom-runtimes");
/** What compilers keep from one run to the next. */
const CACHE = join(REPOSITORY, "node_modules", ".cache", "custom-runtimes");
const BUILD_MS = 240_000;
const CHECKS_MS = 50_000;

interface Language {
  /** What it needs to be built and run here. */
  commands: string[];
  /** What its build.sh makes. */
  package: string;
  /** Name of the function that the checks of `fullcode conformance` speak to. */
  conformance: string;
}
const LANGUAGES: Record<string, Language> = {
  bash: { commands: ["bash", "curl", "jq"], package: "build", conformance: "conformance.conformance" },
  go: { commands: ["bash", "go"], package: "build", conformance: "conformance" },
  java: {
    commands: ["bash", "javac", "jar", "java"],
    package: "build/greeter.jar",
    conformance: "conformance.Conformance",
  },
  python: { commands: ["bash", "python3"], package: "build/greeter.zip", conformance: "conformance.conformance" },
  rust: { commands: ["bash", "cargo"], package: "build", conformance: "conformance" },
};
const missing = new Map(Object.entries(LANGUAGES).map(([name, { commands }]) => [name, missingCommands(commands)]));
const available = Object.keys(LANGUAGES).filter((language) => missing.get(language)!.length === 0);

let folder: string;
let url: string;
let dev: CliProcess;
/** The checks mostly wait, so that those of all languages run beside the tests. */
const checks = new Map<string, CliProcess>();

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "fullcode-examples-")));
  const [port] = await freePorts(1);
  await copyExample(port);
  for (const language of available) await build(language);
  dev = new CliProcess(["dev"], { cwd: folder });
  await dev.prints("Watching for changes");
  url = `http://localhost:${port}`;
  for (const language of available) checks.set(language, startChecks(language));
}, BUILD_MS);

afterAll(async () => {
  await stopCliProcesses();
  await rm(folder, { recursive: true, force: true });
});

for (const [language, commands] of missing) {
  if (commands.length === 0) describe(`the runtime in ${language}`, () => testRuntime(language));
  else {
    const reason = `the runtime in ${language} is not tested, since ${commands.join(" and ")} does not work here`;
    console.warn(reason);
    test.skip(reason, () => undefined);
  }
}

function testRuntime(language: string): void {
  const greet = (path: string, options?: CallOptions): Promise<CallAnswer> =>
    call(`${url}/${language}/${path}`, options);

  test("hands over path ids, query, parameters and body, and sends back what the function returns", async () => {
    const body = { list: [1, -2.5e3, true, null], text: 'a "quoted" line\n\\ ü 😀' };
    const answer = await greet("Ada%20Lovelace?greeting=Merhaba", { body });
    expect(answer).toMatchObject({ status: 200, headers: { "content-type": "application/json" } });
    expect(answer.json).toEqual({ greeting: "Merhaba, Ada Lovelace!", body });
  });

  test("hands over bytes and sends them back", async () => {
    const body = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 256));
    const answer = await greet("Ada", { body, headers: { "content-type": "image/png" } });
    expect(answer).toMatchObject({ status: 200, headers: { "content-type": "image/png" } });
    expect(answer.body).toEqual(body);
  });

  test("reports what the function fails with, and goes on", async () => {
    const failed = await greet("nobody");
    expect(failed).toMatchObject({
      status: 500,
      json: { errorType: "NobodyError", errorMessage: "nobody cannot be greeted" },
    });
    expect(await greet("Ada")).toMatchObject({ status: 200, json: { greeting: "Hello, Ada!" } });
  });

  test("answers requests that come at the same time, each with its own answer", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `name-${index}`);
    const answers = await Promise.all(names.map((name) => greet(name)));
    expect(answers.map(({ json }) => json)).toEqual(names.map((name) => ({ greeting: `Hello, ${name}!`, body: null })));
  });

  test("takes messages of a queue", async () => {
    const sent = await call(`${url}/queues/${language}-greetings`, { body: { name: `${language} queue` } });
    expect(sent.status).toBe(202);
    await dev.prints(`Hello, ${language} queue!`);
  });

  test("says at once that its package does not have the function", async () => {
    const answer = await call(`${url}/${language}-without-function`);
    expect(answer.status).toBe(500);
    expect((answer.json as { errorMessage: string }).errorMessage).toContain("missing");
  });

  test("passes the checks of fullcode conformance", async () => {
    const run = checks.get(language)!;
    await waitUntil("the checks have ended", () => run.exitCode !== undefined, CHECKS_MS);
    expect(run).toMatchObject({ exitCode: 0, output: run.stdout });
    const results = JSON.parse(run.stdout) as { check: string; result: string }[];
    expect(results.filter(({ result }) => result === "skipped").map(({ check }) => check)).toEqual(
      language === "bash" ? ["parallel polls"] : [],
    );
  });
}

/** Makes the folder a project like the example, which serves at this port and has each function once more, unrunnable. */
async function copyExample(port: number): Promise<void> {
  await cp(EXAMPLE, folder, {
    recursive: true,
    filter: (path) => !/[\\/](?:\.fullcode|build|target)$/.test(path),
  });
  await writeFile(join(folder, "package.json"), '{ "name": "custom-runtimes", "private": true }\n');
  await mkdir(join(folder, "node_modules"));
  await symlink(REPOSITORY, join(folder, "node_modules", "fullcode"), "dir");
  for (const name of ["@pulumi", "@types", "typescript"])
    await symlink(join(REPOSITORY, "node_modules", name), join(folder, "node_modules", name), "dir");
  await editFile(join(folder, "index.ts"), (text) =>
    text.replace("local()", `local({ port: ${port} })`).replace("export const urls", `${BROKEN}\nexport const urls`),
  );
}

const BROKEN = `
for (const [language, { code }] of Object.entries(packages)) {
  if (!existsSync(code)) continue;
  const name = \`\${language}-without-function\`;
  const broken = new FullCodeFunction(name, {
    app, environments: [development], runtime: "custom", code, handler: "missing.missing",
  });
  new EndpointTrigger(name, { function: broken, path: \`/\${name}\` });
}`;

async function build(language: string): Promise<void> {
  const env = { ...process.env, CARGO_TARGET_DIR: join(CACHE, "rust") };
  await promisify(execFile)(join(folder, language, "build.sh"), { env });
}

function startChecks(language: string): CliProcess {
  const { package: code, conformance } = LANGUAGES[language];
  const few = ["--requests", "20", "--idle", "1", "--json"];
  return new CliProcess(["conformance", code, "--handler", conformance, ...few], { cwd: join(folder, language) });
}
