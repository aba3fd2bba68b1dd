import { CoreV1Api, type KubeConfig, type V1ConfigMap } from "@kubernetes/client-node";

import { type Document, DOCUMENT_KEY, DOCUMENT_LABEL } from "../../spec";
import { DocumentReader } from "../documents/documentReader";
import { type DocumentSet, documentSet } from "../documents/documentSet";
import { ObjectWatch } from "./objectWatch";

/**
 * The documents of a `kubernetes()` region: labelled ConfigMaps of its namespace.
 *
 * A ConfigMap that cannot be read keeps its last valid document in service and is reported; one that is gone is gone.
 */
export class ConfigMapSource {
  private readonly watch: ObjectWatch<V1ConfigMap>;
  private readonly reader: DocumentReader;
  /** By the ConfigMap's name. */
  private readonly valid = new Map<string, { version: string; document: Document }>();

  constructor(
    config: KubeConfig,
    namespace: string,
    onChange: (documents: DocumentSet) => void,
    onStatus: (level: "info" | "warn", message: string) => void,
  ) {
    this.reader = new DocumentReader((message) => onStatus("warn", message));
    this.watch = new ObjectWatch({
      config,
      path: `/api/v1/namespaces/${namespace}/configmaps`,
      labelSelector: DOCUMENT_LABEL,
      list: (access) =>
        access.makeApiClient(CoreV1Api).listNamespacedConfigMap({ namespace, labelSelector: DOCUMENT_LABEL }),
      onChange: (objects) => onChange(this.read(objects)),
      onStatus,
    });
  }

  start(): void {
    this.watch.start();
  }

  stop(): Promise<void> {
    return this.watch.stop();
  }

  private read(objects: readonly V1ConfigMap[]): DocumentSet {
    const problems: string[] = [];
    const names = new Set(objects.map(({ metadata }) => metadata?.name ?? ""));
    for (const name of this.valid.keys()) if (!names.has(name)) this.valid.delete(name);
    // the newest is last: a provider that replaces what it could update has two copies for a moment
    const sorted = [...objects].sort((a, b) => createdAt(a) - createdAt(b));
    const documents = new Map<string, Document>();
    for (const object of sorted) {
      const name = object.metadata?.name ?? "";
      try {
        const document = this.parse(name, object);
        documents.set(`${document.kind} ${document.name}`, document);
      } catch (error) {
        const kept = this.valid.get(name)?.document;
        problems.push(
          `${(error as Error).message}${kept === undefined ? "; it is left out" : "; its last valid version is served"}`,
        );
        if (kept !== undefined) documents.set(`${kept.kind} ${kept.name}`, kept);
      }
    }
    return documentSet(documents.values(), problems);
  }

  private parse(name: string, object: V1ConfigMap): Document {
    const version = object.metadata?.resourceVersion ?? "";
    const known = this.valid.get(name);
    if (known?.version === version) return known.document;
    const where = `ConfigMap "${name}"`;
    const text = object.data?.[DOCUMENT_KEY];
    if (text === undefined) throw new Error(`${where}: it has no ${DOCUMENT_KEY}`);
    const document = this.reader.read(text, where);
    this.valid.set(name, { version, document });
    return document;
  }
}

function createdAt({ metadata }: V1ConfigMap): number {
  const time = metadata?.creationTimestamp;
  return time === undefined ? 0 : new Date(time).getTime();
}
