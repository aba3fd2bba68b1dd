import { join } from "node:path";

import { CliProcess, runCli, stopCliProcesses } from "../../support/cliProcess";
import { freePorts } from "../../support/freePorts";
import { writeFiles } from "../../support/project";
import { temporaryFolder } from "../../support/temporaryFolder";

const folder = temporaryFolder();
afterEach(stopCliProcesses);

/** A port for each region. */
async function writeRegions(ports: Record<string, number>): Promise<void> {
  await writeFiles(folder(), { "Pulumi.yaml": "name: shop\nruntime: nodejs\n", "index.js": "" });
  for (const [name, port] of Object.entries(ports))
    await writeDocument(
      name,
      JSON.stringify({
        apiVersion: "fullcode/v1",
        kind: "Region",
        name,
        app: "shop",
        environment: "live",
        environmentType: "production",
        port,
        url: `http://localhost:${port}`,
      }),
    );
}

const writeDocument = (region: string, text: string) =>
  writeFiles(join(folder(), ".fullcode/dev/live", region), { "region.json": text });

test("regions are served on when the document of one becomes invalid", async () => {
  const [eu, us] = await freePorts(2);
  await writeRegions({ eu, us });
  const serve = new CliProcess(["serve"], { cwd: folder() });
  await serve.prints(`live/us  http://localhost:${us}`);

  await writeDocument("eu", "{\n]");
  await serve.prints(/live\/eu .*region\.json: not valid JSON: .*; its last valid version is served/);
  for (const port of [eu, us]) expect((await fetch(`http://localhost:${port}/none`)).status).toBe(404);

  const [moved] = await freePorts(1);
  await writeRegions({ eu: moved });
  await serve.prints(`live/eu  http://localhost:${moved}`);
  serve.interrupt();
  expect(await serve.ended()).toBe(0);
});

test("a region without a valid document is an error of one line at start, and nothing runs then", async () => {
  const [eu, us] = await freePorts(2);
  await writeRegions({ eu, us });
  await writeDocument("eu", "{\n]");
  const serve = await runCli(["serve"], { cwd: folder() });
  expect(serve.exitCode).toBe(1);
  expect(serve.output).toMatch(/\nerror: Region live\/eu: [^\n]*region\.json: not valid JSON: [^\n]*\n$/);
});
