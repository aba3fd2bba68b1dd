import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { BASH_LOOP, custom, nodeLoop } from "../../support/customRuntimes";
import { type TestGateway, testGateways } from "../../support/testGateway";
import { waitUntil } from "../../support/waitUntil";

const gateways = testGateways();

function serve(bootstrap: string, more: Parameters<typeof custom>[1] = {}): Promise<TestGateway> {
  return gateways.start({ functions: { f: custom(bootstrap, more) }, routes: { f: {} } });
}

const errors = (gateway: TestGateway) =>
  gateway.logs.filter(({ level, source }) => level === "error" && source === "console").map(({ message }) => message);

/** Of 64 bits, little-endian, for a machine that nobody has here. */
function foreignElf(): string {
  const head = Buffer.alloc(64);
  head.write("\x7fELF\x02\x01\x01", "latin1");
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(process.arch === "s390x" ? 62 : 22, 18);
  return head.toString("latin1");
}

describe("a bootstrap that cannot be started is an error of each invocation, at once", () => {
  test.each<[string, Record<string, string>, number, string, RegExp]>([
    ["missing", { "other.txt": "x" }, 0o755, "BootstrapNotFound", /no "bootstrap" at the root of the code/],
    ["one folder too deep", { "pkg/bootstrap": BASH_LOOP }, 0o755, "BootstrapNotFound", /but one in "pkg"/],
    ["missing in a jar", { "META-INF/MANIFEST.MF": "" }, 0o755, "BootstrapNotFound", /exec java -cp/],
    ["not executable", { bootstrap: BASH_LOOP }, 0o644, "BootstrapNotExecutable", /chmod \+x bootstrap/],
    ["of another architecture", { bootstrap: foreignElf() }, 0o755, "BootstrapNotRunnable", /is built for .* GOARCH=/],
    ["for Windows", { bootstrap: "MZ..." }, 0o755, "BootstrapNotRunnable", /a program for Windows/],
    ["empty", { bootstrap: "" }, 0o755, "BootstrapNotRunnable", /is empty/],
    ["no program", { bootstrap: "hello" }, 0o755, "BootstrapNotRunnable", /neither a program nor a script/],
    ["without its interpreter", { bootstrap: "#!/no/such" }, 0o755, "BootstrapNotRunnable", /\/no\/such, which is not/],
    ["with CR LF", { bootstrap: "#!/bin/bash\r\n" }, 0o755, "BootstrapNotRunnable", /CR LF/],
  ])("%s", async (_name, code, mode, errorType, message) => {
    const gateway = await gateways.start({ functions: { f: custom("", { code }) }, routes: { f: {} } });
    const file = join(gateway.region.projectFolder, "functions", "f", "bootstrap");
    if ("bootstrap" in code) await chmod(file, mode);
    const answer = await gateway.call("/f");
    expect(answer).toMatchObject({ status: 500, json: { errorType, requestId: answer.headers["x-request-id"] } });
    expect((answer.json as { errorMessage: string }).errorMessage).toMatch(message);
    expect(errors(gateway).join("\n")).toMatch(message);
    expect((await gateway.gateway.status()).functions[0].failure).toMatch(message);
    expect((await gateway.call("/f")).status).toBe(500);
  });

  test("until it can: the next try is soon", async () => {
    const gateway = await serve(BASH_LOOP);
    const file = join(gateway.region.projectFolder, "functions", "f", "bootstrap");
    await chmod(file, 0o644);
    expect((await gateway.call("/f")).status).toBe(500);
    await chmod(file, 0o755);
    await waitUntil("the function works", async () => (await gateway.call("/f")).status === 200);
    await waitUntil(
      "the failure is forgotten",
      async () => (await gateway.gateway.status()).functions[0].failure === undefined,
    );
  });
});

