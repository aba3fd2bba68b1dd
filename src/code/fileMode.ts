/** The executable file of a custom runtime, at the root of its code. */
export const BOOTSTRAP_FILE = "bootstrap";

const EXECUTABLE = 0o755;
const PLAIN = 0o644;

/**
 * Mode of a file of a function's code. Windows keeps no executable bits, and without one a bootstrap could never be run: of
 * what is checked out there it is the one file that has them.
 *
 * @param path - Relative to the code.
 * @param mode - As the file system has it.
 * @param system - What the file system is of.
 */
export function fileMode(path: string, mode: number, system: NodeJS.Platform = process.platform): number {
  if (system !== "win32") return mode;
  return path === BOOTSTRAP_FILE ? EXECUTABLE : PLAIN;
}
