import * as pulumi from "@pulumi/pulumi";

import { type Document, DOCUMENT_KEY, DOCUMENT_LABEL, documentConfigMapName, FUNCTION_LABEL } from "../../spec";
import { sortedJson } from "../sortedJson";
import type { CreatedObject, RegionObjects } from "./regionObjects";

/** A document, and what only a deployment can tell of it. */
export interface DocumentArgs {
  document: Document;
  /** Fields that take the place of the document's own. */
  later?: Record<string, pulumi.Input<string>>;
}

/** Makes a document's ConfigMap, which the gateways follow. */
export function createDocument(
  objects: RegionObjects,
  name: string,
  { document, later }: DocumentArgs,
  options: pulumi.CustomResourceOptions,
): CreatedObject {
  const functionName =
    document.kind === "Function" ? document.name : "function" in document ? document.function : undefined;
  const identity = {
    objectName: documentConfigMapName(document),
    name: document.name,
    component: "document",
    version: document.kind === "Function" ? document.version : undefined,
    labels: {
      [DOCUMENT_LABEL]: document.kind.toLowerCase(),
      ...(functionName !== undefined && { [FUNCTION_LABEL]: functionName }),
    },
  };
  const text =
    later === undefined
      ? sortedJson({ ...document })
      : pulumi.output(later).apply((fields) => sortedJson({ ...document, ...fields }));
  return objects.create("ConfigMap", name, identity, { data: { [DOCUMENT_KEY]: text } }, options);
}
