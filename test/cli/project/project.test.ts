import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { readProject } from "../../../src/cli/project/project";

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "project-")));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

const PROJECT = "name: shop\ndescription: A shop\nruntime: nodejs\n";

test("is found above the working folder", async () => {
  await write({ "Pulumi.yaml": PROJECT, "index.ts": "", "deep/er/x": "" });
  expect(await readProject(join(folder, "deep/er"))).toEqual({
    folder,
    file: join(folder, "Pulumi.yaml"),
    name: "shop",
    description: "A shop",
    program: join(folder, "index.ts"),
    programFolder: folder,
    configFolder: folder,
    config: {},
  });
});

test.each<[string, string, Record<string, string>, string]>([
  ["a file named by main", "main: src/app.ts\n", { "src/app.ts": "" }, "src/app.ts"],
  ["the index of a folder named by main", "main: infra\n", { "infra/index.ts": "" }, "infra/index.ts"],
  ["the package's main", "", { "package.json": '{"main":"app.ts"}', "app.ts": "" }, "app.ts"],
  ["the package's export", "", { "package.json": '{"exports":{".":{"import":"./a.mjs"}}}', "a.mjs": "" }, "a.mjs"],
  [
    "an index where the package's main is not built",
    "",
    { "package.json": '{"main":"no.js"}', "index.ts": "" },
    "index.ts",
  ],
  ["JavaScript before TypeScript", "", { "index.ts": "", "index.js": "" }, "index.js"],
])("the program is %s", async (_, main, files, program) => {
  await write({ "Pulumi.yaml": PROJECT + main, ...files });
  const project = await readProject(folder);
  expect(project.program).toBe(join(folder, program));
  expect(project.programFolder).toBe(dirname(join(folder, program)));
});

test.each<[string, Record<string, string>, RegExp]>([
  ["no project", {}, /No Pulumi\.yaml in .* or above it\. .*--cwd/],
  ["another language", { "Pulumi.yaml": "name: a\nruntime: python\n" }, /"python" programs are not run here/],
  ["no name", { "Pulumi.yaml": "runtime: nodejs\n" }, /Pulumi\.yaml: name: it is missing\.$/],
  ["no runtime", { "Pulumi.yaml": "name: a\n" }, /Pulumi\.yaml: runtime: it is missing; "nodejs" is run here\.$/],
  ["an empty project file", { "Pulumi.yaml": "" }, /Pulumi\.yaml: it has to be a mapping .*, and is empty\.$/],
  ["a main that is not there", { "Pulumi.yaml": PROJECT + "main: x\n" }, /main: "x" does not exist/],
  ["no program", { "Pulumi.yaml": PROJECT }, /No program in .*neither an index\.ts nor an index\.js/],
])("%s is an error that says what to do", async (_, files, message) => {
  await write(files);
  await expect(readProject(folder)).rejects.toMatchObject({
    name: "CliError",
    message: expect.stringMatching(message) as string,
  });
});
