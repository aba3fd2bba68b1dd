import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** This repository, which test projects depend on. */
export const REPOSITORY = join(__dirname, "..", "..");

/** Writes files into a folder, making the folders between. */
export async function writeFiles(folder: string, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

/** Makes a folder a Pulumi project called `shop` in which this package, as it was built, and the Pulumi SDK are installed. */
export async function writeProject(folder: string, files: Record<string, string>): Promise<void> {
  await writeFiles(folder, {
    "package.json": '{"name":"shop","private":true}',
    "Pulumi.yaml": "name: shop\nruntime: nodejs\n",
    ...files,
  });
  await mkdir(join(folder, "node_modules"));
  await symlink(REPOSITORY, join(folder, "node_modules", "fullcode"));
  await symlink(join(REPOSITORY, "node_modules", "@pulumi"), join(folder, "node_modules", "@pulumi"));
}
