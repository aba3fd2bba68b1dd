import { hashContext, readContextFile } from "../../src/image/contextFiles";
import { codeFolder, removeCodeFolders } from "../support/codeFolder";

afterEach(removeCodeFolders);

test("a context from Windows, which keeps no executable bits, has an executable bootstrap, and is the same as from Linux", () => {
  const files = { bootstrap: "#!/bin/sh\n", "bin/bootstrap": "", "data.txt": "" };
  const windows = codeFolder(files);
  const linux = codeFolder({ ...files, bootstrap: { text: files.bootstrap, mode: 0o755 } });
  const read = (folder: string, system: NodeJS.Platform) =>
    Object.keys(files).map((path) => readContextFile(folder, path, `code/${path}`, system));
  const executable = read(windows, "win32").filter((file) => file.kind === "file" && file.executable);
  expect(executable.map(({ path }) => path)).toEqual(["code/bootstrap"]);
  const platform = "linux/amd64";
  expect(hashContext(read(windows, "win32"), platform)).toBe(hashContext(read(linux, "linux"), platform));
});
