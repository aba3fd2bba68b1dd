import { z } from "zod";

import { anyDocument } from "./documents";

/** JSON Schema (draft 2020-12) of a document, for editors and other tools. */
export function documentJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(anyDocument, { io: "input", unrepresentable: "any" }) as Record<string, unknown>;
  return { title: "fullcode document", ...schema };
}
