/** A problem that a person can solve; printed without a stack. */
export class CliError extends Error {
  override readonly name = "CliError";
}

/** What to print for an error: a sentence for the expected ones, the stack for defects. */
export function errorText(error: unknown): string {
  if (error instanceof CliError || EXPECTED.has((error as Error | undefined)?.name ?? ""))
    return (error as Error).message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Errors of other rooms whose messages say what, where and what to do. */
const EXPECTED = new Set(["InvalidDocumentError", "BundleError"]);
