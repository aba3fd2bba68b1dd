import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { GatewayProcess } from "../support/gatewayProcess";
import { call } from "../support/httpClient";
import { type FunctionDeclaration, TestRegion } from "../support/region";
import { testGateways } from "../support/testGateway";
import { waitUntil } from "../support/waitUntil";

const gateways = testGateways();

const serve = (declaration: FunctionDeclaration) =>
  gateways.start({ functions: { f: declaration }, routes: { f: {} } });

const manifest = (type: string) => JSON.stringify({ type });

test.each<[string, FunctionDeclaration]>([
  ["module.exports", { code: 'module.exports = async (req, res) => res.send("fine");' }],
  ["exports.default", { code: 'exports.default = async (req, res) => res.send("fine");' }],
  ["a .cjs file", { code: { "f.cjs": 'module.exports = (req, res) => res.send("fine");' }, entrypoint: "f.cjs" }],
  [
    "export default in a package of ES modules",
    {
      code: {
        "package.json": manifest("module"),
        "src/text.js": 'export const text = await Promise.resolve("fine");',
        "src/index.js": 'import { text } from "./text.js"; export default async (req, res) => res.send(text);',
      },
    },
  ],
  [
    "export default in a .mjs file",
    { code: { "f.mjs": 'export default (req, res) => res.send("fine");' }, entrypoint: "f.mjs" },
  ],
  [
    "CommonJS in a package that says so",
    {
      code: {
        "package.json": manifest("commonjs"),
        "src/index.js": 'exports.default = (req, res) => res.send("fine");',
      },
    },
  ],
  [
    "a handler that returns another kind of promise",
    {
      code: 'module.exports = (req, res) => ({ then: (done) => setTimeout(() => { res.send("fine"); done(); }, 10) });',
    },
  ],
])("runs a handler: %s", async (_what, declaration) => {
  const gateway = await serve(declaration);
  expect(await gateway.call("/f")).toMatchObject({ status: 200, text: "fine" });
});

test.each<[string, FunctionDeclaration, number, string, RegExp]>([
  ["no entrypoint", { code: { "other.js": "" } }, 500, "EntrypointNotFound", /src\/index\.js.*does not exist/],
  ["no such entrypoint", { code: "", entrypoint: "a/b.js" }, 500, "EntrypointNotFound", /"a\/b\.js"/],
  ["no handler", { code: "module.exports = { handler() {} };" }, 500, "HandlerNotFound", /exports no handler/],
  ["a syntax error", { code: "module.exports = (req, res) => {" }, 500, "SyntaxError", /Unexpected end of input/],
  [
    "a package.json that is no JSON",
    { code: { "package.json": "{", "src/index.js": "" } },
    500,
    "InvalidPackage",
    /^"package\.json" of the function's code is not valid JSON: /,
  ],
  ["a module that is not there", { code: 'require("not-there");' }, 500, "Error", /Cannot find module 'not-there'/],
  ["a module that throws", { code: 'throw new TypeError("at load");' }, 500, "TypeError", /at load/],
  ["a module that exits", { code: "process.exit(0);" }, 500, "ProcessExit", /process\.exit\(0\)/],
])("is an error of the invocation: %s", async (_what, declaration, status, errorType, message) => {
  const gateway = await serve(declaration);
  const answer = await gateway.call("/f");
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(errorType)]);
  expect(answer.json).toMatchObject({ errorType, errorMessage: expect.stringMatching(message) as string });
  expect(answer.text).not.toContain("node_modules");
  await waitUntil("the reason is logged", () => gateway.logs.some((record) => message.test(record.message)));
});

test("code that was broken and is mended answers again", async () => {
  const gateway = await gateways.start({ functions: { f: "nonsense(" }, routes: { f: {} } }, { watchCode: true });
  expect((await gateway.call("/f")).status).toBe(500);
  expect((await gateway.gateway.status()).functions[0].failure).toContain("SyntaxError");
  await gateway.region.code("f", "src/index.js", 'module.exports = (req, res) => res.send("mended");');
  await waitUntil("the new code answers", async () => (await gateway.call("/f")).text === "mended");
  expect((await gateway.gateway.status()).functions[0].failure).toBeUndefined();
});

