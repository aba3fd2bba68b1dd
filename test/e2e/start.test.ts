import { writeFile } from "node:fs/promises";
import { type OutgoingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";

import { limits } from "../../src/spec";
import { CliProcess, runCli, stopCliProcesses } from "../support/cliProcess";
import { freePorts } from "../support/freePorts";
import { call, RawConnection } from "../support/httpClient";
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

test("a function knows the free port that it is reached at", async () => {
  await writeFiles(folder(), { "src/index.js": "module.exports = (req, res) => res.send(req.appInfo.apiBaseUrl);" });
  const command = new CliProcess(["start", "--port", "0"], { cwd: folder() });
  await command.prints(/endpoint: http:\/\/localhost:\d+\n/);
  const [url] = /http:\/\/localhost:\d+/.exec(command.output) ?? [];
  expect(await (await post(url!, {})).text()).toBe(url);
});

describe("who sends a request that a page may have made", () => {
  let url: string;
  const send = (headers: OutgoingHttpHeaders) => call(url, { method: "POST", body: '{"query":{"a":"b"}}', headers });
  beforeEach(async () => {
    await writeFiles(folder(), { "src/index.js": "module.exports = (req, res) => res.json(req.query);" });
    ({ url } = await start());
  });

  test("is a program of this machine, or a page of its own", async () => {
    for (const headers of [
      {},
      { host: "127.0.0.1:4000" },
      { host: "[::1]:4000" },
      { host: "LOCALHOST" },
      { "content-type": "application/x-www-form-urlencoded" },
      { origin: "http://localhost:3000", "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "none" },
    ])
      expect(await send(headers)).toMatchObject({ status: 200, json: { a: "b" } });
  });

  test("is not a page of another site, whatever name it has given to this machine", async () => {
    for (const [errorType, headers] of [
      ["CrossSite", { "sec-fetch-site": "cross-site", "content-type": "text/plain" }],
      ["CrossSite", { origin: "https://shop.example" }],
      ["CrossSite", { origin: "null" }],
      ["ForeignHost", { host: "shop.example:4000", "sec-fetch-site": "same-origin" }],
      ["ForeignHost", { host: "localhost.shop.example" }],
      ["ForeignHost", { host: "localhost@shop.example" }],
    ] as const)
      expect(await send(headers)).toMatchObject({ status: 403, json: { errorType } });
  });
});

test("a body over the limit of requests is refused, and read no further", async () => {
  await writeFiles(folder(), { "src/index.js": "module.exports = (req, res) => res.send(String(req.body.length));" });
  const { url, port } = await start();
  const room = limits.DEFAULT_MAX_REQUEST_BYTES - '{"body":""}'.length;
  const send = (bytes: number, headers = {}) => call(url, { body: { body: "x".repeat(bytes) }, headers });
  expect(await send(room)).toMatchObject({ status: 200, text: String(room) });
  const refused = { status: 413, json: { errorType: "RequestTooLarge" } };
  expect(await send(room + 1)).toMatchObject(refused);
  expect(await send(room + 1, { "transfer-encoding": "chunked" })).toMatchObject(refused);
  const asking = new RawConnection(connect(port, "localhost"));
  asking.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${10 ** 9}\r\nExpect: 100-continue\r\n\r\n`);
  await waitUntil("it is told", () => asking.statuses[0] === 413);
  asking.end();
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

test("bodies of all types arrive as they were sent", async () => {
  await writeFiles(folder(), {
    "src/index.js": `module.exports = (req, res) => req.query?.binary
      ? res.set("content-type", "image/png").send(Buffer.from([0, 255, 128]))
      : req.query?.json !== undefined
      ? res.set("content-type", "application/json").send(req.query.json)
      : res.send("text ü");`,
  });
  const { url } = await start();
  expect(await (await post(url, {})).text()).toBe("text ü");
  expect([...new Uint8Array(await (await post(url, { query: { binary: "1" } })).arrayBuffer())]).toEqual([0, 255, 128]);
  for (const json of ["null", '{"id":12345678901234567890,  "a":1,"a":2}', "no JSON at all", ""])
    expect(await (await post(url, { query: { json } })).text()).toBe(json);
});

test("files are given in base64, and are what they are of a multipart body", async () => {
  await writeFiles(folder(), {
    "src/index.js": `module.exports = (req, res) => res.json(req.files.map((file) => ({ ...file, contents: [...file.contents] })));`,
  });
  const { url } = await start();
  const file = { fieldName: "f", fileName: "a.bin", encoding: "7bit", mimeType: "image/png", size: 3 };
  const answer = await post(url, { files: [{ ...file, contents: Buffer.of(0, 255, 128).toString("base64") }] });
  expect(await answer.json()).toEqual([{ ...file, contents: [0, 255, 128] }]);
  expect((await post(url, { files: [null, { contents: 1 }] })).status).toBe(500);
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
