import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const PROJECT_FILES = ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"];

/**
 * The project's folder: the nearest one, from `folder` upwards, with a Pulumi.yaml; `folder` itself if there is none.
 *
 * `.fullcode/` is there, and paths in documents and in the state are relative to it. The program and the provider's
 * process both start in the program's folder (`main` of Pulumi.yaml), which is the project's or one below it.
 */
export function findProjectFolder(folder = process.cwd()): string {
  for (let candidate = resolve(folder); ; candidate = dirname(candidate)) {
    if (PROJECT_FILES.some((file) => existsSync(join(candidate, file)))) return candidate;
    if (candidate === dirname(candidate)) return resolve(folder);
  }
}
