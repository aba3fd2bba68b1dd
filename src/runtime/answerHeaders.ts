export const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Set by the gateway, which knows the connection: with a length of its own an answer could bring a second one, for whoever
 * asks next on the connection of a proxy.
 */
export const NOT_SETTABLE: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-request-id",
]);

export const JSON_HEADERS = ["content-type", "application/json; charset=utf-8"];
