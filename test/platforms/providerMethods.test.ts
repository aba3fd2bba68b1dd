import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import * as provider from "../../src/platforms/local/providerMethods";
import { findProjectFolder } from "../../src/platforms/local/projectFolder";
import { type LocalFile } from "../../src/platforms/local/localFiles";
import { temporaryFolder } from "../support/temporaryFolder";

const project = temporaryFolder();
const start = process.cwd();
const folder = ".fullcode/dev/production/eu-west";

beforeEach(async () => {
  await writeFile(join(project(), "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
  process.chdir(project());
});
afterEach(() => process.chdir(start));

function route(name = "get-order", path = "/orders/:orderId"): LocalFile {
  const content = { apiVersion: "fullcode/v1", kind: "Route", name, function: "orders", method: "GET", path };
  return { folder, file: `route.${name}.json`, content };
}
const params: LocalFile = { folder, file: "secrets/params.json", content: { currency: "EUR", a: 1 } };

const absolute = ({ file }: LocalFile) => join(project(), folder, file);
const read = (file: LocalFile) => readFile(absolute(file), "utf8");
const mode = async (path: string) => (await stat(path)).mode & 0o777;

describe("create", () => {
  test("writes the document as JSON with sorted keys, beside Pulumi.yaml", async () => {
    await mkdir("program");
    process.chdir("program");
    const result = await provider.create(route());
    expect(result).toEqual({ id: `${folder}/route.get-order.json`, outs: route() });
    expect(await read(route())).toBe(
      '{\n  "apiVersion": "fullcode/v1",\n  "function": "orders",\n  "kind": "Route",\n  "method": "GET",\n' +
        '  "name": "get-order",\n  "path": "/orders/:orderId"\n}\n',
    );
    expect(await readFile(join(project(), ".fullcode/.gitignore"), "utf8")).toBe("*\n");
  });

  test("lets only the owner read secrets", async () => {
    await provider.create(params);
    expect(JSON.parse(await read(params))).toEqual(params.content);
    expect(await mode(absolute(params))).toBe(0o600);
    expect(await mode(join(project(), folder, "secrets"))).toBe(0o700);
  });

  test("leaves no temporary file, also where many are written at once", async () => {
    const routes = Array.from({ length: 50 }, (_, index) => route(`r-${index}`));
    await Promise.all([...routes, params].map((file) => provider.create(file)));
    const names = await readdir(join(project(), folder));
    expect(names.sort()).toEqual([...routes.map(({ file }) => file), "secrets"].sort());
  });

  test.each(["../outside", ".fullcode/dev/../../..", "/etc/x/y", ".fullcode/dev"])(
    "refuses the folder %s",
    async (bad) => {
      await expect(provider.create({ ...route(), folder: bad })).rejects.toThrow("is not a path of the form");
      expect(await readdir(project())).toEqual(["Pulumi.yaml"]);
    },
  );
});

test("a reader sees the earlier document or the later one, whole", async () => {
  await provider.create(route());
  let writing = true;
  const seen = new Set<string>();
  const reader = (async () => {
    while (writing) seen.add((JSON.parse(await read(route())) as { path: string }).path);
  })();
  for (let i = 0; i < 50; i++) await provider.update("id", route(), route("get-order", `/orders-${i}`));
  writing = false;
  await reader;
  expect(seen.size).toBeGreaterThan(0);
});

describe("diff", () => {
  test("finds none between equal documents, whatever the order of their keys", async () => {
    await provider.create(route());
    const reordered = { ...route(), content: Object.fromEntries(Object.entries(route().content).reverse()) };
    expect(await provider.diff("id", route(), reordered)).toEqual({ changes: false });
  });

  test("finds other content", async () => {
    await provider.create(route());
    expect(await provider.diff("id", route(), route("get-order", "/o/:id"))).toEqual({ changes: true });
  });

  test("finds a file that is missing or was edited", async () => {
    expect(await provider.diff("id", route(), route())).toEqual({ changes: true });
    await provider.create(route());
    await writeFile(absolute(route()), "{}");
    expect(await provider.diff("id", route(), route())).toEqual({ changes: true });
  });

  test("finds a state that is behind the disk", async () => {
    await provider.create(route("get-order", "/new"));
    expect(await provider.diff("id", route("get-order", "/old"), route("get-order", "/new"))).toEqual({
      changes: true,
    });
  });

  test("finds secrets that others can read", async () => {
    await provider.create(params);
    expect(await provider.diff("id", params, params)).toEqual({ changes: false });
    await chmod(absolute(params), 0o644);
    expect(await provider.diff("id", params, params)).toEqual({ changes: true });
    await provider.update("id", params, params);
    expect(await mode(absolute(params))).toBe(0o600);
  });

  test("finds content that is not known before the deployment", async () => {
    await provider.create(params);
    const unknown = { ...params, content: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" as unknown as LocalFile["content"] };
    expect(await provider.check(params, unknown)).toEqual({ inputs: unknown, failures: [] });
    expect(await provider.diff("id", params, unknown)).toEqual({ changes: true });
  });

  test("replaces a file that goes elsewhere", async () => {
    const elsewhere = { ...route(), folder: ".fullcode/dev/production/us-east" };
    expect(await provider.diff("id", route(), elsewhere)).toEqual({ changes: true, replaces: ["folder"] });
  });
});

describe("check", () => {
  test("passes a document on as it is", async () => {
    expect(await provider.check(route(), route())).toEqual({ inputs: route(), failures: [] });
    expect(await provider.check(params, params)).toEqual({ inputs: params, failures: [] });
  });

  test("refuses what no gateway would read, all problems at once", async () => {
    const broken = { ...route(), content: { ...route().content, method: "FETCH", path: "orders" } };
    const { failures } = await provider.check(route(), broken);
    expect(failures?.map(({ property }) => property)).toEqual(["content", "content"]);
    expect(failures?.map(({ reason }) => reason).join()).toMatch(/method: .*path: "orders" must start with "\/"/);
  });
});

describe("delete", () => {
  test("removes the file and the folders that it leaves empty", async () => {
    await provider.create(route());
    await provider.create(params);
    await provider.delete("id", params);
    expect(await readdir(join(project(), folder))).toEqual(["route.get-order.json"]);
    await provider.delete("id", route());
    expect(await readdir(join(project(), ".fullcode"))).toEqual([".gitignore"]);
  });

  test("is content with a file that is gone", async () => {
    await expect(provider.delete("id", route())).resolves.toBeUndefined();
  });

  test("goes together with creation in the same folder", async () => {
    for (let round = 0; round < 20; round++) {
      await provider.create(route("old"));
      await Promise.all([provider.delete("id", route("old")), provider.create(route("new"))]);
      expect(await readdir(join(project(), folder))).toEqual(["route.new.json"]);
      await provider.delete("id", route("new"));
    }
  });

  test("leaves what the gateway has written", async () => {
    await provider.create(route());
    await mkdir(join(project(), folder, "state"));
    await provider.delete("id", route());
    expect(await readdir(join(project(), folder))).toEqual(["state"]);
  });
});

describe("read", () => {
  test("says what is on disk", async () => {
    await provider.create(route());
    expect(await provider.read("id", route())).toEqual({ id: "id", props: route() });
    await writeFile(absolute(route()), "broken");
    expect(await provider.read("id", route())).toEqual({
      id: "id",
      props: { ...route(), content: { text: "broken" } },
    });
  });

  test("says that a missing file is gone", async () => {
    expect(await provider.read("id", route())).toEqual({ id: "" });
  });
});

test("the project's folder is the nearest one with a Pulumi.yaml, else the folder itself", async () => {
  await mkdir("examples/quickstart", { recursive: true });
  expect(findProjectFolder(join(project(), "examples/quickstart"))).toBe(project());
  expect(findProjectFolder("/")).toBe("/");
});
