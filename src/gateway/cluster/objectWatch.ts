import { type KubeConfig, type KubernetesListObject, type KubernetesObject, ListWatch } from "@kubernetes/client-node";

import { ApiWatch, withDeadlines } from "./apiWatch";

/** Pause before a watch that failed is begun again; doubles with each failure in a row. */
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;
/** A server that closes a watch is everyday; one that does not answer the next one either is not. */
const REPORTED_FAILURES = 2;
/** Objects that are applied together change one after the other; they are read once it has been quiet for this long. */
const QUIET_MS = 50;
/** Changes that never cease are read this often all the same. */
const LONGEST_QUIET_MS = 500;

export interface ObjectWatchOptions<Value extends KubernetesObject> {
  config: KubeConfig;
  /** Of the list, e.g. `/api/v1/namespaces/shop/configmaps`. */
  path: string;
  labelSelector: string;
  /** @param config - `config` with deadlines. */
  list(config: KubeConfig): Promise<KubernetesListObject<Value>>;
  /** Everything that there is now, once at the start and after each change. */
  onChange(objects: readonly Value[]): void;
  /** The API server cannot be watched, or can be again: said once for each outage. */
  onStatus(level: "info" | "warn", message: string): void;
}

/**
 * Follows objects of one kind. While the API server is away, what was known last stays known: a control plane that is
 * down must not take the data plane with it.
 */
export class ObjectWatch<Value extends KubernetesObject> {
  private readonly config: KubeConfig;
  private readonly watch: ApiWatch;
  private readonly informer: ListWatch<Value>;
  /** In a row: since a watch worked. */
  private failures = 0;
  private listed = false;
  private stopped = false;
  private retryTimer: NodeJS.Timeout | undefined;
  private quietTimer: NodeJS.Timeout | undefined;
  private changedSince = 0;

  constructor(private readonly options: ObjectWatchOptions<Value>) {
    const { config, path, labelSelector } = options;
    this.config = withDeadlines(config);
    this.watch = new ApiWatch(this.config, () => this.succeeded());
    this.informer = new ListWatch(path, this.watch, () => this.list(), false, labelSelector);
    this.informer.on("change", () => this.changed());
    this.informer.on("error", (error: unknown) => this.failed(error));
  }

  /** Begins; `onChange` is called as soon as the objects have been read for the first time. */
  start(): void {
    void this.begin();
  }

  /** The objects are known, though perhaps not the latest. */
  get isKnown(): boolean {
    return this.listed;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.retryTimer);
    clearTimeout(this.quietTimer);
    this.watch.close();
    await this.informer.stop();
  }

  private async begin(): Promise<void> {
    try {
      await this.informer.start();
    } catch (error) {
      this.failed(error);
    }
  }

  private async list(): Promise<KubernetesListObject<Value>> {
    const list = await this.options.list(this.config);
    // an empty list is a change as well, the first time; the informer reports none then
    if (!this.listed) this.changed();
    return list;
  }

  /** A watch works; a list alone is no proof, and after an outage there may be none, for a watch goes on where it ended. */
  private succeeded(): void {
    if (this.failures >= REPORTED_FAILURES)
      this.options.onStatus("info", `the API server answers again for ${this.options.path}`);
    this.failures = 0;
  }

  private failed(error: unknown): void {
    if (this.stopped || this.retryTimer !== undefined) return;
    this.failures++;
    const pause = Math.min(FIRST_RETRY_MS * 2 ** (this.failures - 1), MAX_RETRY_MS);
    if (this.failures === REPORTED_FAILURES)
      this.options.onStatus("warn", `${this.options.path} cannot be watched: ${reasonOf(error)}; trying on`);
    this.retryTimer = setTimeout(() => {
      this.retryTimer = undefined;
      void this.begin();
    }, pause);
  }

  private changed(): void {
    if (this.stopped) return;
    const now = performance.now();
    if (this.quietTimer === undefined) this.changedSince = now;
    clearTimeout(this.quietTimer);
    const quiet = Math.min(QUIET_MS, Math.max(0, this.changedSince + LONGEST_QUIET_MS - now));
    this.quietTimer = setTimeout(() => {
      this.quietTimer = undefined;
      this.listed = true;
      this.options.onChange(this.informer.list());
    }, quiet);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "AbortError") return "the API server does not answer in time";
  // of a list, of a watch
  const { code, statusCode = code } = error as { code?: unknown; statusCode?: unknown };
  const text = error.message.split("\n", 1)[0];
  return statusCode === 403 ? `${text} (the gateway's ServiceAccount lacks list or watch)` : text;
}
