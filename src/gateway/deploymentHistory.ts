import { appendFile } from "node:fs/promises";

import { type FunctionDocument } from "../spec";

/** A version of a function that was served, or turned out not to run. */
export interface Deployment {
  /** Milliseconds since the epoch. */
  time: number;
  function: string;
  version: string;
  status: "deployed" | "failed";
  /** With `status: "failed"`: what went wrong. */
  error?: string;
}

/** The history of a region, a JSON line for each deployment: what `fullcode get builds` shows. */
export class DeploymentHistory {
  private readonly broken = new Map<string, string>();
  private written: Promise<void> = Promise.resolve();

  constructor(private readonly file: string) {}

  deployed(document: FunctionDocument): void {
    this.broken.delete(document.name);
    this.add(document, { status: "deployed" });
  }

  /** Recorded once for each reason: instances of code that cannot be run are tried again and again. */
  failed(document: FunctionDocument, error: string): void {
    if (this.broken.get(document.name) === error) return;
    this.broken.set(document.name, error);
    this.add(document, { status: "failed", error });
  }

  /** Resolves when everything is written. */
  close(): Promise<void> {
    return this.written;
  }

  private add({ name, version }: FunctionDocument, outcome: Pick<Deployment, "status" | "error">): void {
    const deployment: Deployment = { time: Date.now(), function: name, version, ...outcome };
    // the history is a convenience: a disk that is full must not keep a deployment from being served
    this.written = this.written
      .then(() => appendFile(this.file, JSON.stringify(deployment) + "\n"))
      .catch(() => undefined);
  }
}
