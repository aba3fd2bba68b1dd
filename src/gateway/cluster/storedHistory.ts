import { z } from "zod";

import { type FunctionDocument } from "../../spec";
import { type Deployment, MAX_ERROR_CHARACTERS } from "../deploymentHistory";
import { type MessageStore } from "../queues/messageStore";

const KEY = "deployments";
/** What is kept, the newest. */
const MAX_DEPLOYMENTS = 500;
/** Of the largest value: NATS gives it back in base64, and may be configured to take less. */
const SHARE_OF_VALUE = 0.5;
/** Gateways see a change at nearly the same time: what another one reported within this time is the same. */
const SAME_MS = 10_000;
/** Deployments come in groups: a program's functions one after the other. */
const GATHER_MS = 500;
const RETRY_MS = 5_000;

const deployments = z.array(
  z.object({
    time: z.number(),
    function: z.string(),
    version: z.string(),
    status: z.enum(["deployed", "failed"]),
    error: z.string().optional(),
  }),
);

/**
 * The history of a region in its message store: what `fullcode get builds` shows. Every gateway reports what it serves;
 * what is recorded of a function's current version already is not recorded again.
 */
export class StoredHistory {
  /** Not written yet. */
  private waiting: Deployment[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(
    private readonly store: Pick<MessageStore, "value" | "compareAndSet" | "maxValueBytes">,
    private readonly onProblem: (message: string) => void,
  ) {}

  deployed({ name, version }: FunctionDocument): void {
    this.add({ time: Date.now(), function: name, version, status: "deployed" });
  }

  failed({ name, version }: FunctionDocument, error: string): void {
    const cut = error.slice(0, MAX_ERROR_CHARACTERS);
    this.add({ time: Date.now(), function: name, version, status: "failed", error: cut });
  }

  /** Every record that is kept, oldest first. */
  async all(): Promise<Deployment[]> {
    return parse(await this.store.value(KEY));
  }

  /** Resolves when everything is written, or could not be. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.writing;
    if (this.waiting.length > 0) await this.write();
  }

  private add(deployment: Deployment): void {
    // NATS may be away for long, and instances that do not last fail all the time
    if (isSaid(this.waiting, deployment)) return;
    this.waiting = [...this.waiting, deployment].slice(-MAX_DEPLOYMENTS);
    this.schedule(GATHER_MS);
  }

  private schedule(ms: number): void {
    if (this.closed) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.writing = this.writing.then(() => this.write());
    }, ms);
  }

  private async write(): Promise<void> {
    const added = this.waiting;
    this.waiting = [];
    try {
      for (;;) {
        const stored = await this.store.value(KEY);
        const all = parse(stored);
        const known = all.length;
        for (const deployment of added) if (!isSaid(all, deployment)) all.push(deployment);
        if (all.length === known) return;
        const next = newest(all, this.store.maxValueBytes * SHARE_OF_VALUE);
        if (await this.store.compareAndSet(KEY, stored, next)) return;
      }
    } catch (error) {
      if (this.closed) return this.onProblem(`the last deployments could not be recorded: ${(error as Error).message}`);
      this.waiting = [...added, ...this.waiting].slice(-MAX_DEPLOYMENTS);
      this.schedule(RETRY_MS);
    }
  }
}

/**
 * Whether it was recorded since the function's version came into service, or by another gateway at nearly the same time. What
 * went wrong may be told in other words each time: with a count, an address or a time.
 */
function isSaid(all: readonly Deployment[], deployment: Deployment): boolean {
  const own = all.filter((each) => each.function === deployment.function);
  const previous = own.findLastIndex(({ version }) => version !== deployment.version);
  return own.some(
    ({ version, status, time }, index) =>
      version === deployment.version &&
      status === deployment.status &&
      (index > previous || Math.abs(time - deployment.time) < SAME_MS),
  );
}

/** The newest records as JSON, as many as fit. */
function newest(all: readonly Deployment[], maxBytes: number): string {
  const kept: string[] = [];
  let bytes = 0;
  for (const deployment of all.slice(-MAX_DEPLOYMENTS).reverse()) {
    const text = JSON.stringify(deployment);
    // with a comma or a bracket each
    bytes += Buffer.byteLength(text) + 2;
    if (bytes > maxBytes) break;
    kept.unshift(text);
  }
  return `[${kept.join(",")}]`;
}

function parse(text: string | undefined): Deployment[] {
  if (text === undefined) return [];
  try {
    return deployments.parse(JSON.parse(text));
  } catch {
    // of another version: a new history is better than none
    return [];
  }
}
