import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

const root = join(__dirname, "..", "..");

/** Copies the quickstart into a folder, as a project that has `fullcode` installed. Its regions get these ports. */
export async function copyQuickstart(folder: string, ports: { "eu-west": number; "us-east": number }): Promise<void> {
  await cp(join(root, "Pulumi.yaml"), join(folder, "Pulumi.yaml"));
  await cp(join(root, "examples", "quickstart"), join(folder, "examples", "quickstart"), {
    recursive: true,
    filter: (path) => !/[\\/](?:\.fullcode|node_modules)(?:$|[\\/])/.test(path),
  });
  await writeFile(join(folder, "package.json"), '{ "name": "quickstart", "private": true }\n');
  await mkdir(join(folder, "node_modules"));
  await symlink(root, join(folder, "node_modules", "fullcode"), "dir");
  for (const name of ["@pulumi", "@types", "typescript"])
    await symlink(join(root, "node_modules", name), join(folder, "node_modules", name), "dir");
  for (const [region, port] of Object.entries(ports))
    await editFile(join(folder, "examples", "quickstart", "index.ts"), (text) =>
      text.replace(`"${region}": local()`, `"${region}": local({ port: ${port} })`),
    );
}

/** @throws Error when the edit changes nothing. */
export async function editFile(file: string, edit: (text: string) => string): Promise<void> {
  const text = await readFile(file, "utf8");
  const edited = edit(text);
  if (edited === text) throw new Error(`${file} has nothing to edit`);
  await writeFile(file, edited);
}
