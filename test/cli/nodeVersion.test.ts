import { readFileSync } from "node:fs";
import { join } from "node:path";

import { runCli } from "../support/cliProcess";
import { REPOSITORY, writeFiles } from "../support/project";
import { temporaryFolder } from "../support/temporaryFolder";

const folder = temporaryFolder();

test.each([
  ["18.20.8", 1],
  ["20.18.3", 1],
  ["20.19.0", 0],
  ["22.0.0", 0],
])("Node.js %s: exit code %i", async (version, exitCode) => {
  const preload = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });`;
  await writeFiles(folder(), { "version.cjs": preload });
  const NODE_OPTIONS = `--require ${join(folder(), "version.cjs")}`;
  const command = await runCli(["--version"], { cwd: folder(), env: { NODE_OPTIONS } });
  expect(command.exitCode).toBe(exitCode);
  const { version: own, engines } = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8")) as {
    version: string;
    engines: { node: string };
  };
  const minimum = engines.node.slice(">=".length);
  const refusal = `error: fullcode needs Node.js ${minimum} or newer; this is ${version}`;
  expect(command.output).toBe(`${exitCode === 0 ? own : refusal}\n`);
});
