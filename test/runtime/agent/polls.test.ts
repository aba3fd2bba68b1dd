import { nodeLoop, custom } from "../../support/customRuntimes";
import { testGateways } from "../../support/testGateway";
import { waitUntil } from "../../support/waitUntil";

const gateways = testGateways();

/** A bootstrap whose polls the test writes itself: `connectPoll()` sends one on a socket of its own. */
function polling(main: string): string {
  return nodeLoop("undefined", {
    loops: 0,
    prelude: `
      const net = require("node:net");
      const GET = "GET /v1/runtime/invocation/request HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n";
      function connectPoll() {
        return new Promise((resolve) => {
          const socket = net.connect({ port, host });
          socket.on("error", () => {});
          socket.write(GET, () => setTimeout(() => resolve(socket), 50));
        });
      }
      async function answerNext() {
        const { headers, body } = await api("GET", "invocation/request");
        await api("POST", "invocation/response/" + headers["x-cff-request-id"], String(JSON.parse(body).query.n));
      }
      (async () => { ${main} })();`,
  });
}

/** A function that is up before its first request: its bootstrap has logged that it is ready. */
async function startPolling(main: string, more: Parameters<typeof custom>[1] = {}) {
  const gateway = await gateways.start({
    functions: { f: custom(polling(main), { scale: { min: 1, max: 1 }, ...more }) },
    routes: { f: { method: "ANY" } },
  });
  await waitUntil("the polls are open", () => gateway.console().includes("ready"));
  return gateway;
}

test("polls that are given up cost no event", async () => {
  const gateway = await startPolling(`
    for (let i = 0; i < 20; i++) { const socket = await connectPoll(); socket.destroy(); }
    console.log("ready");
    for (;;) await answerNext();`);
  expect(await gateway.call("/f?n=1")).toMatchObject({ status: 200, text: "1" });
  expect(await gateway.call("/f?n=2")).toMatchObject({ status: 200, text: "2" });
});

test("an event that is written to a connection at the moment it is closed goes to the next poll", async () => {
  const gateway = await gateways.start({
    functions: {
      f: custom(
        // curl gives up after some milliseconds, again and again, while events come
        `#!/bin/bash
HEADERS="$(mktemp)"
BODY="$(mktemp)"
while true
do
  : > "$HEADERS"
  curl -sS -m 0.01 -D "$HEADERS" -o "$BODY" "http://$RUNTIME_API_ADDR/v1/runtime/invocation/request" 2> /dev/null || continue
  REQUEST_ID=$(grep -Fi x-cff-request-id "$HEADERS" | tr -d '[:space:]' | cut -d: -f2)
  curl -sS -X POST "http://$RUNTIME_API_ADDR/v1/runtime/invocation/response/$REQUEST_ID" -d "$REQUEST_ID"
done
`,
        { timeoutSeconds: 5 },
      ),
    },
    routes: { f: {} },
  });
  for (let i = 0; i < 100; i++) {
    const answer = await gateway.call("/f");
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(answer.headers["x-request-id"]);
  }
});

