import { appendFile, readFile, rename, writeFile } from "node:fs/promises";

import { type FunctionDocument } from "../spec";

/** What is kept, the newest; the file has up to twice as many before it is made anew. */
const MAX_DEPLOYMENTS = 1_000;
/** What is kept of what went wrong. */
export const MAX_ERROR_CHARACTERS = 500;

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

/** What the history says of the version of a function that it named last. */
interface Said {
  version: string;
  statuses: Set<Deployment["status"]>;
}

/**
 * The history of a region, a JSON line for each deployment: what `fullcode get builds` shows.
 *
 * What is said of a function's version already is not said again until another version was served: a gateway that restarts
 * deploys nothing new, and instances of code that cannot be run are tried again and again, each for a reason of its own
 * where it names an address or a time.
 */
export class DeploymentHistory {
  private readonly said = new Map<string, Said>();
  private lines = 0;
  private written: Promise<void>;

  constructor(private readonly file: string) {
    this.written = this.read();
  }

  deployed(document: FunctionDocument): void {
    this.add(document, { status: "deployed" });
  }

  failed(document: FunctionDocument, error: string): void {
    this.add(document, { status: "failed", error: error.slice(0, MAX_ERROR_CHARACTERS) });
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
    if (!this.isNew(deployment)) return;
    await appendFile(this.file, JSON.stringify(deployment) + "\n");
    this.lines++;
    if (this.lines > 2 * MAX_DEPLOYMENTS) await this.shorten();
  }

  private async read(): Promise<void> {
    const all = await readDeployments(this.file);
    for (const deployment of all) this.isNew(deployment);
    this.lines = all.length;
  }

  /** Says whether it was not said before; from now on it was. */
  private isNew({ function: name, version, status }: Deployment): boolean {
    let said = this.said.get(name);
    if (said?.version !== version) this.said.set(name, (said = { version, statuses: new Set() }));
    if (said.statuses.has(status)) return false;
    said.statuses.add(status);
    return true;
  }

  /** Whoever reads it meanwhile finds the one or the other. */
  private async shorten(): Promise<void> {
    const kept = (await readDeployments(this.file)).slice(-MAX_DEPLOYMENTS);
    const next = `${this.file}.next`;
    await writeFile(next, kept.map((deployment) => JSON.stringify(deployment) + "\n").join(""));
    await rename(next, this.file);
    this.lines = kept.length;
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
