import { once } from "node:events";
import { type IncomingMessage, get } from "node:http";

import { RawConnection } from "../support/httpClient";
import { testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

/** A region with one endpoint at `/f`. */
const serve = (code: string, limits: Record<string, number> = {}) =>
  gateways.start({
    functions: { f: { code, limits, timeoutSeconds: 60, scale: { max: 1 } } },
    routes: { f: { method: "ANY" } },
  });

/** A handler that does what the query's `do` says. */
const acts = (actions: Record<string, string>) =>
  `const actions = { ${Object.entries(actions)
    .map(([name, body]) => `${name}: async (req, res) => { ${body} }`)
    .join(",\n")} };
  module.exports = (req, res) => actions[req.query.do](req, res);`;

test("a value that is returned and not sent is a warning, once", async () => {
  const gateway = await serve("module.exports = async () => ({ hello: 1 });");
  for (let i = 0; i < 2; i++) expect(await gateway.call("/f")).toMatchObject({ status: 204, text: "" });
  const warnings = () =>
    gateway.logs.filter(({ message }) => message.startsWith("the handler returned a value and did not answer"));
  await waitUntil("it is logged", () => warnings().length > 0);
  expect(warnings()).toHaveLength(1);
});

test("answers are sent as they were given", async () => {
  const gateway = await serve(
    acts({
      text: 'res.send("hello")',
      created: 'res.send("made", 201)',
      json: "res.json({ a: [1] })",
      jsonStatus: "res.json([1], 202)",
      status: 'res.status(418).send("teapot")',
      statusJson: "res.status(409).json({ no: 1 })",
      headers:
        'res.set("X-One", "1").set("x-two", 2).set("Set-Cookie", ["a=1", "b=2"]).set("content-type", "text/html").send("<p>")',
      bytes: "res.send(Buffer.from([0, 255, 1]))",
      empty: "res.send()",
      nothing: "",
      noContent: 'res.status(204).send("dropped")',
      unicode: 'res.send("č".repeat(40000))',
    }),
  );
  const act = (name: string) => gateway.call(`/f?do=${name}`);
  expect(await act("text")).toMatchObject({
    status: 200,
    text: "hello",
    headers: { "content-type": "text/plain; charset=utf-8", "content-length": "5" },
  });
  expect(await act("created")).toMatchObject({ status: 201, text: "made" });
  expect(await act("json")).toMatchObject({
    status: 200,
    text: '{"a":[1]}',
    headers: { "content-type": "application/json; charset=utf-8" },
  });
  expect(await act("jsonStatus")).toMatchObject({ status: 202, text: "[1]" });
  expect(await act("status")).toMatchObject({ status: 418, text: "teapot" });
  expect(await act("statusJson")).toMatchObject({ status: 409, text: '{"no":1}' });
  expect(await act("headers")).toMatchObject({
    text: "<p>",
    headers: { "x-one": "1", "x-two": "2", "set-cookie": ["a=1", "b=2"], "content-type": "text/html" },
  });
  expect((await act("bytes")).body).toEqual(Buffer.from([0, 255, 1]));
  expect(await act("empty")).toMatchObject({ status: 200, text: "", headers: { "content-length": "0" } });
  expect(await act("nothing")).toMatchObject({ status: 204, text: "" });
  expect(await act("noContent")).toMatchObject({ status: 204, text: "" });
  expect((await act("unicode")).text).toBe("č".repeat(40_000));
});

test("a large answer without a body by its status is complete at once", async () => {
  const gateway = await serve("module.exports = (req, res) => res.status(204).send('x'.repeat(200000));");
  const connection = await RawConnection.open(gateway.port);
  connection.write("GET /f HTTP/1.1\r\nHost: a\r\n\r\nGET /f HTTP/1.1\r\nHost: a\r\n\r\n");
  await waitUntil("both are answered", () => connection.statuses.length === 2);
  expect(connection.statuses).toEqual([204, 204]);
  expect(connection.text.toLowerCase()).not.toContain("content-length");
  connection.end();
});

test("HEAD has the headers of GET and no body, and leaves the connection usable", async () => {
  const gateway = await serve(
    acts({
      send: 'res.send("hello")',
      large: 'res.send("x".repeat(300000))',
      stream: 'const out = res.stream(); out.write("a".repeat(5000)); out.end("b");',
    }),
  );
  for (const name of ["send", "large", "stream"]) {
    const connection = await RawConnection.open(gateway.port);
    connection.write(`HEAD /f?do=${name} HTTP/1.1\r\nHost: a\r\n\r\nHEAD /f?do=send HTTP/1.1\r\nHost: a\r\n\r\n`);
    await waitUntil(`${name}: both are answered`, () => connection.statuses.length === 2);
    expect(connection.statuses).toEqual([200, 200]);
    expect(connection.text).toMatch(/content-length: 5\r\n(?:.+\r\n)*\r\n$/i);
    connection.end();
  }
});

test("a second answer is dropped and warned of", async () => {
  const gateway = await serve('module.exports = async (req, res) => { res.send("one"); res.json({ two: 2 }); };');
  expect((await gateway.call("/f")).text).toBe("one");
  await waitUntil("the warning is logged", () => gateway.console().length > 0);
  expect(gateway.logs.find(({ source }) => source === "console")).toMatchObject({
    level: "warn",
    message: expect.stringContaining("a second time") as string,
  });
});

test("a thrown error is a 500 with its type and message; the stack is in the logs only", async () => {
  const gateway = await serve(
    acts({
      error: 'throw new RangeError("too far")',
      text: 'throw "just text"',
      after: 'res.send("answered"); throw new Error("late")',
    }),
  );
  const answer = await gateway.call("/f?do=error");
  expect(answer.status).toBe(500);
  expect(answer.json).toEqual({
    errorType: "RangeError",
    errorMessage: "too far",
    requestId: answer.headers["x-request-id"],
  });
  await waitUntil("the stack is logged", () => gateway.console().some((line) => line.includes("src/index.js")));
  expect((await gateway.call("/f?do=text")).json).toMatchObject({ errorType: "Error", errorMessage: "just text" });
  expect(await gateway.call("/f?do=after")).toMatchObject({ status: 200, text: "answered" });
});

test("values that HTTP does not allow are errors of the handler and never reach the caller", async () => {
  const gateway = await serve(
    acts({
      injection: 'res.set("x-a", "1\\r\\nset-cookie: evil=1").send("")',
      name: 'res.set("bad name", "1").send("")',
      status: 'res.status(99).send("")',
      huge: 'res.set("x-a", "a".repeat(5 * 1024 * 1024)).send("")',
      connection:
        'res.set("content-length", "3").set("transfer-encoding", "chunked").set("connection", "close").set("trailer", "x").send("hello")',
      requestId: 'res.set("x-request-id", "own").send("")',
      longError: 'throw new Error("e".repeat(8 * 1024 * 1024))',
    }),
  );
  for (const name of ["injection", "name", "status", "huge", "longError"]) {
    const answer = await gateway.call(`/f?do=${name}`);
    expect([name, answer.status]).toEqual([name, 500]);
    expect(answer.headers).not.toHaveProperty("set-cookie");
  }
  expect(await gateway.call("/f?do=connection")).toMatchObject({
    status: 200,
    text: "hello",
    headers: { "content-length": "5" },
  });
  expect((await gateway.call("/f?do=requestId")).headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  expect(new Set(gateway.invocations().map(({ instance }) => instance)).size).toBe(1);
});

test("an answer over the limit is a 502 that says so; a streamed one has no limit", async () => {
  const gateway = await serve(
    acts({
      exact: 'res.send("x".repeat(1000))',
      over: 'res.send("x".repeat(1001))',
      bytes: "res.send(Buffer.alloc(1001))",
      streamed: 'const out = res.stream(); for (let i = 0; i < 10; i++) out.write("x".repeat(1000)); out.end();',
    }),
    { responseBytes: 1000 },
  );
  expect(await gateway.call("/f?do=exact")).toMatchObject({ status: 200, text: "x".repeat(1000) });
  for (const name of ["over", "bytes"]) {
    const answer = await gateway.call(`/f?do=${name}`);
    expect(answer.status).toBe(502);
    expect(answer.json).toMatchObject({
      errorType: "ResponseTooLarge",
      errorMessage: expect.stringMatching(/1001 bytes.*at most 1000/) as string,
    });
  }
  expect((await gateway.call("/f?do=streamed")).text).toHaveLength(10_000);
});

test("a stream arrives as it is written", async () => {
  const gateway = await serve(`
    let goOn;
    module.exports = async (req, res) => {
      if (req.query.go !== undefined) return goOn(), res.send();
      const out = res.status(201).set("content-type", "text/event-stream").stream();
      out.write("one\\n");
      await new Promise((resolve) => (goOn = resolve));
      out.end("two\\n");
    };`);
  const [response] = (await once(get(`${gateway.url}/f`), "response")) as [IncomingMessage];
  let received = "";
  response.setEncoding("utf8").on("data", (chunk: string) => (received += chunk));
  await waitUntil("the first part arrives before the end", () => received === "one\n");
  expect(response.statusCode).toBe(201);
  expect(response.headers["content-type"]).toBe("text/event-stream");
  const ended = once(response, "end");
  await gateway.call("/f?go=1");
  await ended;
  expect(received).toBe("one\ntwo\n");
});

test("a stream goes on after its handler has returned", async () => {
  const gateway = await serve(`
    const { Readable } = require("node:stream");
    module.exports = async (req, res) => {
      Readable.from((async function* () {
        for (let i = 0; i < 5; i++) { await new Promise((r) => setTimeout(r, 20)); yield "part" + i; }
      })()).pipe(res.stream());
    };`);
  expect((await gateway.call("/f")).text).toBe("part0part1part2part3part4");
  await waitUntil("the invocation has ended", () => gateway.invocations().length === 1);
});

test("a stream that its handler gives up is cut off, not left open", async () => {
  const gateway = await serve(
    acts({
      throws: 'res.stream().write("half"); throw new Error("broken")',
      destroys: 'const out = res.stream(); out.write("half"); setTimeout(() => out.destroy(), 20)',
    }),
  );
  await expect(gateway.call("/f?do=throws")).rejects.toThrow("aborted");
  await expect(gateway.call("/f?do=destroys")).rejects.toThrow("aborted");
  await waitUntil("both invocations have ended", () => gateway.invocations().length === 2);
  expect((await gateway.gateway.status()).functions[0]).toMatchObject({ running: 0 });
});

test("a handler may write a stream faster than its reader takes it: memory stays bounded, nothing is lost", async () => {
  const total = 200;
  const gateway = await serve(`
    const { once } = require("node:events");
    let peak = 0;
    module.exports = async (req, res) => {
      if (req.query.peak !== undefined) return res.json({ peak });
      const out = res.stream();
      const start = process.memoryUsage().rss;
      for (let i = 0; i < ${total}; i++) {
        if (!out.write(Buffer.alloc(1024 * 1024, i))) await once(out, "drain");
        peak = Math.max(peak, process.memoryUsage().rss - start);
      }
      out.end();
    };`);
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  const before = process.memoryUsage().rss;
  const [response] = (await once(get(`${gateway.url}/f`), "response")) as [IncomingMessage];
  let bytes = 0;
  let peak = 0;
  let wrong = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (chunk[0] !== Math.floor(bytes / (1024 * 1024)) % 256) wrong++;
    bytes += chunk.length;
    peak = Math.max(peak, process.memoryUsage().rss - before);
    if (bytes % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  process.off("warning", onWarning);
  expect(bytes).toBe(total * 1024 * 1024);
  expect(wrong).toBe(0);
  const inInstance = ((await gateway.call("/f?peak=1")).json as { peak: number }).peak;
  expect(inInstance).toBeLessThan(100 * 1024 * 1024);
  expect(peak).toBeLessThan(150 * 1024 * 1024);
  expect(warnings).toEqual([]);
});

test("a reader that has stopped stops the handler, in parts of any size", async () => {
  const gateway = await serve(`
    let written = 0;
    module.exports = async (req, res) => {
      if (req.query.written !== undefined) return res.json({ written });
      const out = res.stream();
      const part = Buffer.alloc(1000);
      while (!req.signal.aborted) {
        written += part.length;
        if (!out.write(part)) await Promise.race([
          new Promise((resolve) => out.once("drain", resolve)),
          new Promise((resolve) => req.signal.addEventListener("abort", resolve, { once: true })),
        ]);
      }
      out.end();
    };`);
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  const [response] = (await once(get(`${gateway.url}/f`), "response")) as [IncomingMessage];
  response.pause();
  const written = async () => ((await gateway.call("/f?written=1")).json as { written: number }).written;
  let last = -1;
  await waitUntil("the handler writes no more", async () => {
    const now = await written();
    const same = now === last && now > 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return same;
  });
  expect(last).toBeLessThan(32 * 1024 * 1024);
  response.destroy();
  await waitUntil("the handler ends", () =>
    gateway.invocations().some(({ invocation }) => invocation!.subject === "GET /f"),
  );
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
});

test("bytes may be used again once they were written or sent", async () => {
  const gateway = await serve(`
    module.exports = async (req, res) => {
      if (req.query.sent !== undefined) {
        const bytes = Buffer.alloc(Number(req.query.sent), "a");
        res.send(bytes);
        return void bytes.fill("b");
      }
      const out = res.stream();
      const buffer = Buffer.alloc(256 * 1024);
      for (let i = 0; i < 40; i++) await new Promise((resolve) => out.write(buffer.fill(i), resolve));
      out.end();
    };`);
  for (const size of [1_000, 300_000]) expect((await gateway.call(`/f?sent=${size}`)).text).toBe("a".repeat(size));
  const { body } = await gateway.call("/f");
  expect(body).toHaveLength(40 * 256 * 1024);
  for (let i = 0; i < 40; i++)
    expect(body.subarray(i * 262_144, (i + 1) * 262_144).every((each) => each === i)).toBe(true);
});

test("a stream whose caller has gone ends", async () => {
  const gateway = await serve(`
    const { createReadStream } = require("node:fs");
    const { pipeline } = require("node:stream/promises");
    module.exports = async (req, res) => {
      await pipeline(createReadStream("/dev/zero"), res.stream()).catch((error) => console.log("ended", error.code));
    };`);
  const [response] = (await once(get(`${gateway.url}/f`), "response")) as [IncomingMessage];
  await once(response, "data");
  response.destroy();
  await waitUntil("the stream has ended", () => gateway.logs.some(({ message }) => message.startsWith("ended")));
});
