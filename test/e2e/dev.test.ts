import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, realpath, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { CliProcess, runCli, stopCliProcesses } from "../support/cliProcess";
import { freePorts } from "../support/freePorts";
import { REPOSITORY, writeFiles } from "../support/project";
import { copyQuickstart, editFile } from "../support/quickstartCopy";
import { waitUntil } from "../support/waitUntil";

let folder: string;
let eu: string;
let us: string;
let dev: CliProcess;

const run = promisify(execFile);
const PROGRAM = "examples/quickstart";

const editProgram = (pattern: string | RegExp, value: string) =>
  editFile(join(folder, PROGRAM, "index.ts"), (text) => text.replace(pattern, value));

const cli = (...args: string[]) => runCli(args, { cwd: folder });
const json = async (command: Promise<CliProcess>) => JSON.parse((await command).stdout) as Record<string, unknown>[];

/** Notes in a file of the project that it has begun. */
const SLOW = `
const { appendFileSync } = require("node:fs");
module.exports = async (req, res) => {
  appendFileSync(__dirname + "/../../../begun", ".");
  await new Promise((done) => setTimeout(done, 700));
  res.send("done");
};`;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "fullcode-e2e-")));
  const [first, second] = await freePorts(2);
  await copyQuickstart(folder, { "eu-west": first, "us-east": second });
  await writeFiles(join(folder, PROGRAM), {
    "functions/slow/package.json": "{}",
    "functions/slow/src/index.js": SLOW,
  });
  eu = `http://localhost:${first}`;
  us = `http://localhost:${second}`;
  dev = new CliProcess(["dev"], { cwd: folder });
  await dev.prints("Watching for changes");
});

afterAll(async () => {
  await stopCliProcesses();
  await rm(folder, { recursive: true, force: true });
});

test("the quickstart is served in two regions, with lines to paste", async () => {
  expect(dev.output).toContain(`development/eu-west  ${eu}`);
  expect(dev.output).toContain(`development/us-east  ${us}`);
  expect(dev.output).toMatch(/POST +\/orders +→ orders +curl .* http:\/\/localhost:\d+\/orders\n/);
  expect(dev.output).toMatch(/queue +orders +→ fulfilment/);
  expect(dev.output).toMatch(/cron +\* \* \* \* \* Europe\/Istanbul +→ report +next 20/);
  for (const url of [eu, us]) {
    const response = await fetch(`${url}/orders`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ item: "book", quantity: 2, price: 10 }),
    });
    expect(response.status).toBeLessThan(500);
    expect(response.headers.get("x-request-id")).toBeTruthy();
  }
  await dev.prints(/development\/eu-west orders POST \/orders \d+ .*cold start/);
});

test("each line to paste succeeds, in the order of the table", async () => {
  const lines = dev.output.match(/curl .*/g) ?? [];
  expect(lines.map((line) => line.replace(/.* http:/, "http:"))).toEqual(
    [eu, us].flatMap((url) => [
      `${url}/orders`,
      `${url}/orders/demo`,
      `${url}/orders/demo/attachments`,
      `${url}/queues/orders`,
    ]),
  );
  for (const line of lines) {
    const { stdout } = await run("sh", ["-c", `${line} -s -o /dev/null -w '%{http_code}'`], { cwd: REPOSITORY });
    expect(`${stdout} ${line}`).toMatch(/^[23]\d\d /);
  }
  const region = ["-r", "us-east", "--json"];
  await waitUntil("the order that cannot be packed is a dead letter", async () =>
    (await json(cli("queue", "list", "orders", ...region))).some(({ reason }) =>
      String(reason).includes('order demo: cannot pack 0 of "tea"'),
    ),
  );
});

