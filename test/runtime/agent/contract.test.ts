import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { agencyFileName, SECRETS_FOLDER } from "../../../src/spec";
import { BASH_LOOP, custom, nodeLoop } from "../../support/customRuntimes";
import { testGateways } from "../../support/testGateway";
import { waitUntil } from "../../support/waitUntil";

const gateways = testGateways();

async function serve(handle: string, route = {}, more = {}) {
  return gateways.start({
    functions: { f: custom(nodeLoop(handle), more) },
    routes: { f: { method: "POST", path: "/f", ...route } },
  });
}

test("the Bash loop of the documentation serves requests", async () => {
  const gateway = await gateways.start({ functions: { hello: custom(BASH_LOOP) }, routes: { hello: {} } });
  for (let i = 0; i < 3; i++) {
    const answer = await gateway.call("/hello");
    expect(answer).toMatchObject({ status: 200, text: "Echoing request: hello world!" });
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
  }
});

describe("an event", () => {
  test("is the request as JSON", async () => {
    const gateway = await gateways.start({
      functions: { echo: custom(nodeLoop("(event) => event")) },
      routes: { echo: { method: "POST", path: "/things/:id" } },
      params: { currency: "EUR" },
    });
    const answer = await gateway.call("/things/7?a=1&a=2", { body: { x: "ü" } });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      ids: { id: "7" },
      query: { a: ["1", "2"] },
      method: "POST",
      path: "/things/7",
      body: { x: "ü" },
      files: [],
      appParams: { currency: "EUR" },
      trigger: { type: "endpoint", name: "echo" },
      appInfo: { appName: "shop", functionName: "echo", deliveryAttempt: 1 },
    });
    expect(answer.json).not.toHaveProperty("isBase64Encoded");
  });

  test("carries bytes as Base64", async () => {
    const gateway = await serve("({ body, isBase64Encoded }) => ({ body, isBase64Encoded })");
    const answer = await gateway.call("/f", {
      body: Buffer.from([0, 255, 128]),
      headers: { "content-type": "application/octet-stream" },
    });
    // with another field beside them, these would be an HTTP response
    expect(answer.json).toEqual({ body: "AP+A", isBase64Encoded: true });
  });

  test("carries files of a form as Base64", async () => {
    const gateway = await serve("({ body, files }) => ({ fields: body, files })");
    const form =
      '--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nhi\r\n' +
      '--b\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\nContent-Type: image/png\r\n\r\n\x01\xff\r\n--b--\r\n';
    const answer = await gateway.call("/f", {
      body: Buffer.from(form, "latin1"),
      headers: { "content-type": "multipart/form-data; boundary=b" },
    });
    expect(answer.json).toEqual({
      fields: { note: "hi" },
      files: [
        { fieldName: "f", fileName: "a.bin", encoding: "7bit", mimeType: "image/png", size: 2, contents: "Af8=" },
      ],
    });
  });

  test("with a body that is not what it claims to be is refused", async () => {
    const gateway = await serve("() => 'never'");
    const answer = await gateway.call("/f", { body: "{", headers: { "content-type": "application/json" } });
    expect(answer).toMatchObject({ status: 400, json: { errorType: "InvalidBody" } });
  });

  test.each([
    ["a small", 5_000],
    ["a large", 100_000],
  ])(
    "that cannot be written as JSON since %s body is nested too deeply is refused, and nothing else",
    async (_s, depth) => {
      const handle =
        "async ({ query }) => { if (query.ms) await new Promise((end) => setTimeout(end, query.ms)); return String(process.pid) }";
      const gateway = await gateways.start({
        functions: { f: custom(nodeLoop(handle, { loops: 2 }), { concurrency: 2, timeoutSeconds: 10 }) },
        routes: { f: { method: "POST" } },
      });
      const before = await gateway.call("/f", { method: "POST" });
      const sibling = gateway.call("/f?ms=1000", { method: "POST" });
      await waitUntil("it runs", async () => (await gateway.gateway.status()).functions[0].running === 1);
      const deep = await gateway.call("/f", {
        body: "[".repeat(depth) + "]".repeat(depth),
        headers: { "content-type": "application/json" },
      });
      expect(deep).toMatchObject({ status: 400, json: { errorType: "InvalidBody" } });
      for (const answer of [await sibling, await gateway.call("/f", { method: "POST" })])
        expect([answer.status, answer.text]).toEqual([200, before.text]);
    },
  );

  test("has headers that say what it is", async () => {
    const gateway = await serve("(event, headers) => ({ event, headers })");
    const before = Date.now();
    const answer = await gateway.call("/f", { body: {}, headers: { "x-request-id": "caller-chose" } });
    const { headers, event } = answer.json as {
      headers: Record<string, string>;
      event: { appInfo: { requestId: string } };
    };
    expect(headers["x-cff-invoke-type"]).toBe("sync");
    expect(headers["x-cff-request-id"]).toBe(event.appInfo.requestId);
    expect(headers["content-type"]).toBe("application/json");
    expect(Number(headers["x-cff-deadline-ms"]) - before).toBeGreaterThan(29_000);
    expect(Object.keys(headers).filter((name) => /key|token/.test(name))).toEqual([]);
  });

  test("of a queue is asynchronous", async () => {
    const gateway = await gateways.start({
      functions: {
        f: custom(
          nodeLoop("(event, headers) => { console.log(headers['x-cff-invoke-type'], event.body.n); return 'ok' }"),
        ),
      },
      queues: { orders: {} },
    });
    await gateway.call("/queues/orders", { body: { n: 7 } });
    await waitUntil("the message is handled", () => gateway.console().includes("async 7"));
  });

  test("carries the agency's credentials, which nothing else does", async () => {
    const secrets = join(gateways.folder(), "region-0", ".fullcode", "test", "production", "eu", SECRETS_FOLDER);
    await mkdir(secrets, { recursive: true });
    const agency = { accessKey: "AK-1", secretKey: "SK-2", securityToken: "ST-3", authToken: "AT-4" };
    await writeFile(join(secrets, agencyFileName("f")), JSON.stringify(agency));
    const gateway = await serve("(event, headers) => ({ event, headers, env: process.env })");
    const answer = await gateway.call("/f", { body: {} });
    const { headers, ...rest } = answer.json as { headers: Record<string, string> };
    expect(headers).toMatchObject({
      "x-cff-access-key": "AK-1",
      "x-cff-secret-key": "SK-2",
      "x-cff-security-token": "ST-3",
      "x-cff-auth-token": "AT-4",
    });
    expect(JSON.stringify(rest) + JSON.stringify(gateway.logs)).not.toMatch(/AK-1|SK-2|ST-3|AT-4/);
  });
});

