import { mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";

import { fileProblem } from "../../src/cli/fileErrors";
import { writeFiles } from "../support/project";
import { temporaryFolder } from "../support/temporaryFolder";

const folder = temporaryFolder();
const errorOf = (work: Promise<unknown>) => work.then(undefined, (error: unknown) => error);

test("what the file system refuses is said with the path", async () => {
  await writeFiles(folder(), { file: "" });
  const file = join(folder(), "file");
  expect(fileProblem(await errorOf(mkdir(join(file, "x"))))).toBe(`Cannot write ${file}/x: not a directory (ENOTDIR)`);
  expect(fileProblem(await errorOf(readdir(file)))).toBe(`Cannot read ${file}: not a directory (ENOTDIR)`);
});

test("an error that knows no path gets the one of the work", async () => {
  const full = await open("/dev/full", "w");
  const error = await errorOf(full.writeFile("x"));
  await full.close();
  expect(fileProblem(error)).toBeUndefined();
  expect(fileProblem(error, "/x")).toBe("Cannot write /x: no space left on device (ENOSPC)");
});

test("other errors are none of the file system", async () => {
  expect(fileProblem(new TypeError("defect"), "/x")).toBeUndefined();
  expect(fileProblem(await errorOf(fetch("http://127.0.0.1:1")), "/x")).toBeUndefined();
});
