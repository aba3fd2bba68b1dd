/**
 * Runs while an image is built: puts the Node.js that runs it, with every library that it has loaded and the loader
 * itself, into `/fullcode`, so that it starts whatever the base of the final image is.
 *
 * `node copyNode.js copy|link`
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const FOLDER = "/fullcode";
/** What the C library loads when a name is looked up, where it is no part of it: until glibc 2.34. */
const NAME_SERVICE_LIBRARIES = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"];
/** glibc: ld-linux-x86-64.so.2, ld64.so.1; musl: ld-musl-x86_64.so.1. */
const LOADER = /^ld(?:-linux|-musl|64)?[^/]*\.so/;

function main(): void {
  const put = process.argv[2] === "link" ? symlinkSync : copyFileSync;
  // a report asks for the names of network interfaces otherwise, which takes time
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const report = process.report.getReport() as unknown as { sharedObjects: string[] };
  const libraries = report.sharedObjects.filter((path) => path.startsWith("/"));
  const loader = libraries.find((path) => LOADER.test(basename(path)));
  if (loader === undefined) {
    console.error(`this Node.js, ${process.execPath}, uses no shared libraries; take another image for it`);
    process.exit(1);
  }
  const lib = join(FOLDER, "lib");
  mkdirSync(join(FOLDER, "bin"), { recursive: true });
  mkdirSync(lib);
  put(process.execPath, join(FOLDER, "bin", "node"));
  for (const path of libraries) put(path, join(lib, basename(path)));
  put(loader, join(lib, "ld.so"));
  for (const name of NAME_SERVICE_LIBRARIES)
    for (const folder of new Set(libraries.map((path) => dirname(path))))
      if (existsSync(join(folder, name)) && !existsSync(join(lib, name))) put(join(folder, name), join(lib, name));
  if (put === copyFileSync) for (const file of ["bin/node", "lib/ld.so"]) chmodSync(join(FOLDER, file), 0o755);
}

main();
