import { Heap } from "./heap";

/**
 * Which of a queue's waiting messages comes next: the earliest position whose pause is over. Kept in memory, two numbers
 * a message at most, and built from disk when the store is opened.
 */
export class DeliveryOrder {
  readonly #ready = new Heap<number>((a, b) => a - b);
  readonly #paused = new Heap<{ position: number; until: number }>((a, b) => a.until - b.until);

  get size(): number {
    return this.#ready.size + this.#paused.size;
  }

  /** @param notBefore - Milliseconds since the epoch; 0 for a message without a pause. */
  add(position: number, notBefore: number): void {
    if (notBefore > 0) this.#paused.push({ position, until: notBefore });
    else this.#ready.push(position);
  }

  /** Takes the next message out. */
  take(now: number): number | undefined {
    for (let first = this.#paused.peek(); first !== undefined && first.until <= now; first = this.#paused.peek()) {
      this.#ready.push(first.position);
      this.#paused.pop();
    }
    return this.#ready.pop();
  }

  /** When the next pause ends, in milliseconds since the epoch. */
  nextPauseEnd(): number | undefined {
    return this.#paused.peek()?.until;
  }
}
