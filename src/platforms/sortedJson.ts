/** JSON with sorted keys: the same content is the same text, whichever way it came. */
export function sortedJson(content: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(sortKeys(content), null, 2) + "\n";
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, nested]) => [key, sortKeys(nested)]));
}
