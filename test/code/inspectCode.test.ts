import { join } from "node:path";

import { inspectCode } from "../../src/code/inspectCode";
import { limits } from "../../src/spec";
import { codeFolder, removeCodeFolders } from "../support/codeFolder";
import { zipFile } from "../support/zipFile";

afterEach(removeCodeFolders);

describe("inspectCode", () => {
  test("a folder is a Node.js function, or a custom runtime if it has a bootstrap", () => {
    expect(inspectCode(codeFolder({ "src/index.js": "" }))).toMatchObject({ kind: "folder", runtime: "nodejs" });
    expect(inspectCode(codeFolder({ bootstrap: "#!/bin/sh" }))).toMatchObject({ kind: "folder", runtime: "custom" });
    expect(inspectCode(codeFolder({ "src/bootstrap": "" }))).toMatchObject({ runtime: "nodejs" });
  });

  test("archives", () => {
    const archive = { text: zipFile([{ name: "src/index.js" }]) };
    const folder = codeFolder({ "app.jar": archive, "app.zip": archive });
    expect(inspectCode(join(folder, "app.jar"))).toMatchObject({ kind: "jar", runtime: "custom" });
    expect(inspectCode(join(folder, "app.zip"))).toMatchObject({ kind: "zip", runtime: "nodejs" });
  });

  test("says what is wrong", () => {
    const folder = codeFolder({ "app.tar": "tar" });
    const missing = join(folder, "missing");
    const empty = codeFolder({ ".git/HEAD": "" });
    const large = codeFolder({ a: { text: Buffer.alloc(limits.MAX_CODE_BYTES + 1) } });
    expect(inspectCode(missing)).toEqual({ problem: `"${missing}" does not exist` });
    expect(inspectCode(empty)).toEqual({ problem: `"${empty}" has no files` });
    expect(inspectCode(join(folder, "app.tar"))).toEqual({
      problem: `"${join(folder, "app.tar")}" is neither a folder nor a .zip or .jar file`,
    });
    expect(inspectCode(large)).toEqual({
      problem: `"${large}" is larger than 50 MiB; leave files out with .dockerignore`,
    });
  });
});
