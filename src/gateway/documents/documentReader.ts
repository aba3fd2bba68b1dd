import { type Document, readDocument } from "../../spec";

/**
 * Reads documents that may be of a later release than the gateway: what it does not know of them has no effect, and is told
 * once for each field.
 */
export class DocumentReader {
  private readonly told = new Set<string>();

  constructor(private readonly onNote: (message: string) => void) {}

  /**
   * @param where - Names the document in errors: a file, a ConfigMap.
   * @throws Error that says what is wrong with it.
   */
  read(text: string, where: string): Document {
    const { document, unknownFields } = readDocument(parseJson(text, where), where);
    for (const field of unknownFields) {
      const unknown = `"${field}" of a ${document.kind}`;
      if (this.told.has(unknown)) continue;
      this.told.add(unknown);
      this.onNote(
        `${where}: ${unknown} is not known to this gateway and has no effect: it is misspelt, or of a later release than the gateway`,
      );
    }
    return document;
  }
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`${where}: not valid JSON: ${(error as Error).message}`);
  }
}
