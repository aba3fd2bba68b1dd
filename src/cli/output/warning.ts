import pc from "picocolors";

/** Says on the standard error what a command goes on in spite of. */
export function warn(message: string): void {
  console.error(`${pc.yellow("warning:")} ${message}`);
}
