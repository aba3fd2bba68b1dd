import { appendFile, readFile } from "node:fs/promises";

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

/**
 * The history of a region, a JSON line for each deployment: what `fullcode get builds` shows.
 *
 * What a function's last line says already is not said again: a gateway that restarts deploys nothing new, and instances
 * of code that cannot be run are tried again and again.
 */
export class DeploymentHistory {
  private readonly last = new Map<string, Deployment>();
  private written: Promise<void>;

  constructor(private readonly file: string) {
    this.written = this.read();
  }

  deployed(document: FunctionDocument): void {
    this.add(document, { status: "deployed" });
  }

  failed(document: FunctionDocument, error: string): void {
    this.add(document, { status: "failed", error });
  }

  /** Every line so far, oldest first. */
  async all(): Promise<Deployment[]> {
    await this.written;
    return readDeployments(this.file);
  }

  /** Resolves when everything is written. */
  close(): Promise<void> {
    return this.written;
  }

  private add({ name, version }: FunctionDocument, outcome: Pick<Deployment, "status" | "error">): void {
    const deployment: Deployment = { time: Date.now(), function: name, version, ...outcome };
    // the history is a convenience: a disk that is full must not keep a deployment from being served
    this.written = this.written.then(() => this.write(deployment)).catch(() => undefined);
  }

  private async write(deployment: Deployment): Promise<void> {
    const last = this.last.get(deployment.function);
    const { version, status, error } = deployment;
    if (last?.version === version && last.status === status && last.error === error) return;
    this.last.set(deployment.function, deployment);
    await appendFile(this.file, JSON.stringify(deployment) + "\n");
  }

  private async read(): Promise<void> {
    for (const deployment of await readDeployments(this.file)) this.last.set(deployment.function, deployment);
  }
}

/** The deployments in a history's file, oldest first; none when there is no file. */
export async function readDeployments(file: string): Promise<Deployment[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text
    .split("\n")
    .map(parse)
    .filter((deployment) => deployment !== undefined);
}

/** The last line may be half written. */
function parse(line: string): Deployment | undefined {
  try {
    return JSON.parse(line) as Deployment;
  } catch {
    return undefined;
  }
}
