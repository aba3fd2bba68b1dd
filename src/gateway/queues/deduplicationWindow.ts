import { createHash } from "node:crypto";

import type { GroupCommit } from "./groupCommit";
import { idOf, numberOf } from "./messageNumbers";
import type { PublishedMessage } from "./messageStore";
import { keysOf, type Tables } from "./tables";

const TRIM_INTERVAL_MS = 60_000;
/** Ids forgotten in one commit. */
const TRIM_BATCH = 1_000;

export interface DeduplicationOptions {
  /** Ids remembered for each queue. */
  maxIds: number;
  /** Milliseconds for which an id is remembered. */
  windowMs: number;
  now: () => number;
}

/** Remembers the deduplication ids of a queue's latest messages, on disk and in one commit with the message. */
export class DeduplicationWindow {
  readonly #pending = new Map<string, Promise<string>>();
  readonly #tables: Tables;
  readonly #commits: GroupCommit;
  readonly #queue: string;
  readonly #options: DeduplicationOptions;
  #count: number;
  #trimmedAt = 0;
  #trimming = false;

  constructor(tables: Tables, commits: GroupCommit, queue: string, options: DeduplicationOptions) {
    this.#tables = tables;
    this.#commits = commits;
    this.#queue = queue;
    this.#options = options;
    this.#count = tables.deduplicationOrder.getKeysCount(keysOf(queue));
  }

  /**
   * Publishes unless a message with the id is known. While the first one is on its way to disk, others wait: a duplicate is
   * reported only of a message that is kept.
   *
   * @param publish - Publishes the message, and calls `remember` with its number within the same commit.
   */
  async publishOnce(
    deduplicationId: string,
    publish: (remember: (number: number) => void) => Promise<string>,
  ): Promise<PublishedMessage> {
    const hash = createHash("sha256").update(deduplicationId).digest("base64url");
    for (let pending = this.#pending.get(hash); pending !== undefined; pending = this.#pending.get(hash)) {
      const id = await pending.catch(() => undefined);
      if (id !== undefined) return { id, duplicate: true };
    }
    const known = this.#tables.deduplicated.get([this.#queue, hash]);
    if (known !== undefined && !this.#isOver(known.at)) return { id: known.id, duplicate: true };

    const published = publish((number) => {
      void this.#tables.deduplicated.put([this.#queue, hash], { id: idOf(number), at: this.#options.now() });
      void this.#tables.deduplicationOrder.put([this.#queue, number], hash);
    });
    this.#pending.set(hash, published);
    try {
      const id = await published;
      this.#count++;
      return { id, duplicate: false };
    } finally {
      this.#pending.delete(hash);
      void this.#trim();
    }
  }

  #isOver(at: number): boolean {
    return at < this.#options.now() - this.#options.windowMs;
  }

  async #trim(): Promise<void> {
    const now = this.#options.now();
    const due = this.#count > this.#options.maxIds || now - this.#trimmedAt >= TRIM_INTERVAL_MS;
    if (this.#trimming || !due) return;
    this.#trimming = true;
    this.#trimmedAt = now;
    try {
      const forgotten = this.#oldest();
      if (forgotten.length === 0) return;
      await this.#commits.write(() => {
        for (const { number, hash, current } of forgotten) {
          void this.#tables.deduplicationOrder.remove([this.#queue, number]);
          if (current) void this.#tables.deduplicated.remove([this.#queue, hash]);
        }
      });
      this.#count -= forgotten.length;
    } catch {
      // A window that is too long for a while does no harm, and the next publisher is told of a full disk.
    } finally {
      this.#trimming = false;
    }
  }

  #oldest(): { number: number; hash: string; current: boolean }[] {
    const excess = this.#count - this.#options.maxIds;
    const forgotten = [];
    const range = this.#tables.deduplicationOrder.getRange({ ...keysOf(this.#queue), limit: TRIM_BATCH });
    for (const { key, value: hash } of range) {
      const entry = this.#tables.deduplicated.get([this.#queue, hash]);
      // An id that came again after its time belongs to the later message.
      const current = entry !== undefined && numberOf(entry.id) === key[1];
      if (forgotten.length >= excess && current && !this.#isOver(entry.at)) break;
      forgotten.push({ number: key[1], hash, current });
    }
    return forgotten;
  }
}
