import { MAX_NAME_LENGTH } from "./limits";

const NAME = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;

/**
 * Says what is wrong with a name of an app, environment, region, function, trigger or queue, or returns `undefined`
 * for a good one.
 *
 * The rule is Kubernetes' for DNS labels (RFC 1123) with a letter first, and short enough that the platform's own
 * suffixes fit: one name works on every platform.
 */
export function problemWithName(name: unknown): string | undefined {
  if (typeof name !== "string") return `must be a plain string, not ${describe(name)}`;
  if (name === "") return "must not be empty";
  if (name.length > MAX_NAME_LENGTH)
    return `"${name}" has ${name.length} characters; at most ${MAX_NAME_LENGTH} are allowed`;
  if (!NAME.test(name))
    return `"${name}" must consist of lower-case letters, digits and dashes, start with a letter and not end with a dash`;
  return undefined;
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && "apply" in value) return "an Output: names are needed before anything is deployed";
  return typeof value;
}