describe("initialisation", () => {
  test.each([
    ["exits at once", "#!/bin/bash\nexit 0", /exited with code 0 .*stay in the foreground/],
    ["fails", "#!/bin/bash\nnosuchcommand", /exited with code 127 .*not installed/],
    ["is killed", "#!/bin/bash\nkill -9 $$", /was ended by SIGKILL \(as when it uses more than its memory of 256 MiB/],
    ["leaves a child behind", "#!/bin/bash\nsleep 1000 &\nexit 3", /exited with code 3/],
  ])("that %s is an error of each invocation", async (_name, bootstrap, message) => {
    const gateway = await serve(bootstrap);
    const answer = await gateway.call("/f");
    expect(answer).toMatchObject({ status: 500, json: { errorType: "InitFailed" } });
    expect((answer.json as { errorMessage: string }).errorMessage).toMatch(message);
    await waitUntil("further tries are counted", () =>
      errors(gateway).some((each) => each.includes("3 tries in a row")),
    );
  });

  test("may say itself what went wrong", async () => {
    const gateway = await serve(
      `#!/bin/bash
curl -sS -X POST "http://$RUNTIME_API_ADDR/v1/runtime/init/error" -d '{"errorType":"NoDatabase","errorMessage":"it is down"}'
sleep 1000
`,
    );
    expect(await gateway.call("/f")).toMatchObject({
      status: 500,
      json: { errorType: "NoDatabase", errorMessage: "it is down" },
    });
  });

  test("that never ends in a poll is ended", async () => {
    const gateway = await serve("#!/bin/bash\nsleep 1000", { limits: { initSeconds: 0.3 } });
    const answer = await gateway.call("/f");
    expect(answer).toMatchObject({ status: 500, json: { errorType: "InitTimeout" } });
    expect((answer.json as { errorMessage: string }).errorMessage).toContain("within 0.3 s");
  });

  test("is not counted as time of the invocation", async () => {
    const gateway = await serve(BASH_LOOP.replace("set -o", "sleep 1\nset -o"), { timeoutSeconds: 0.8 });
    expect((await gateway.call("/f")).status).toBe(200);
  });
});

describe("a bootstrap that ends while it runs an invocation", () => {
  test("is an error of that one, and is started again", async () => {
    const gateway = await serve(
      nodeLoop("({ query }) => { if (query.exit) process.exit(3); return String(process.pid) }"),
    );
    const pid = (await gateway.call("/f")).text;
    const answer = await gateway.call("/f?exit=1");
    expect(answer).toMatchObject({ status: 500, json: { errorType: "BootstrapExited" } });
    expect((answer.json as { errorMessage: string }).errorMessage).toContain("exited with code 3 while it ran this");
    const next = await gateway.call("/f");
    expect(next.status).toBe(200);
    expect(next.text).not.toBe(pid);
  });

  test("does not take others with it that wait", async () => {
    const gateway = await serve(nodeLoop("({ query }) => { if (query.exit) process.exit(3); return 'fine' }"), {
      scale: { max: 1 },
      concurrency: 4,
    });
    const answers = await Promise.all([1, 0, 0, 0, 0, 0].map((exit) => gateway.call(exit ? "/f?exit=1" : "/f")));
    expect(answers.filter(({ status }) => status === 500)).toHaveLength(1);
    expect(answers.filter(({ text }) => text === "fine")).toHaveLength(5);
  });

  test("again and again is a crash loop, which backs off", async () => {
    const gateway = await serve(nodeLoop("({ query }) => { if (!query.fine) process.exit(3); return 'fine' }"));
    for (let i = 0; i < 2; i++)
      expect(await gateway.call("/f")).toMatchObject({ status: 500, json: { errorType: "BootstrapExited" } });
    await gateway.call("/f");
    const answer = await gateway.call("/f");
    expect(answer).toMatchObject({ status: 500, json: { errorType: "CrashLoop" } });
    expect((answer.json as { errorMessage: string }).errorMessage).toContain("3 times in a row");
    expect((await gateway.gateway.status()).functions[0].failure).toContain("CrashLoop");
    await waitUntil("it runs again", async () => (await gateway.call("/f?fine=1")).text === "fine");
  });

  test("ends its children with it", async () => {
    const gateway = await serve(
      `#!/bin/bash
sleep 1000 &
echo "child $!"
sleep 0.2
exit 1
`,
    );
    await gateway.call("/f");
    const child = Number(/child (\d+)/.exec(gateway.console().join("\n"))![1]);
    await waitUntil("the child has ended", () => !isRunning(child));
  });
});

describe("a bootstrap that goes on past the timeout", () => {
  test("is a 504, and its instance is ended with all that runs in it", async () => {
    const gateway = await serve(
      BASH_LOOP.replace(
        "RESPONSE=",
        'sleep 1000 & echo "child $!"\n  [ -n "$(echo "$EVENT_DATA" | grep hang)" ] && wait\n  RESPONSE=',
      ),
      { timeoutSeconds: 1 },
    );
    expect(await gateway.call("/f?hang=1")).toMatchObject({ status: 504, json: { errorType: "Timeout" } });
    const child = Number(/child (\d+)/.exec(gateway.console().join("\n"))![1]);
    await waitUntil("the child has ended", () => !isRunning(child));
    expect((await gateway.call("/f")).status).toBe(200);
  });
});

describe("output", () => {
  test("belongs to the invocation that runs", async () => {
    const gateway = await serve(BASH_LOOP.replace("RESPONSE=", "echo out; echo err >&2\n  RESPONSE="));
    const id = (await gateway.call("/f")).headers["x-request-id"];
    await waitUntil(
      "both lines are logged",
      () => gateway.console().includes("out") && gateway.console().includes("err"),
    );
    expect(gateway.logs.find(({ message }) => message === "out")).toMatchObject({ level: "info", requestId: id });
    expect(gateway.logs.find(({ message }) => message === "err")).toMatchObject({ level: "warn", requestId: id });
  });

  test("belongs to none where several run", async () => {
    const gateway = await serve(
      nodeLoop("async () => { if (++count === 2) { console.log('which'); done(); } await both; return 'x' }", {
        loops: 2,
        prelude: "let count = 0, done; const both = new Promise((resolve) => done = () => setTimeout(resolve, 100));",
      }),
      { concurrency: 2, scale: { max: 1 } },
    );
    await Promise.all([gateway.call("/f"), gateway.call("/f")]);
    const line = gateway.logs.find(({ message }) => message === "which")!;
    expect(line).not.toHaveProperty("requestId");
  });

  test("may be no text, and lines of any length", async () => {
    const gateway = await serve(
      BASH_LOOP.replace(
        "RESPONSE=",
        "head -c 100000 /dev/urandom; echo; head -c 3000000 /dev/zero | tr '\\0' x; echo; printf '10%%\\r20%%\\r30%%\\n'\n  RESPONSE=",
      ),
    );
    expect((await gateway.call("/f")).status).toBe(200);
    await waitUntil("the last line is logged", () => gateway.console().includes("30%"));
    const long = gateway.console().find((message) => message.startsWith("xxx"))!;
    expect(long).toMatch(/x… \(3000000 characters\)$/);
    expect(long.length).toBeLessThan(17_000);
  });
});

describe("the end of an instance", () => {
  test("comes after what runs, and by SIGTERM", async () => {
    const gateway = await serve(
      nodeLoop(
        "async () => { console.log('runs'); await new Promise((resolve) => setTimeout(resolve, 500)); return 'finished' }",
        {
          prelude: `process.on("SIGTERM", () => { console.log("asked to end"); process.exit(0); });`,
        },
      ),
    );
    const answer = gateway.call("/f");
    await waitUntil("it runs", () => gateway.console().includes("runs"));
    await gateway.gateway.stop();
    expect((await answer).text).toBe("finished");
    expect(gateway.console()).toEqual(["runs", "asked to end"]);
  });

  test("comes by SIGKILL where SIGTERM does nothing", async () => {
    const gateway = await serve(BASH_LOOP.replace("set -o", 'trap "" TERM\necho "pid $BASHPID"\nset -o'));
    expect((await gateway.call("/f")).status).toBe(200);
    const pid = Number(/pid (\d+)/.exec(gateway.console().join("\n"))![1]);
    await gateway.gateway.stop();
    expect(isRunning(pid)).toBe(false);
    expect(gateway.console().join("\n")).toContain("is ended by SIGKILL");
  });

  test("comes with the gateway's", async () => {
    const gateway = await serve(BASH_LOOP.replace("set -o", 'echo "pid $BASHPID"\nset -o'));
    expect((await gateway.call("/f")).status).toBe(200);
    const pid = Number(/pid (\d+)/.exec(gateway.console().join("\n"))![1]);
    expect(isRunning(pid)).toBe(true);
    await gateway.gateway.stop();
    expect(isRunning(pid)).toBe(false);
  });

  test("comes when new code is there, without a failed request", async () => {
    const gateway = await serve(BASH_LOOP);
    const folder = join(gateway.region.projectFolder, "functions", "f2");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "bootstrap.tmp"), BASH_LOOP.replace("hello world", "version 2"), { mode: 0o755 });
    await rename(join(folder, "bootstrap.tmp"), join(folder, "bootstrap"));
    expect((await gateway.call("/f")).status).toBe(200);
    await gateway.region.document({
      kind: "Function",
      name: "f",
      version: "v2",
      runtime: "custom",
      code: "functions/f2",
      concurrency: 1,
    });
    await waitUntil("version 2 answers", async () => {
      const answer = await gateway.call("/f");
      expect(answer.status).toBe(200);
      return answer.text.includes("version 2");
    });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a request whose body is still read when the bootstrap ends waits for the next one, and not in its own time", async () => {
  const gateway = await serve(
    nodeLoop("({ body }) => String(body.length)", {
      loops: 0,
      prelude: `
        const { existsSync, writeFileSync } = require("node:fs");
        if (existsSync("started")) {
          require("node:child_process").execSync("sleep 3");
          setImmediate(loop);
        } else {
          writeFileSync("started", "");
          // it is up, and takes no event
          const poll = http.request({ host, port, path: "/v1/runtime/invocation/request" });
          poll.on("error", () => console.log("pid", process.pid));
          poll.end(() => setTimeout(() => poll.destroy(), 50));
          setInterval(() => undefined, 1000);
        }`,
    }),
    { scale: { min: 1, max: 1 }, timeoutSeconds: 2 },
  );
  await waitUntil("it is up", () => gateway.console().some((line) => line.startsWith("pid")));
  const body = `[${"{},".repeat(1_000_000)}{}]`;
  const headers = { "content-type": "application/json", "content-length": body.length };
  const answer = gateway.call("/f", { method: "GET", body, headers });
  await waitUntil("the body is read", async () => (await gateway.gateway.status()).functions[0].running === 1);
  process.kill(Number(/pid (\d+)/.exec(gateway.console().join("\n"))![1]), "SIGKILL");
  expect(await answer).toMatchObject({ status: 200, text: "1000001" });
});
