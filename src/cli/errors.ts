import { fileProblem } from "./fileErrors";

/** A problem that a person can solve; printed without a stack. */
export class CliError extends Error {
  override readonly name = "CliError";
}

/** A command line that cannot be meant; the exit code tells it from a command that has failed. */
export class UsageError extends CliError {}

/**
 * Gives what the file system refuses in the course of some work the name of the file.
 *
 * @throws CliError in place of an error of the file system.
 */
export async function withFile<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const problem = fileProblem(error, file);
    throw problem === undefined ? error : new CliError(problem);
  }
}

/** What to print for an error: a sentence for the expected ones, the stack for defects. */
export function errorText(error: unknown): string {
  if (isExpected(error)) return error.message;
  const problem = fileProblem(error);
  if (problem !== undefined) return problem;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/**
 * Whether the error's message says what, where and what to do. Told by its name: what is loaded for clusters only has
 * classes of its own.
 */
export function isExpected(error: unknown): error is Error {
  return error instanceof Error && EXPECTED.has(error.name);
}

const EXPECTED = new Set(["CliError", "InvalidDocumentError", "BundleError"]);
