import type { RootDatabase } from "lmdb";

import { StoreWriteError } from "./storeErrors";

/**
 * Writes to disk in groups: while one commit is on its way, writes gather for the next, so any number of concurrent
 * writers share one flush. A group is committed as a whole or not at all.
 */
export class GroupCommit {
  readonly #root: RootDatabase;
  readonly #where: string;
  #gathered: (() => void)[] = [];
  #next: Promise<void> | undefined;
  #current: Promise<void> = Promise.resolve();

  /** @param where - Names the store in errors. */
  constructor(root: RootDatabase, where: string) {
    this.#root = root;
    this.#where = where;
  }

  /**
   * Resolves once the write is flushed to disk; continuations run in the order of the calls.
   *
   * @param write - Puts and removes only; must not throw, since the rest of the group would be committed.
   * @throws StoreWriteError when the group could not be written.
   */
  write(write: () => void): Promise<void> {
    this.#gathered.push(write);
    this.#next ??= this.#current.then(() => this.#commit());
    return this.#next;
  }

  /** Resolves when nothing is gathered or on its way. */
  async idle(): Promise<void> {
    while (this.#next !== undefined) await this.#next.catch(() => undefined);
    await this.#current;
  }

  #commit(): Promise<void> {
    const writes = this.#gathered;
    this.#gathered = [];
    this.#next = undefined;
    const committed = this.#flush(writes);
    this.#current = committed.catch(() => undefined);
    return committed;
  }

  async #flush(writes: (() => void)[]): Promise<void> {
    try {
      await this.#root.batch(() => {
        for (const write of writes) write();
      });
    } catch (error) {
      const { commitError } = error as { commitError?: Promise<never> };
      const cause: unknown = commitError === undefined ? error : await commitError.catch((reason: unknown) => reason);
      throw new StoreWriteError(this.#where, cause);
    }
  }
}
