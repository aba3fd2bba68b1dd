import { MAX_PATH_LENGTH } from "./limits";

const PARAMETER = /^:[A-Za-z_][A-Za-z0-9_]*$/;
const LITERAL = /^[A-Za-z0-9\-._~!$&'()+,;=@]+$/;

/** Paths that the gateway answers itself. */
export const RESERVED_PATH_PREFIXES = ["/queues", "/_fullcode"] as const;

/** Methods that an endpoint can be bound to. `ANY` takes what no other endpoint of the same path takes. */
export const HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ANY"] as const;
/** A method that an endpoint can be bound to, or `ANY`. */
export type HttpMethod = (typeof HTTP_METHODS)[number];

/**
 * Says what is wrong with an endpoint's path, or returns an empty list for a good one.
 *
 * A path is `/` or a sequence of `/segment`, where a segment is a literal (`orders`), a parameter that takes the whole
 * segment (`:orderId`) or, in the last place only, `*` for the rest of the path.
 */
export function problemsWithPath(path: unknown): string[] {
  if (typeof path !== "string") return ['must be a plain string such as "/orders/:orderId"'];
  if (!path.startsWith("/")) return [`"${path}" must start with "/"`];
  if (path.length > MAX_PATH_LENGTH) return [`has ${path.length} characters; at most ${MAX_PATH_LENGTH} are allowed`];
  if (path === "/") return [];
  const problems: string[] = [];
  if (path.endsWith("/")) problems.push(`"${path}" must not end with "/": the gateway ignores a trailing slash`);
  const segments = path.replace(/\/$/, "").slice(1).split("/");
  const seen = new Set<string>();
  segments.forEach((segment, index) => {
    if (segment === "*") {
      if (index !== segments.length - 1) problems.push(`"*" may only be the last segment of "${path}"`);
    } else if (segment === "") {
      problems.push(`"${path}" has an empty segment ("//")`);
    } else if (segment === "." || segment === "..") {
      problems.push(`"${path}" can never match: clients resolve "${segment}" before they send a request`);
    } else if (segment.startsWith(":")) {
      if (!PARAMETER.test(segment))
        problems.push(
          `"${segment}" is not a parameter: a colon, then a letter or underscore, then letters, digits and underscores`,
        );
      else if (seen.has(segment)) problems.push(`the parameter "${segment}" appears twice in "${path}"`);
      seen.add(segment);
    } else if (!LITERAL.test(segment)) {
      problems.push(
        `"${segment}" has characters that a literal segment cannot have` +
          (/[?#]/.test(segment) ? ': a path ends before "?" and "#"' : "") +
          (/[*:]/.test(segment) ? ': ":" and "*" stand for whole segments only' : "") +
          (/%/.test(segment) ? ": write characters as they are decoded" : ""),
      );
    }
  });
  for (const prefix of RESERVED_PATH_PREFIXES)
    if (path === prefix || path.startsWith(`${prefix}/`))
      problems.push(`"${path}" can never match: the gateway answers everything under "${prefix}" itself`);
  return problems;
}

/**
 * What two paths have in common when they match the same requests: parameter names are left out, and so is the case
 * of nothing, since paths are case-sensitive.
 *
 * @example pathShape("/orders/:orderId") === pathShape("/orders/:id")
 */
export function pathShape(path: string): string {
  return path
    .split("/")
    .map((segment) => (segment.startsWith(":") ? ":" : segment))
    .join("/");
}
