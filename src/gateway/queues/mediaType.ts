/** Media type of a message that was sent without one: JSON when it parses as JSON, else text. */
export function guessedMediaType(body: Buffer): string {
  return isJson(body) ? "application/json" : "text/plain; charset=utf-8";
}

export function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString("utf8"));
    return true;
  } catch {
    return false;
  }
}
