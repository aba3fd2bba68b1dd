/**
 * The Pulumi SDK asks for a stack at each promise it makes, to name those that leak. Jest maps each of them to its
 * sources, which took half of the time of suites that register many resources; these few are left as they are.
 */
const { prepareStackTrace } = Error as { prepareStackTrace?: (this: void, ...args: unknown[]) => unknown };
Error.prepareStackTrace = (error, frames) => {
  if (frames[0]?.getFileName()?.endsWith("debuggable.js")) return "";
  return prepareStackTrace?.(error, frames) ?? String(error);
};
