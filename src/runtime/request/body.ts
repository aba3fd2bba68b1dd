import { createRequire } from "node:module";

import { type FunctionFile } from "../../spec/handlerTypes";

const MAX_PARTS = 1_000;
const MAX_FIELD_NAME_BYTES = 1_024;

export interface Form {
  body: Record<string, string | string[]>;
  files: FunctionFile[];
}

/** A body that is not of the type that its headers claim; the caller gets a 400 that says so. */
export class InvalidBodyError extends Error {
  override readonly name = "InvalidBody";
}

/**
 * A body as a handler gets it: JSON parsed, `text/*` as a string, multipart as form fields and files, anything else as a
 * Buffer. Multipart alone takes time, and is a promise.
 *
 * @throws InvalidBodyError for broken JSON; the promise rejects with one for broken multipart.
 */
export function parseBody(contentType: string | undefined, body: Buffer): unknown {
  if (contentType === undefined) return body;
  const semicolon = contentType.indexOf(";");
  const type = (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
  if (type === "application/json" || type.endsWith("+json")) {
    try {
      return JSON.parse(body.toString("utf8")) as unknown;
    } catch (error) {
      throw new InvalidBodyError(`the body is not valid JSON: ${(error as Error).message}`);
    }
  }
  if (type.startsWith("text/")) return textOf(body, semicolon === -1 ? "" : contentType.slice(semicolon));
  if (type === "multipart/form-data") return parseMultipart(contentType, body);
  return body;
}

const CHARSET = /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;]+))/i;

/** @throws InvalidBodyError for a charset that the Encoding standard does not have. */
function textOf(body: Buffer, parameters: string): string {
  const [, quoted, plain] = CHARSET.exec(parameters) ?? [];
  const charset = quoted ?? plain ?? "utf-8";
  if (/^utf-?8$/i.test(charset)) return body.toString("utf8");
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    throw new InvalidBodyError(`the body's charset "${charset}" is not known; send UTF-8`);
  }
}

function parseMultipart(contentType: string, body: Buffer): Promise<Form> {
  // Loaded on the first upload: most functions never get one, and would pay for it at every cold start.
  const { Busboy } = createRequire(__filename)("@fastify/busboy") as typeof import("@fastify/busboy");
  return new Promise<Form>((resolve, reject) => {
    const fail = (reason: string) => reject(new InvalidBodyError(`the multipart body cannot be read: ${reason}`));
    const fields = new Map<string, string | string[]>();
    const files: FunctionFile[] = [];
    let parser: InstanceType<typeof Busboy>;
    try {
      parser = new Busboy({
        headers: { "content-type": contentType },
        limits: { parts: MAX_PARTS, fieldNameSize: MAX_FIELD_NAME_BYTES, fieldSize: body.length, fileSize: Infinity },
      });
    } catch (error) {
      return fail((error as Error).message);
    }
    parser.on("field", (name, value) => {
      const earlier = fields.get(name);
      if (earlier === undefined) fields.set(name, value);
      else if (Array.isArray(earlier)) earlier.push(value);
      else fields.set(name, [earlier, value]);
    });
    parser.on("file", (fieldName, stream, fileName, encoding, mimeType) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", (error: Error) => fail(error.message));
      stream.on("end", () => {
        const contents = Buffer.concat(chunks);
        files.push({ fieldName, fileName, encoding, mimeType, size: contents.length, contents });
      });
    });
    parser.on("partsLimit", () => fail(`it has more than ${MAX_PARTS} parts`));
    parser.on("error", (error: unknown) => fail((error as Error).message));
    parser.on("finish", () => resolve({ body: Object.fromEntries(fields), files }));
    parser.end(body);
  });
}
