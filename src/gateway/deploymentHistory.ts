import { appendFile } from "node:fs/promises";

import { type FunctionDocument } from "../spec";

export interface Deployment {
  /** Milliseconds since the epoch. */
  time: number;
  function: string;
  version: string;
}

/** Which version of a function was served from when on: a JSON line each, for `fullcode get deployments`. */
export class DeploymentHistory {
  private written: Promise<void> = Promise.resolve();

  constructor(private readonly file: string) {}

  add(document: FunctionDocument): void {
    const deployment: Deployment = { time: Date.now(), function: document.name, version: document.version };
    // the history is a convenience: a disk that is full must not keep a deployment from being served
    this.written = this.written
      .then(() => appendFile(this.file, JSON.stringify(deployment) + "\n"))
      .catch(() => undefined);
  }
}
