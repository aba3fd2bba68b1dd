import type { Tables } from "./tables";

const KEY = "lastNumber";

/**
 * Gives out numbers in ascending order, none twice in the store's life: positions in queues, and ids of messages. Whoever
 * takes one records it in the same commit as what it is used for.
 */
export class MessageNumbers {
  readonly #tables: Tables;
  #last: number;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#last = (tables.meta.get(KEY) as number | undefined) ?? 0;
  }

  next(): number {
    return ++this.#last;
  }

  /** To be called within a commit. */
  record(number: number): void {
    void this.#tables.meta.put(KEY, number);
  }
}

/** Ids sort as their messages were published. */
export function idOf(number: number): string {
  return number.toString(36).padStart(10, "0");
}

/** `NaN` for what is not an id. */
export function numberOf(id: string): number {
  return /^[0-9a-z]{10,11}$/.test(id) ? parseInt(id, 36) : NaN;
}
