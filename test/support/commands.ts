import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Those of the commands that are not installed. */
export function missingCommands(commands: readonly string[]): string[] {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return commands.filter((command) => !folders.some((folder) => isExecutable(join(folder, command))));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
