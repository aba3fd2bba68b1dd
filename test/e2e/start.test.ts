import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { CliProcess, runCli, stopCliProcesses } from "../support/cliProcess";
import { freePorts } from "../support/freePorts";
import { writeFiles } from "../support/project";
import { temporaryFolder } from "../support/temporaryFolder";
import { waitUntil } from "../support/waitUntil";

const folder = temporaryFolder();
afterEach(stopCliProcesses);

async function start(...args: string[]): Promise<{ command: CliProcess; url: string; port: number }> {
  const [port] = await freePorts(1);
  const command = new CliProcess(["start", "--port", String(port), ...args], { cwd: folder() });
  await command.prints(`http://localhost:${port}`);
  return { command, url: `http://localhost:${port}`, port: port };
}

const post = (url: string, parts: unknown) => fetch(url, { method: "POST", body: JSON.stringify(parts) });

test("all parts of a request travel in the body, and the answer is a deployed endpoint's", async () => {
  await writeFiles(folder(), {
    "src/index.js": `module.exports = async (req, res) => {
      console.log("hello");
      const { ids, query, headers, appParams, client, session, body } = req;
      res.set("x-test", "1").json({ ids, query, headers, appParams, client, session, body }, 201);
    };`,
  });
  const { command, url, port } = await start();
  expect(command.stdout.split("\n").slice(0, 2)).toEqual([
    `Local development HTTP server running at port:${port}.`,
    `You can now test your function using the following endpoint: http://localhost:${port}`,
  ]);
  const parts = {
    ids: { orderId: "1" },
    query: { sort: "asc" },
    headers: { "x-a": "b" },
    appParams: { currency: "EUR" },
    client: { ip: "1.2.3.4" },
    session: { userId: "u" },
    body: [{ a: 1 }],
  };
  const response = await post(url, parts);
  expect(response.status).toBe(201);
  expect(response.headers.get("x-test")).toBe("1");
  expect(response.headers.get("content-type")).toMatch("application/json");
  expect(await response.json()).toEqual(parts);
  await command.prints(/ 201 [^]*hello/);

  expect((await fetch(url, { method: "POST", body: "{" })).status).toBe(400);
  command.interrupt();
  expect(await command.ended()).toBe(0);
});

test("an edited file is used by the next request, in TypeScript as well", async () => {
  await writeFiles(folder(), {
    "package.json": '{"main":"handler.ts"}',
    "handler.ts": `import { text } from "./text"; export default (req: unknown, res: { send(text: string): void }) => res.send(text);`,
    "text.ts": `export const text: string = "one";`,
  });
  const { url } = await start();
  expect(await (await post(url, {})).text()).toBe("one");
  await writeFile(join(folder(), "text.ts"), `export const text: string = "two";`);
  await waitUntil("the new text is sent", async () => (await (await post(url, {})).text()) === "two");
});

test("an entrypoint that is not there is an error of the invocation", async () => {
  const { url } = await start("--entrypoint", "src/none.js");
  const response = await post(url, {});
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({ errorMessage: expect.stringContaining("none.js") as string });
});

test("binary and text bodies arrive as they were sent", async () => {
  await writeFiles(folder(), {
    "src/index.js": `module.exports = (req, res) => req.query?.binary
      ? res.set("content-type", "image/png").send(Buffer.from([0, 255, 128]))
      : res.send("text ü");`,
  });
  const { url } = await start();
  expect(await (await post(url, {})).text()).toBe("text ü");
  expect([...new Uint8Array(await (await post(url, { query: { binary: "1" } })).arrayBuffer())]).toEqual([0, 255, 128]);
});

test("a taken port and a missing folder are errors of one line", async () => {
  await writeFiles(folder(), { "src/index.js": "" });
  const { port } = await start();
  const second = await runCli(["start", "--port", String(port)], { cwd: folder() });
  expect([second.exitCode, second.output]).toEqual([
    1,
    `error: Port ${port} is taken by another process. Stop it, or choose another port: --port ${port + 1}\n`,
  ]);
  const missing = await runCli(["start", "nowhere"], { cwd: folder() });
  expect([missing.exitCode, missing.output]).toEqual([1, `error: ${join(folder(), "nowhere")} is not a folder.\n`]);
});

test("wrong usage ends with 2", async () => {
  expect((await runCli(["start", "--port", "http"], { cwd: folder() })).exitCode).toBe(2);
  expect((await runCli(["dance"], { cwd: folder() })).exitCode).toBe(2);
  const help = await runCli(["--help"], { cwd: folder() });
  expect([help.exitCode, help.stdout]).toEqual([0, expect.stringContaining("Usage: fullcode")]);
});