test("invoke, send, logs, queue and get talk to the running gateways", async () => {
  const invoked = await cli("invoke", "report", "--region", "us-east", "--json");
  expect(JSON.parse(invoked.stdout) as object).toHaveProperty("logs");
  expect(invoked.exitCode).toBe(0);

  const first = await cli("send", "orders", '{"orderId":"e2e-0","items":[]}');
  expect(first.output).toMatch(/^Using region development\/eu-west\. development\/us-east has it as well: /);
  expect(first.stdout).toMatch(/^\S+\n$/);
  const sent = await cli("send", "orders", '{"orderId":"e2e-1"}', "-r", "eu-west");
  expect(sent.output).toBe(sent.stdout);
  expect(sent.exitCode).toBe(0);
  expect(sent.stdout).toMatch(/^\S+\n$/);
  await dev.prints(/development\/eu-west fulfilment queue orders/);

  const records = (await cli("logs", "fulfilment", "--json")).stdout.trim().split("\n");
  expect(records.map((line) => JSON.parse(line) as object)).toContainEqual(
    expect.objectContaining({ region: "development/eu-west", source: "invocation", function: "fulfilment" }),
  );

  const queues = await json(cli("queue", "list", "--json"));
  for (const region of ["development/eu-west", "development/us-east"])
    for (const [queue, trigger] of [
      ["orders", "queue fulfil-order"],
      ["cron.order-report", "cron order-report"],
    ])
      expect(queues).toContainEqual(
        expect.objectContaining({ region, queue, trigger, pending: expect.any(Number) as number }),
      );
  const deployments = await json(cli("get", "deployments", "--json", "-r", "eu-west"));
  expect(deployments.map((each) => each.function).sort()).toEqual(["attachments", "fulfilment", "orders", "report"]);
  const builds = await json(cli("get", "builds", "orders", "--json"));
  expect(builds.map((each) => each.region).sort()).toEqual(["development/eu-west", "development/us-east"]);
});

test("what is asked for and not there is an error of one line", async () => {
  const unknown = await cli("invoke", "nothing");
  expect([unknown.exitCode, unknown.output]).toEqual([
    1,
    'error: There is no function "nothing" in development/eu-west, development/us-east; ' +
      "there are: attachments, fulfilment, orders, report.\n",
  ]);
  for (const command of [["logs"], ["logs", "--follow"], ["get", "deployments"], ["get", "builds"]]) {
    const { exitCode, output } = await cli(...command, "nothing");
    expect([exitCode, output]).toEqual([1, unknown.output]);
  }
  expect((await cli("send", "cron.order-report", "{}")).output).toMatch(
    /^error: Queue "cron\.order-report" holds the firings of schedule "order-report"[^\n]*"fullcode invoke report"\.\n$/,
  );
  expect((await cli("send", "nothing", "{}")).output).toMatch(/^error: There is no queue "nothing" in [^\n]*\n$/);
  expect((await cli("queue", "list", "nothing")).output).toMatch(
    /^error: There is no queue "nothing" in [^\n]*; there are: cron\.order-report, orders\.\n$/,
  );
  expect((await cli("logs", "-r", "mars")).output).toMatch(/^error: Stack "dev" has no region \*\/mars; there are: /);
  expect((await cli("logs", "-s", "live")).output).toMatch(/^error: Stack "live" has no regions [^\n]*pulumi up/);
});

test("a second dev of the same regions is refused and changes nothing", async () => {
  const crons = `if (process.env.SECOND) new CronTrigger("second", { function: report, schedule: "0 0 1 1 *" });`;
  await editProgram("export const urls", `${crons}\nexport const urls`);
  await dev.prints("index.ts changed: program reloaded");
  const second = await runCli(["dev"], { cwd: folder, env: { SECOND: "1" } });
  expect(second.exitCode).toBe(1);
  expect(second.output).toMatch(
    /\nerror: Regions development\/eu-west, development\/us-east are served by another process already\.[^\n]*\n$/,
  );
  expect(existsSync(join(folder, ".fullcode/dev/development/eu-west/cron.order-report.json"))).toBe(true);
  expect(existsSync(join(folder, ".fullcode/dev/development/eu-west/cron.second.json"))).toBe(false);
  expect((await fetch(`${eu}/orders/none`)).status).toBeLessThan(500);
});

