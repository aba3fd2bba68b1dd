import { type QueueDocument, type RouteDocument } from "../../spec";

/** Methods that curl uses without being told. */
const IMPLIED = new Set<RouteDocument["method"]>(["GET", "ANY", "POST"]);
const WITH_BODY = new Set<RouteDocument["method"]>(["POST", "PUT", "PATCH"]);

/** A line to paste into a shell that sends the endpoint's example, or else a request that reaches the endpoint. */
export function curlOfEndpoint({ method, path, session, example = {} }: RouteDocument, url: string): string {
  const target = example.path ?? path.replace(/:[^/]+/g, "1").replace(/\*$/, "x");
  const { form, body = WITH_BODY.has(method) ? {} : undefined } = example;
  const options = [
    ...(IMPLIED.has(method) ? [] : method === "HEAD" ? ["-I"] : [`-X ${method}`]),
    ...(session === "required" ? ['-H "authorization: Bearer $TOKEN"'] : []),
    ...(form !== undefined ? Object.entries(form).map(formField) : body !== undefined ? [jsonBody(body)] : []),
  ];
  return ["curl", ...options, quotedIfNeeded(url + target)].join(" ");
}

/** A line to paste into a shell that sends the queue's example as a message, or else an empty one. */
export function curlOfQueue({ queue, example }: QueueDocument, url: string): string {
  const { body = {} } = example ?? {};
  return `curl ${jsonBody(body)} ${url}/queues/${queue}`;
}

function jsonBody(body: unknown): string {
  return `-H 'content-type: application/json' -d ${quoted(JSON.stringify(body))}`;
}

/** `-F` reads a value that starts with `<` from a file, and takes what follows a semicolon for a type. */
function formField([name, value]: [string, string]): string {
  const isPlain = value.startsWith("@") || !/^[<"]|;/.test(value);
  return `${isPlain ? "-F" : "--form-string"} ${quoted(`${name}=${value}`)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function quotedIfNeeded(text: string): string {
  return /^[A-Za-z0-9\-._~:/@%+,=]+$/.test(text) ? text : quoted(text);
}
