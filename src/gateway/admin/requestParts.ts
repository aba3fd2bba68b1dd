/** Parts of a request that a tester may give; the handler gets them as they are. */
export const REQUEST_PARTS = [
  "ids",
  "query",
  "headers",
  "appParams",
  "client",
  "session",
  "appInfo",
  "files",
  "body",
] as const;

/** What the request looks like in the log, beside its parts. */
const OF_THE_LINE = ["method", "path"];
const KNOWN: readonly string[] = [...REQUEST_PARTS, ...OF_THE_LINE];

/** What is wrong with what a tester gives, if anything; a misspelt part would be left out without a word. */
export function problemWithParts(parts: unknown): string | undefined {
  if (typeof parts !== "object" || parts === null || Array.isArray(parts))
    return `a tester sends a JSON object with any of ${REQUEST_PARTS.join(", ")}`;
  const unknown = Object.keys(parts).filter((part) => !KNOWN.includes(part));
  if (unknown.length === 0) return undefined;
  const names = unknown.map((part) => `"${part}"`).join(", ");
  return `${names} ${unknown.length === 1 ? "is no part" : "are no parts"} of a request; there are: ${KNOWN.join(", ")}`;
}
