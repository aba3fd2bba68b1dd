import { spawnSync } from "node:child_process";

/** Those of the commands that are not installed, or are only there in name, as a launcher without its toolchain. */
export function missingCommands(commands: readonly string[]): string[] {
  return commands.filter((command) => spawnSync(command, [command === "go" ? "version" : "--version"]).status !== 0);
}
