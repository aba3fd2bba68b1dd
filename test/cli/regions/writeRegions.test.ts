import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { findRegions, readRegionDocuments } from "../../../src/cli/regions/regionFolders";
import { writeRegions } from "../../../src/cli/regions/writeRegions";
import { type LocalFile } from "../../../src/platforms/local/localFiles";
import { temporaryFolder } from "../../support/temporaryFolder";

const folder = temporaryFolder();
const REGION = ".fullcode/dev/test/here";

function file(name: string, content: Record<string, unknown>): LocalFile {
  return { folder: REGION, file: name, content };
}
const header = { apiVersion: "fullcode/v1" };
const region = file("region.json", {
  ...header,
  kind: "Region",
  name: "here",
  app: "shop",
  environment: "test",
  environmentType: "test",
  url: "http://localhost:5101",
});
const fn = file("function.fn.json", {
  ...header,
  kind: "Function",
  name: "fn",
  version: "1",
  runtime: "nodejs",
  code: "fn",
  concurrency: 1,
});
const route = (path: string) =>
  file("route.get.json", { ...header, kind: "Route", name: "get", function: "fn", method: "GET", path });
const params = file("secrets/params.json", { key: "k" });

const write = (...files: LocalFile[]) => writeRegions(folder(), "dev", files);
const path = (name: string) => join(folder(), REGION, name);

test("writes what changed and nothing else", async () => {
  expect(await write(region, fn, route("/a"), params)).toEqual({ written: 4, removed: 0 });
  expect((await stat(path("secrets/params.json"))).mode & 0o777).toBe(0o600);
  const before = (await stat(path("function.fn.json"))).ino;
  expect(await write(region, fn, route("/b"), params)).toEqual({ written: 1, removed: 0 });
  expect((await stat(path("function.fn.json"))).ino).toBe(before);
  expect(JSON.parse(await readFile(path("route.get.json"), "utf8"))).toMatchObject({ path: "/b" });
  expect(await write(region, fn, route("/b"), params)).toEqual({ written: 0, removed: 0 });
});

test("removes what is left over, but not what a gateway keeps", async () => {
  await write(region, fn, route("/a"), params);
  await mkdir(path("state"));
  await writeFile(path("state/log.jsonl"), "");
  expect(await write(region, fn)).toEqual({ written: 0, removed: 2 });
  expect((await readdir(path(""))).sort()).toEqual(["function.fn.json", "region.json", "state"]);
  expect(await write()).toEqual({ written: 0, removed: 2 });
  expect(await findRegions(folder(), "dev")).toEqual([]);
  expect(await readdir(path(""))).toEqual(["state"]);
});

test("an invalid document is an error before anything is written", async () => {
  await expect(write(region, fn, route("no-slash"))).rejects.toThrow(/route\.get\.json: path: "no-slash" must start/);
  expect(await findRegions(folder(), "dev")).toEqual([]);
});

test("what cannot be written is named", async () => {
  await writeFile(join(folder(), ".fullcode"), "");
  await expect(write(region)).rejects.toMatchObject({
    name: "CliError",
    message: `Cannot write ${path("region.json")}: not a directory (ENOTDIR)`,
  });
});

test("regions and their documents are found", async () => {
  await write(region, fn, route("/a"));
  const [found] = await findRegions(folder(), "dev");
  expect(found).toEqual({ environment: "test", region: "here", label: "test/here", folder: join(folder(), REGION) });
  await writeFile(path("cron.broken.json"), "{");
  const documents = await readRegionDocuments(found.folder);
  expect(documents.region?.url).toBe("http://localhost:5101");
  expect(documents.functions.map(({ name, timeoutSeconds }) => [name, timeoutSeconds])).toEqual([["fn", 30]]);
  expect(documents.routes.map((each) => each.path)).toEqual(["/a"]);
  expect(documents.crons).toEqual([]);
});