describe("the environment of a bootstrap", () => {
  test("has the contract's variables and the function's own", async () => {
    const gateway = await gateways.start({
      functions: {
        f: custom(nodeLoop("() => process.env"), {
          handler: "main.handle",
          userData: "some data",
          timeoutSeconds: 12,
          memoryMiB: 128,
          cpuCores: 0.5,
        }),
      },
      variables: {
        f: { COLOUR: "blue", RUNTIME_HANDLER: "mine", RUNTIME_OTHER: "x", NODE_OPTIONS: "--no-deprecation" },
      },
      routes: { f: {} },
    });
    const environment = (await gateway.call("/f")).json as Record<string, string>;
    expect(environment).toMatchObject({
      RUNTIME_PROJECT_ID: "production",
      RUNTIME_FUNC_NAME: "f",
      RUNTIME_FUNC_VERSION: "v1",
      RUNTIME_PACKAGE: "shop",
      RUNTIME_HANDLER: "main.handle",
      RUNTIME_TIMEOUT: "12",
      RUNTIME_USERDATA: "some data",
      RUNTIME_CONCURRENCY: "1",
      RUNTIME_CPU: "0.5",
      RUNTIME_MEMORY: "128",
      COLOUR: "blue",
      NODE_OPTIONS: "--no-deprecation",
    });
    expect(environment.RUNTIME_CODE_ROOT).toBe(join(gateway.region.projectFolder, "functions", "f"));
    expect(environment.RUNTIME_API_ADDR).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(environment).not.toHaveProperty("RUNTIME_OTHER");
    expect(Object.keys(environment).filter((name) => name.startsWith("FULLCODE"))).toEqual([]);
  });
});

