import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { addFile, codeFolder, removeCodeFolders } from "../support/codeFolder";
import { dockerfileOf, listFiles } from "../support/stagedImage";
import { temporaryFolder } from "../support/temporaryFolder";

const ROOT = join(__dirname, "../..");
const project = temporaryFolder();
afterEach(removeCodeFolders);

/** A copy of the installed package, with this gateway or none. */
function installedPackage(gateway?: string): string {
  const folder = codeFolder({});
  for (const path of ["package.json", "dist/code", "dist/image", "dist/spec"])
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  if (gateway !== undefined) addFile(folder, "dist/gateway/cluster/main.js", gateway);
  return folder;
}

function stage(installed: string, args: object = {}) {
  const script = `const { stageGatewayImage } = require("./dist/image");
    process.stdout.write(JSON.stringify(stageGatewayImage(${JSON.stringify({ projectFolder: project(), stack: "dev", ...args })})));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { cwd: installed, encoding: "utf8" });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as { path: string; folder: string; hash: string; warnings: string[] };
}

test("the gateway's context is made from the installed package", () => {
  const installed = installedPackage("console.log('gateway');\n");
  const context = stage(installed);
  expect(context.folder).toBe(`.fullcode/dev/images/_gateway/${context.hash}`);
  expect(listFiles(context.path)).toEqual(["Dockerfile", "fullcode/gateway/main.js"]);
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  expect(dockerfileOf(context)).toBe(`FROM node:22-slim
COPY fullcode/ /fullcode/
WORKDIR /fullcode
LABEL org.opencontainers.image.title="fullcode-gateway" \\
      org.opencontainers.image.version="${version}" \\
      org.opencontainers.image.base.name="node:22-slim" \\
      fullcode.source-hash="${context.hash}"
USER 1000:1000
ENTRYPOINT ["node","--enable-source-maps","/fullcode/gateway/main.js"]
`);
  expect(stage(installedPackage("console.log('gateway');\n"))).toEqual(context);
  expect(stage(installedPackage("console.log('newer');\n")).hash).not.toBe(context.hash);
  expect(stage(installed, { baseImage: "registry.example.com/node:20" }).hash).not.toBe(context.hash);
  expect(stage(installed, { platform: "linux/arm64" }).hash).not.toBe(context.hash);
});

test("a package that was not built is an error that says to build it", () => {
  expect(() => stage(installedPackage())).toThrow(
    /"[^"]*dist\/gateway\/cluster\/main\.js" is missing, which images are made from: .*npm run build/,
  );
});
