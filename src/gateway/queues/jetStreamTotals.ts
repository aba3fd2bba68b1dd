import { type JetStreamAccess } from "./jetStreamAccess";

/** How old what others changed may be before it is asked for again. */
const MAX_AGE_MS = 1_000;
/** Short: whoever scales by the counts has to answer in time, and has the last ones. */
const TIMEOUT_MS = 2_000;

type Totals = Map<string, number>;

interface Snapshot {
  totals: Totals;
  startedAt: number;
  /** The number of the last change when it was begun. */
  change: number;
}

/**
 * Messages in a stream by subject. All subjects are asked for at once and kept for a moment, since hundreds of queues are
 * looked at every few seconds; what this gateway changed itself is seen at once.
 */
export class JetStreamTotals {
  readonly #access: JetStreamAccess;
  readonly #stream: string;
  readonly #all: string;
  /** Subjects with the number of their last change that no snapshot has seen. */
  readonly #changed = new Map<string, number>();
  #change = 0;
  #snapshot: Snapshot | undefined;
  #loading: (Omit<Snapshot, "totals"> & { done: Promise<Snapshot> }) | undefined;

  constructor(access: JetStreamAccess, stream: string, all: string) {
    this.#access = access;
    this.#stream = stream;
    this.#all = all;
  }

  /** Says that this gateway has added or removed messages. */
  changed(subject: string): void {
    this.#changed.set(subject, ++this.#change);
  }

  /** @throws StoreUnavailableError when NATS does not answer. */
  async of(subject: string): Promise<number> {
    const changed = this.#changed.get(subject) ?? 0;
    if (this.#loading !== undefined && this.#loading.change >= changed) {
      return (await this.#loading.done).totals.get(subject) ?? 0;
    }
    const isRecent = this.#snapshot !== undefined && performance.now() - this.#snapshot.startedAt < MAX_AGE_MS;
    if (isRecent && this.#snapshot!.change >= changed) return this.#snapshot!.totals.get(subject) ?? 0;
    if (isRecent || this.#loading !== undefined) return (await this.#load(subject)).get(subject) ?? 0;
    return (await this.#loadAll()).totals.get(subject) ?? 0;
  }

  /** All subjects that have messages. */
  async subjects(): Promise<string[]> {
    return [...(await this.#load(this.#all)).keys()];
  }

  #loadAll(): Promise<Snapshot> {
    const begun = { startedAt: performance.now(), change: this.#change };
    const done = this.#load(this.#all).then((totals) => {
      this.#snapshot = { ...begun, totals };
      for (const [subject, change] of this.#changed) if (change <= begun.change) this.#changed.delete(subject);
      return this.#snapshot;
    });
    this.#loading = { ...begun, done };
    const end = () => (this.#loading = undefined);
    done.then(end, end);
    return done;
  }

  async #load(filter: string): Promise<Totals> {
    const info = await this.#access.run(TIMEOUT_MS, ({ jsm }) =>
      jsm.streams.info(this.#stream, { subjects_filter: filter }),
    );
    return new Map(Object.entries(info.state.subjects ?? {}));
  }
}
