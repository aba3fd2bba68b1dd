/** TypeScript that could not be compiled: a sentence each, with file, line and column first. */
export class BundleError extends Error {
  override readonly name = "BundleError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}
