import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { BASH_LOOP } from "../../support/customRuntimes";
import { type FunctionDeclaration } from "../../support/region";
import { testGateways } from "../../support/testGateway";
import { waitUntil } from "../../support/waitUntil";
import { type ZipEntry, zipFile } from "../../support/zipFile";

const gateways = testGateways();

/** Declares a function whose code is an archive of the project. */
async function serve(name: string, entries: ZipEntry[], document: Partial<FunctionDeclaration>) {
  const project = join(gateways.folder(), "region-0");
  await mkdir(project, { recursive: true });
  await writeFile(join(project, name), zipFile(entries));
  const gateway = await gateways.start({ functions: {} });
  await gateway.region.document({
    kind: "Function",
    name: "f",
    version: "v1",
    concurrency: 1,
    ...document,
    code: name,
  });
  await gateway.region.document({ kind: "Route", name: "f", function: "f", method: "GET", path: "/f" });
  await gateway.gateway.reload();
  return gateway;
}

test("a ZIP with a bootstrap is run", async () => {
  const gateway = await serve("app.zip", [{ name: "bootstrap", data: BASH_LOOP, mode: 0o100755 }], {
    runtime: "custom",
  });
  expect(await gateway.call("/f")).toMatchObject({ status: 200, text: "Echoing request: hello world!" });
});

test("a ZIP whose bootstrap is not executable is an error of the invocation", async () => {
  const gateway = await serve("app.zip", [{ name: "bootstrap", data: BASH_LOOP, mode: 0o100644 }], {
    runtime: "custom",
  });
  expect(await gateway.call("/f")).toMatchObject({ status: 500, json: { errorType: "BootstrapNotExecutable" } });
});

test("a JAR with a bootstrap is run", async () => {
  const entries = [{ name: "META-INF/MANIFEST.MF" }, { name: "bootstrap", data: BASH_LOOP }];
  const gateway = await serve("app.jar", entries, { runtime: "custom" });
  expect(await gateway.call("/f")).toMatchObject({ status: 200, text: "Echoing request: hello world!" });
});

test("a ZIP with a Node.js function works as a folder does, and is loaded anew when it changes", async () => {
  const code = (text: string) => [
    { name: "src/index.js", data: `module.exports = (req, res) => res.send(require("./text"));`, mode: 0o100644 },
    { name: "src/text.js", data: `module.exports = "${text}";`, mode: 0o100644 },
  ];
  const gateway = await serve("app.zip", code("one"), { runtime: "nodejs" });
  expect(await gateway.call("/f")).toMatchObject({ status: 200, text: "one" });
  await writeFile(join(gateway.region.projectFolder, "app.zip"), zipFile(code("two")));
  const document = { kind: "Function" as const, name: "f", version: "v2", concurrency: 1, runtime: "nodejs" };
  await gateway.region.document({ ...document, code: "app.zip" });
  await waitUntil("the new code answers", async () => (await gateway.call("/f")).text === "two");
});

test("a ZIP that an instance runs from stays unpacked, however many newer ones there are", async () => {
  const code = (version: number) => `
    const { existsSync, readFileSync } = require("fs");
    module.exports = async (req, res) => {
      while (req.query.until !== undefined && !existsSync(req.query.until)) await new Promise((r) => setTimeout(r, 20));
      res.json([${version}, readFileSync("text.txt", "utf8")]);
    };`;
  const entries = (version: number) => [
    { name: "src/index.js", data: code(version), mode: 0o100644 },
    { name: "text.txt", data: "still here", mode: 0o100644 },
  ];
  const gateway = await serve("app.zip", entries(0), { runtime: "nodejs" });
  const release = join(gateways.folder(), "release");
  const slow = gateway.call(`/f?until=${encodeURIComponent(release)}`);
  await waitUntil("it runs", async () => (await gateway.gateway.status()).functions[0].running === 1);
  const document = { kind: "Function" as const, name: "f", concurrency: 1, runtime: "nodejs", code: "app.zip" };
  // more than are kept
  for (let version = 1; version <= 6; version++) {
    await writeFile(join(gateway.region.projectFolder, "app.zip"), zipFile(entries(version)));
    await gateway.region.document({ ...document, version: `next${version}` });
    await waitUntil("the new code answers", async () => {
      const { json } = await gateway.call("/f");
      return (json as [number])[0] === version;
    });
  }
  await writeFile(release, "");
  expect(await slow).toMatchObject({ status: 200, json: [0, "still here"] });
});

test("a ZIP that cannot be used is an error that says why", async () => {
  const gateway = await serve("app.zip", [{ name: "../bootstrap", data: BASH_LOOP }], { runtime: "custom" });
  const answer = await gateway.call("/f");
  expect(answer).toMatchObject({ status: 502, json: { errorType: "CodeNotBuilt" } });
  expect((answer.json as { errorMessage: string }).errorMessage).toMatch(/app\.zip.*invalid relative path/);
});
