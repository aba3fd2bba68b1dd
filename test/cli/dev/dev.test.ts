import { symlink } from "node:fs/promises";
import { join } from "node:path";

import { CliProcess, stopCliProcesses } from "../../support/cliProcess";
import { freePorts } from "../../support/freePorts";
import { writeFiles, writeProject } from "../../support/project";
import { temporaryFolder } from "../../support/temporaryFolder";

const folder = temporaryFolder();
afterEach(stopCliProcesses);

async function dev(program: string): Promise<CliProcess> {
  await writeProject(folder(), { "index.js": program });
  return new CliProcess(["dev"], { cwd: folder() });
}

const program = (port: number) => `
  const { Environment, local, ServerlessApp } = require("fullcode");
  const app = new ServerlessApp("shop");
  new Environment("test", { app, type: "test", regions: { here: local({ port: ${port} }) } });`;

test("a folder that cannot be watched is told, and the rest is served and watched", async () => {
  const [first, second] = await freePorts(2);
  await writeFiles(folder(), { "functions/x/index.js": "" });
  await symlink(".", join(folder(), "functions/x/self"));
  const command = await dev(program(first));
  await command.prints("Watching for changes");
  await writeFiles(folder(), { "index.js": program(second) });
  await command.prints(`test/here  http://localhost:${second}`);
  expect(command.output.match(/cannot be watched: ELOOP/g)).toHaveLength(1);
  command.interrupt();
  expect(await command.ended()).toBe(0);
});

test("a program that loops for ever is evaluated anew when it is changed", async () => {
  const command = await dev(`console.log("loops"); for (;;);`);
  await command.prints("loops");
  const [port] = await freePorts(1);
  await writeFiles(folder(), { "index.js": program(port) });
  await command.prints(`test/here  http://localhost:${port}`);
});

test("Ctrl-C while the program is evaluated just ends", async () => {
  const command = await dev(`process.on("SIGTERM", () => undefined); console.log("loops"); for (;;);`);
  await command.prints("loops");
  command.interrupt();
  expect(await command.ended()).toBe(0);
  expect(command.output).toMatch(/^shop stack dev\nEvaluating index\.js …\nprogram loops\n$/);
});