describe("a response", () => {
  test("of the structured form becomes the HTTP response", async () => {
    const gateway = await serve(
      `() => ({ statusCode: 201, isBase64Encoded: true, headers: { "content-type": "image/x", "x-many": ["a", "b"], "content-length": 99 }, body: "AP+A" })`,
    );
    const answer = await gateway.call("/f", { body: {} });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual(Buffer.from([0, 255, 128]));
    expect(answer.headers).toMatchObject({ "content-type": "image/x", "content-length": "3", "x-many": "a, b" });
  });

  test.each([
    [`({ statusCode: 404 })`, 404, "", undefined],
    [`({ statusCode: 200, body: '{"a":1}' })`, 200, '{"a":1}', "application/json"],
    [`({ statusCode: 200, body: "text" })`, 200, "text", "text/plain; charset=utf-8"],
    // somebody's own JSON, or of types that the structured form does not have
    [
      `({ statusCode: 404, message: "Not Found" })`,
      200,
      '{"statusCode":404,"message":"Not Found"}',
      "application/json",
    ],
    [`({ statusCode: 99 })`, 200, '{"statusCode":99}', "application/json"],
    [`"42"`, 200, "42", "application/json"],
    [`"<p>"`, 200, "<p>", "text/plain; charset=utf-8"],
    [`""`, 200, "", "text/plain; charset=utf-8"],
  ])("%s", async (expression, status, text, type) => {
    const gateway = await serve(`() => (${expression})`);
    const answer = await gateway.call("/f", { body: {} });
    expect(answer).toMatchObject({ status, text });
    expect(answer.headers["content-type"]).toBe(type);
  });

  test("with headers that HTTP does not allow is a 502", async () => {
    const gateway = await serve(`() => ({ statusCode: 200, headers: { a: "b\\nc" } })`);
    const answer = await gateway.call("/f", { body: {} });
    expect(answer).toMatchObject({ status: 502, json: { errorType: "InvalidResponse" } });
  });

  test.each([
    ["a bit", 1_001],
    ["much", 5_000_000],
  ])("that is %s over the limit is a 413, and a 502 for the caller", async (_name, bytes) => {
    const gateway = await serve(
      `async ({ body }, headers, api) => {
        if (body.small) return "fits";
        const id = headers["x-cff-request-id"];
        const { status } = await api("POST", "invocation/response/" + id, "x".repeat(${bytes}));
        console.log("status", status);
      }`,
      {},
      { limits: { responseBytes: 1_000 } },
    );
    const answer = await gateway.call("/f", { body: {} });
    expect(answer).toMatchObject({ status: 502, json: { errorType: "ResponseTooLarge" } });
    await waitUntil("the bootstrap was told", () => gateway.console().includes("status 413"));
    expect(await gateway.call("/f", { body: { small: true } })).toMatchObject({ status: 200, text: "fits" });
  });

  test("that curl announces with Expect is refused before it is sent", async () => {
    const script = BASH_LOOP.replace(
      /RESPONSE=.*/,
      `head -c 3000000 /dev/zero | tr '\\0' x > "$HEADERS.body"; RESPONSE="@$HEADERS.body"`,
    ).replace(/curl -X POST (.*)$/m, `curl -sS -o /dev/null -w 'status %{http_code} sent %{size_upload}\\n' $1`);
    const gateway = await gateways.start({
      functions: { f: custom(script, { limits: { responseBytes: 1_000 } }) },
      routes: { f: {} },
    });
    expect(await gateway.call("/f")).toMatchObject({ status: 502, json: { errorType: "ResponseTooLarge" } });
    await waitUntil("the bootstrap was told", () => gateway.console().includes("status 413 sent 0"));
  });

  test("to an unknown or answered event is a 404", async () => {
    const gateway = await serve(`async (event, headers, api) => {
      const id = headers["x-cff-request-id"];
      const first = await api("POST", "invocation/response/" + id, "first");
      const again = await api("POST", "invocation/response/" + id, "second");
      const error = await api("POST", "invocation/error/" + id, "{}");
      const unknown = await api("POST", "invocation/response/none", "x");
      console.log(first.status, again.status, error.status, unknown.status);
    }`);
    expect(await gateway.call("/f", { body: {} })).toMatchObject({ status: 200, text: "first" });
    await waitUntil("the statuses are logged", () => gateway.console().includes("200 404 404 404"));
  });

  test("may bring the next event", async () => {
    const gateway = await gateways.start({
      functions: {
        f: custom(
          nodeLoop("() => 'never'", {
            loops: 0,
            prelude: `(async () => {
              let { headers, body } = await api("GET", "invocation/request");
              for (;;) {
                const path = "invocation/response/" + headers["x-cff-request-id"] + "?next=true";
                ({ headers, body } = await api("POST", path, String(JSON.parse(body).query.n)));
              }
            })();`,
          }),
        ),
      },
      routes: { f: {} },
    });
    for (const n of ["1", "2", "3"]) expect((await gateway.call(`/f?n=${n}`)).text).toBe(n);
  });
});

