import * as pulumi from "@pulumi/pulumi";

import { type Document, InvalidDocumentError, parseDocument } from "../spec";
import type { RegionPlace, Transform } from "./platform";

/**
 * A document as its transform makes it, and the options of the resource that holds it.
 *
 * @throws ResourceError for a document that no gateway would read.
 */
export function transformDocument<Kind extends Document>(
  document: Kind,
  transform: Transform<Kind> | undefined,
  options: pulumi.CustomResourceOptions,
  place: RegionPlace,
): Kind {
  const content = { ...document };
  if (transform === undefined) return content;
  transform(content, options, place);
  try {
    parseDocument(content, "transform");
  } catch (error) {
    if (!(error instanceof InvalidDocumentError)) throw error;
    throw new pulumi.ResourceError(error.message, options.parent, true);
  }
  return content;
}
