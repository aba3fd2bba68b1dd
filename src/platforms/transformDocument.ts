import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";

import { type Document, InvalidDocumentError, parseDocument } from "../spec";
import type { RegionPlace, Transform } from "./platform";

/** What resources were named after, and images built from, before there was a document to change. */
const FIXED_FIELDS = ["apiVersion", "kind", "name", "function", "version", "runtime", "entrypoint", "code", "image"];

/**
 * A document as its transform makes it, and the options of the resource that holds it. The given one stays as it is:
 * other regions have it, too.
 *
 * @throws ResourceError for a document that no gateway would read, or that is not of the same thing any more.
 */
export function transformDocument<Kind extends Document>(
  document: Kind,
  transform: Transform<Kind> | undefined,
  options: pulumi.CustomResourceOptions,
  place: RegionPlace,
): Kind {
  if (transform === undefined) return document;
  const content = JSON.parse(JSON.stringify(document)) as Kind;
  transform(content, options, place);
  const refuse = (message: string): never => {
    throw new pulumi.ResourceError(message, options.parent, true);
  };
  for (const field of FIXED_FIELDS)
    if (!isDeepStrictEqual(Reflect.get(content, field), Reflect.get(document, field)))
      refuse(`transform: ${field}: must stay as it is; change it by the component's own arguments`);
  try {
    return parseDocument(content, "transform") as Kind;
  } catch (error) {
    if (!(error instanceof InvalidDocumentError)) throw error;
    return refuse(error.message);
  }
}