describe("an error", () => {
  test("has its type, its message and the request's id", async () => {
    const gateway = await serve(`() => { throw new RangeError("too far") }`);
    const answer = await gateway.call("/f", { body: {} });
    expect(answer).toMatchObject({
      status: 500,
      json: { errorType: "RangeError", errorMessage: "too far", requestId: answer.headers["x-request-id"] },
    });
    expect(gateway.console()).toContain("RangeError: too far");
  });

  test.each([
    [`"not JSON"`, "Error", "not JSON"],
    [`""`, "Error", "the bootstrap reported an error and did not say which"],
    [`'{"errorType":7,"errorMessage":"m"}'`, "Error", "m"],
    [`"[1]"`, "Error", "[1]"],
  ])("is passed on when it is malformed: %s", async (report, errorType, errorMessage) => {
    const gateway = await serve(`async (event, headers, api) => {
      await api("POST", "invocation/error/" + headers["x-cff-request-id"], ${report});
    }`);
    expect(await gateway.call("/f", { body: {} })).toMatchObject({ status: 500, json: { errorType, errorMessage } });
  });

  test("of any length has a message that fits", async () => {
    const gateway = await serve(`() => { throw new Error("x".repeat(4_000_000)) }`);
    const answer = await gateway.call("/f", { body: {} });
    expect(answer.status).toBe(500);
    expect((answer.json as { errorMessage: string }).errorMessage.length).toBe(16 * 1024);
  });
});

test("calls that are none of the API are refused", async () => {
  const gateway = await serve(`async (event, headers, api) => {
    const status = async (method, path) => (await api(method, path)).status;
    return [
      await status("POST", "invocation/request"),
      await status("GET", "invocation/response/x"),
      await status("GET", "nothing"),
      await status("POST", "invocation/response"),
      await status("POST", "init/error"),
    ];
  }`);
  expect((await gateway.call("/f", { body: {} })).json).toEqual([405, 405, 404, 404, 409]);
});

test("calls of pages in a browser are refused, those of all programs are taken", async () => {
  const gateway = await serve(`async (event, headers, api) => {
    const status = async (headers) => (await api("POST", "invocation/response/none", "x", { headers })).status;
    const raw = (head) => new Promise((resolve) => {
      const socket = require("node:net").connect({ host, port });
      socket.once("data", (data) => { socket.destroy(); resolve(Number(data.toString().split(" ")[1])); });
      socket.write("POST /v1/runtime/invocation/response/none " + head + "\\r\\nContent-Length: 0\\r\\n\\r\\n");
    });
    const url = "http://" + process.env.RUNTIME_API_ADDR + "/v1/runtime/invocation/response/none";
    return {
      programs: [
        await status({}),
        await status({ host: "localhost:" + port }),
        await status({ host: "LOCALHOST" }),
        await status({ host: "127.0.0.2:1" }),
        await status({ host: "[::1]:80" }),
        await raw("HTTP/1.0"),
        (await fetch(url, { method: "POST", body: "x" })).status,
      ],
      pages: [
        await status({ origin: "https://shop.example" }),
        await status({ Origin: "null" }),
        await status({ "sec-fetch-site": "cross-site" }),
        await status({ "Sec-Fetch-Site": "none" }),
        await status({ host: "shop.example:" + port }),
        await status({ host: "localhost.shop.example" }),
        await status({ host: "127.0.0.1.shop.example" }),
        await raw("HTTP/1.1\\r\\nHost:"),
      ],
    };
  }`);
  const { programs, pages } = (await gateway.call("/f", { body: {} })).json as Record<string, number[]>;
  expect(programs).toEqual(Array(7).fill(404));
  expect(pages).toEqual(Array(8).fill(403));
});

test("a page that asks for an event gets none", async () => {
  const gateway = await serve(`async ({ body }, headers, api) => {
    if (body.n > 0) return String(body.n);
    const { status, body: error } = await api("GET", "invocation/request", undefined, { headers: { host: "shop.example" } });
    return status + " " + error;
  }`);
  expect((await gateway.call("/f", { body: { n: 0 } })).text).toMatch(
    /^403 .*the runtime API takes requests to 127\.0\.0\.1:\d+ only, and the Host of this one is \\"shop\.example\\"/,
  );
  expect((await gateway.call("/f", { body: { n: 7 } })).text).toBe("7");
});
