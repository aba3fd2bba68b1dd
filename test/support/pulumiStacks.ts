/**
 * The Pulumi SDK asks for a stack at each promise it makes, to name those that leak. Jest maps each of them to its
 * sources, which took half of the time of suites that register many resources; these few are left as they are.
 */
const mapped = Error.prepareStackTrace;
Error.prepareStackTrace = (error, frames) =>
  frames[0]?.getFileName()?.endsWith("debuggable.js") ? "" : (mapped?.(error, frames) ?? String(error));