test("TypeScript entrypoints are bundled; what does not compile is an error that names the place", async () => {
  const region = new TestRegion(gateways.folder());
  await region.declare({
    functions: {
      f: {
        code: {
          "src/text.ts": 'export const text: string = "fine";',
          "src/index.ts":
            'import { text } from "./text"; interface Res { send(text: string): void }\nexport default async (_req: unknown, res: Res): Promise<void> => res.send(text);',
        },
        entrypoint: "src/index.ts",
      },
      broken: { code: { "src/index.ts": "export default (" }, entrypoint: "src/index.ts" },
      missing: { code: "", entrypoint: "src/no.ts" },
    },
    routes: { f: {}, broken: { function: "broken" }, missing: { function: "missing" } },
  });
  const gateway = await GatewayProcess.start(region);
  try {
    expect(await call(`${gateway.url}/f`)).toMatchObject({ status: 200, text: "fine" });
    const broken = await call(`${gateway.url}/broken`);
    expect(broken.status).toBeGreaterThanOrEqual(500);
    expect(broken.json).toMatchObject({ errorMessage: expect.stringContaining("index.ts") as string });
    const missing = await call(`${gateway.url}/missing`);
    expect(missing.status).toBeGreaterThanOrEqual(500);
    expect(missing.json).toMatchObject({ errorMessage: expect.stringContaining("src/no.ts") as string });
  } finally {
    await gateway.end("SIGTERM");
  }
});

test("what TypeScript is bundled with is watched in other folders as well", async () => {
  const handler = 'import { text } from "../../../shared/text"; export default (_req, res) => res.send(text);';
  const region = new TestRegion(gateways.folder());
  const f = { code: { "src/index.ts": handler }, entrypoint: "src/index.ts" };
  await region.declare({ functions: { f }, routes: { f: {} } });
  const share = (text: string) => region.code("../shared", "text.ts", `export const text: string = ${text};`);
  await share('"old"');
  const gateway = await GatewayProcess.start(region, { watchCode: true });
  const answers = async (part: string) => (await call(`${gateway.url}/f`)).text.includes(part);
  try {
    await waitUntil("it answers", () => answers("old"));
    await share('"new"');
    await waitUntil("the changed file answers", () => answers("new"));
    await share("(");
    await share('"mended"');
    await waitUntil("the mended file answers", () => answers("mended"));
  } finally {
    await gateway.end("SIGTERM");
  }
});

test("a function has its own variables and none of the gateway's", async () => {
  process.env.SECRET_OF_THE_GATEWAY = "leaked";
  try {
    const gateway = await gateways.start({
      functions: {
        f: "module.exports = (req, res) => res.json(process.env);",
        g: "module.exports = (req, res) => res.json(process.env);",
      },
      routes: { f: {}, g: { function: "g" } },
      variables: { f: { API_KEY: "abc", PATH_PREFIX: "/x" } },
    });
    const environment = (await gateway.call("/f")).json as Record<string, string>;
    expect(environment).toMatchObject({ API_KEY: "abc", PATH_PREFIX: "/x", PATH: process.env.PATH });
    expect(Object.keys(environment).filter((name) => /SECRET|FULLCODE|TOKEN/.test(name))).toEqual([]);
    expect((await gateway.call("/g")).json).not.toHaveProperty("API_KEY");
  } finally {
    delete process.env.SECRET_OF_THE_GATEWAY;
  }
});

test("TypeScript is named as its author named it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fullcode-test-"));
  const region = new TestRegion(folder);
  await region.declare({
    functions: { f: { code: { "src/index.ts": "export const a = 1;" }, entrypoint: "src/index.ts" } },
    routes: { f: {} },
  });
  const gateway = await GatewayProcess.start(region);
  try {
    const { text } = await call(`${gateway.url}/f`);
    expect(JSON.parse(text)).toMatchObject({
      errorType: "HandlerNotFound",
      errorMessage: expect.stringMatching(/^"src\/index\.ts" exports no handler/) as string,
    });
  } finally {
    await gateway.end("SIGTERM");
    await rm(folder, { recursive: true });
  }
});
