import { isDeepStrictEqual } from "node:util";

import { z } from "zod";

import type { HttpMethod } from "./endpointPath";
import { MAX_EXAMPLE_BYTES } from "./limits";

const jsonValue = z
  .unknown()
  .refine((value) => isJsonValue(value), { message: "must be a JSON value: no Output, no Date, nothing undefined" });

const small = <Example extends z.ZodType>(schema: Example): Example =>
  schema.refine((value) => !isJsonValue(value) || Buffer.byteLength(JSON.stringify(value)) <= MAX_EXAMPLE_BYTES, {
    message: `has more than ${MAX_EXAMPLE_BYTES} bytes as JSON`,
  });

/** A request of an endpoint that shows how it is used. */
export const endpointExample = small(
  z
    .strictObject({
      path: z.string().min(1).optional().describe("Path that the endpoint takes, with a query string if need be"),
      body: jsonValue.optional().describe("Sent as JSON"),
      form: z
        .record(z.string(), z.string())
        .refine((fields) => Object.keys(fields).every((field) => /^[^=]+$/.test(field)), {
          message: "has a field whose name is empty or contains =",
        })
        .optional()
        .describe("Sent as a multipart form; a value that starts with @ is the path of a file"),
    })
    .refine(({ body, form }) => body === undefined || form === undefined, {
      path: ["form"],
      message: "a request has either `body` or `form`",
    }),
);

/** A message of a queue that shows what it takes. */
export const messageExample = small(z.strictObject({ body: jsonValue.optional().describe("Sent as JSON") }));

/** Characters that a path and a query string have, and that need no quotes of curl's own. */
const URL_CHARACTERS = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})+$/;

/** Says what is wrong with an example of an endpoint beside what its schema says: field, message. */
export function problemsWithExample(
  { path, body, form }: z.infer<typeof endpointExample>,
  endpoint: { method: HttpMethod; path: string },
): [field: "path" | "body" | "form", message: string][] {
  const problems: ReturnType<typeof problemsWithExample> = [];
  if (path !== undefined && !URL_CHARACTERS.test(path))
    problems.push(["path", `"${path}" has characters that a URL cannot have: write them as %XX`]);
  else if (path !== undefined && !takes(endpoint.path, path.replace(/\?.*$/, "")))
    problems.push(["path", `"${path}" is not of the form "${endpoint.path}"`]);
  if (endpoint.method === "GET" || endpoint.method === "HEAD") {
    const message = `a ${endpoint.method} request has no body`;
    if (body !== undefined) problems.push(["body", message]);
    if (form !== undefined) problems.push(["form", message]);
  }
  return problems;
}

/** Whether an endpoint's path takes this path. */
function takes(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.at(-1) === "*") return given.length >= wanted.length && matches(wanted.slice(0, -1), given);
  return given.length === wanted.length && matches(wanted, given);
}

function matches(wanted: readonly string[], given: readonly string[]): boolean {
  return wanted.every((segment, index) => (segment.startsWith(":") ? given[index] !== "" : given[index] === segment));
}

function isJsonValue(value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(value)), value);
  } catch {
    return false;
  }
}
