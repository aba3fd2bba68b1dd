/** Headers of which the first one counts, as in node:http; other repeated ones are joined. */
const FIRST_WINS = new Set([
  "age",
  "authorization",
  "content-length",
  "content-type",
  "etag",
  "expires",
  "from",
  "host",
  "if-modified-since",
  "if-unmodified-since",
  "last-modified",
  "location",
  "max-forwards",
  "proxy-authorization",
  "referer",
  "retry-after",
  "server",
  "user-agent",
]);

/** Names and values in turn → an object with lower-cased names. */
export function headersOf(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i].toLowerCase();
    const value = raw[i + 1];
    const earlier: unknown = headers[name];
    // what every object has, `constructor` say, is no header
    if (typeof earlier !== "string") headers[name] = value;
    else if (!FIRST_WINS.has(name)) headers[name] = earlier + (name === "cookie" ? "; " : ", ") + value;
  }
  return headers;
}