test.each([
  ["before any of it was read", 10, ""],
  ["before the whole of a large one was read", 5_000_000, "socket.once('readable', () => socket.read(1000));"],
])("an event is given to the next poll when its process is killed %s", async (_name, bytes, read) => {
  const gateway = await startPolling(
    `
    const { spawn } = require("node:child_process");
    const script = \`
      const socket = require("node:net").connect({ port: \${port}, host: "\${host}", readable: true });
      socket.pause();
      socket.write(\${JSON.stringify(GET)}, () => process.stdout.write("!"));
      ${read}
      setInterval(() => {}, 1000);\`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.once("data", () => console.log("ready"));
    process.on("SIGUSR2", () => child.kill("SIGKILL"));
    console.log("pid", process.pid);
    await new Promise((resolve) => child.once("exit", resolve));
    for (;;) await answerNext();`,
    { timeoutSeconds: 10 },
  );
  const answer = gateway.call("/f?n=7", { body: { filler: "x".repeat(bytes) } });
  await waitUntil("the event is sent", async () => (await gateway.gateway.status()).functions[0].running === 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  process.kill(Number(/pid (\d+)/.exec(gateway.console().join("\n"))![1]), "SIGUSR2");
  expect(await answer).toMatchObject({ status: 200, text: "7" });
});

test("a poll that is left open and forgotten costs no event", async () => {
  const gateway = await startPolling(`
    const forgotten = [await connectPoll(), await connectPoll()];
    setTimeout(() => console.log("ready"), 50);
    for (;;) await answerNext();`);
  for (const n of ["1", "2", "3"]) expect(await gateway.call(`/f?n=${n}`)).toMatchObject({ status: 200, text: n });
});

test("an event that a poll has read is not given to a second one, though its connection is closed", async () => {
  const gateway = await gateways.start({
    functions: {
      f: custom(
        polling(`
          for (;;) {
            const socket = await connectPoll();
            const text = await new Promise((resolve) => socket.once("data", (data) => resolve(String(data))));
            socket.destroy();
            console.log("got one");
            // another worker of the runtime, while this one runs
            const other = await connectPoll();
            const stolen = await new Promise((resolve) => { other.once("data", () => resolve(true)); setTimeout(resolve, 200, false); });
            other.destroy();
            await api("POST", "invocation/response/" + /x-cff-request-id: (.*)/i.exec(text)[1].trim(), JSON.stringify({ stolen }));
          }`),
      ),
    },
    routes: { f: {} },
  });
  expect((await gateway.call("/f")).json).toEqual({ stolen: false });
  expect((await gateway.call("/f")).json).toEqual({ stolen: false });
  expect(gateway.console()).toEqual(["got one", "got one"]);
});

test("a runtime that polls in parallel has as many events as its concurrency", async () => {
  const gateway = await gateways.start({
    functions: {
      f: custom(
        nodeLoop(
          `async () => {
            running++;
            const end = Date.now() + 2000;
            while (running < 4 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
            const seen = running;
            await new Promise((resolve) => setTimeout(resolve, 50));
            running--;
            return String(seen);
          }`,
          { loops: 6, prelude: "let running = 0;" },
        ),
        { concurrency: 4, scale: { max: 1 } },
      ),
    },
    routes: { f: {} },
  });
  const answers = await Promise.all(Array.from({ length: 8 }, () => gateway.call("/f")));
  expect(answers.map(({ text }) => text)).toEqual(Array<string>(8).fill("4"));
});

test("an idle connection is kept for as long as the bootstrap likes", async () => {
  const gateway = await gateways.start({
    functions: {
      f: custom(
        nodeLoop(`() => String(connections)`, {
          prelude: `let connections = 0; agent.createConnection = (options, callback) => { connections++; return require("node:net").createConnection(options, callback); };`,
        }),
      ),
    },
    routes: { f: {} },
  });
  expect((await gateway.call("/f")).text).toBe("1");
  // longer than node:http keeps an idle connection by default
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  expect((await gateway.call("/f")).text).toBe("1");
});

test("requests that come one after the other are all answered", async () => {
  const gateway = await gateways.start({
    functions: { f: custom(nodeLoop("({ query }) => String(query.n)")) },
    routes: { f: {} },
  });
  for (let n = 0; n < 300; n++) expect((await gateway.call(`/f?n=${n}`)).text).toBe(String(n));
});

test("a caller that goes away while its event waits does not block the next one", async () => {
  const gateway = await gateways.start({
    functions: {
      f: custom(
        polling(`
          const first = await api("GET", "invocation/request");
          console.log("first");
          await new Promise((resolve) => setTimeout(resolve, 300));
          await api("POST", "invocation/response/" + first.headers["x-cff-request-id"], "0");
          for (;;) { console.log("next"); await answerNext(); }`),
        { concurrency: 2, scale: { max: 1 } },
      ),
    },
    routes: { f: {} },
  });
  const first = gateway.call("/f?n=0");
  await waitUntil("the first event runs", () => gateway.console().includes("first"));
  const gone = new AbortController();
  const second = gateway.call("/f?n=gone", { signal: gone.signal });
  await waitUntil(
    "both are with the instance",
    async () => (await gateway.gateway.status()).functions[0].running === 2,
  );
  gone.abort();
  await expect(second).rejects.toThrow();
  expect((await first).text).toBe("0");
  expect((await gateway.call("/f?n=3")).text).toBe("3");
});