test("an edited program is served at once; a broken one leaves the last one serving", async () => {
  const begin = performance.now();
  await editProgram(/"\/orders\/(:orderId|demo)"/g, '"/purchases/$1"');
  await waitUntil("the new path is served", async () => (await fetch(`${us}/orders/1`)).status === 404);
  expect(performance.now() - begin).toBeLessThan(10_000);
  await dev.prints(/index\.ts changed: program reloaded in \d+ ms/);

  await editProgram("new CronTrigger(", "new CrownTrigger(");
  await dev.prints(/ReferenceError: CrownTrigger is not defined\n {2}at examples\/quickstart\/index\.ts:\d+:1\n/);
  expect((await fetch(`${us}/purchases/none`)).headers.get("x-request-id")).toBeTruthy();
  await editProgram("new CrownTrigger(", "new CronTrigger(");
});

test("a region with another port moves, one that is gone is stopped", async () => {
  const [port] = await freePorts(1);
  await editProgram(/"us-east": local\(\{ port: \d+ \}\)/, `"us-east": local({ port: ${port} })`);
  await dev.prints(`development/us-east  http://localhost:${port}`);
  await expect(fetch(us)).rejects.toThrow();
  expect((await fetch(`http://localhost:${port}/none`)).status).toBe(404);

  await editProgram(/, "us-east": local\(\{ port: \d+ \}\)/, "");
  await dev.prints("Region development/us-east is not served any more.");
  await expect(fetch(`http://localhost:${port}`)).rejects.toThrow();
});

test("a port that is taken is named with its region, and the others go on", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await editProgram("regions: {", `regions: { "taken": local({ port: ${port} }),`);
  await dev.prints(`Region development/taken: port ${port} is taken by another process.`);
  expect(dev.output.slice(dev.output.indexOf("Region development/taken"))).not.toMatch(/\n +at /);
  await new Promise((resolve) => server.close(resolve));
  await editProgram(`"taken": local({ port: ${port} }),`, "");
  expect((await fetch(`${eu}/none`)).status).toBe(404);
});

test("Ctrl-C answers what was accepted, then ends without leaving an address behind", async () => {
  await editProgram(
    "export const urls",
    `const slow = new FullCodeFunction("slow", { app, environments: [development], code: "functions/slow" });
     new EndpointTrigger("get-slow", { function: slow, path: "/slow" });
     export const urls`,
  );
  await waitUntil("the new function is served", async () => (await fetch(`${eu}/slow`)).status === 200);
  const answers = Promise.all([1, 2, 3].map(async () => (await fetch(`${eu}/slow`)).text()));
  const begun = join(folder, PROGRAM, "begun");
  await waitUntil("four have begun", async () => (await stat(begun)).size === 4);
  dev.interrupt();
  expect(await answers).toEqual(["done", "done", "done"]);
  expect(await dev.ended()).toBe(0);
  const state = join(folder, ".fullcode/dev/development/eu-west/state");
  expect((await stat(state)).isDirectory()).toBe(true);
  expect(existsSync(join(state, "gateway.json"))).toBe(false);
});

test("without a gateway, commands say how to start one; serve takes over the regions", async () => {
  const refused = await cli("invoke", "orders");
  expect(refused.output).toMatch(
    /^error: No gateway is running for development\/eu-west [^\n]*fullcode serve --stack dev/,
  );
  const left = (await cli("logs", "fulfilment", "--json")).stdout.trim().split("\n");
  expect(left.map((line) => JSON.parse(line) as object)).toContainEqual(
    expect.objectContaining({ region: "development/eu-west", source: "invocation", function: "fulfilment" }),
  );
  expect((await cli("logs", "--follow")).output).toMatch(/^error: No gateway is running for /);
  const deployments = await json(cli("get", "deployments", "--json"));
  expect(deployments[0]).toMatchObject({ region: "development/eu-west", state: "not served" });

  const serve = new CliProcess(["serve"], { cwd: folder });
  await serve.prints(`development/eu-west  ${eu}`);
  expect((await fetch(`${eu}/none`)).status).toBe(404);
  await rm(join(folder, ".fullcode/dev/development/eu-west/region.json"));
  await serve.prints("Region development/eu-west is not served any more.");
  serve.interrupt("SIGTERM");
  expect(await serve.ended()).toBe(0);
});
