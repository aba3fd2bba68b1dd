import { join } from "node:path";

import { entrypointWarning } from "../../src/code/entrypointWarning";
import { inspectPackage } from "../../src/code/packageArchive";
import { codeFolder, removeCodeFolders } from "../support/codeFolder";
import { type ZipEntry, zipFile } from "../support/zipFile";

afterEach(removeCodeFolders);

describe("a folder", () => {
  test("a Node.js function needs its entrypoint", () => {
    const folder = codeFolder({ "src/index.js": "", "main.ts": "" });
    expect(entrypointWarning(folder, "nodejs")).toBeUndefined();
    expect(entrypointWarning(folder, "nodejs", "main.ts")).toBeUndefined();
    expect(entrypointWarning(folder, "nodejs", "main.js")).toContain(`the entrypoint "main.js" is not in "${folder}"`);
  });

  test("a custom runtime needs an executable bootstrap", () => {
    const executable = codeFolder({ bootstrap: { text: "#!/bin/sh", mode: 0o755 } });
    const plain = codeFolder({ bootstrap: { text: "#!/bin/sh", mode: 0o644 } });
    expect(entrypointWarning(executable, "custom")).toBeUndefined();
    expect(entrypointWarning(plain, "custom")).toContain("is not executable (chmod +x)");
    expect(entrypointWarning(codeFolder({ x: "" }), "custom")).toContain('there is no "bootstrap" at the root');
  });
});

describe("an archive", () => {
  const FAILS = ": every invocation will return an error";
  const LINK = 0o120777;

  /** The warning, with the archive's name alone for its path. */
  function warning(entries: ZipEntry[], runtime: "nodejs" | "custom", entrypoint?: string): string | undefined {
    const folder = codeFolder({ "app.zip": { text: zipFile(entries) } });
    const file = join(folder, "app.zip");
    return entrypointWarning(file, runtime, entrypoint, inspectPackage(file))?.replace(file, "app.zip");
  }

  test.each<[string, ZipEntry[], string | undefined, string | undefined]>([
    ["its entrypoint", [{ name: "src/index.js" }], undefined, undefined],
    ["one of its own", [{ name: "main.ts" }], "./main.ts", undefined],
    ["one below a link", [{ name: "lib/index.js" }, { name: "src", data: "lib", mode: LINK }], undefined, undefined],
    ["none", [{ name: "index.js" }], undefined, `the entrypoint "src/index.js" is not in "app.zip"${FAILS}`],
    [
      "another file beside it",
      [{ name: "src/a.js" }],
      undefined,
      `the entrypoint "src/index.js" is not in "app.zip"${FAILS}`,
    ],
    [
      "its entrypoint in a folder with everything else",
      [{ name: "pkg/" }, { name: "pkg/src/index.js" }, { name: "pkg/package.json" }],
      undefined,
      `the entrypoint "src/index.js" is not in "app.zip", whose files are all in its folder "pkg" (pack what is in that folder)${FAILS}`,
    ],
  ])("of a Node.js function with %s", (_what, entries, entrypoint, expected) => {
    expect(warning(entries, "nodejs", entrypoint)).toBe(expected);
  });

  test.each<[string, ZipEntry[], string | undefined]>([
    ["a bootstrap", [{ name: "bootstrap", mode: 0o100755 }], undefined],
    ["a bootstrap, packed where there are no modes", [{ name: "bootstrap" }], undefined],
    [
      "one that is not executable",
      [{ name: "bootstrap", mode: 0o100644 }],
      `the "bootstrap" in "app.zip" is not executable (chmod +x)${FAILS}`,
    ],
    [
      "one in a folder with everything else",
      [{ name: "pkg/bootstrap" }],
      `there is no "bootstrap" at the root of "app.zip", whose files are all in its folder "pkg" (pack what is in that folder)${FAILS}`,
    ],
  ])("of a custom runtime with %s", (_what, entries, expected) => {
    expect(warning(entries, "custom")).toBe(expected);
  });
});
