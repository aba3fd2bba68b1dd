import type { Clock } from "../../../src/gateway/crons/clock";

interface Timer {
  at: number;
  callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class SimulatedClock implements Clock {
  readonly #timers = new Set<Timer>();
  #now: number;

  constructor(now: string) {
    this.#now = Date.parse(now);
  }

  now(): number {
    return this.#now;
  }

  get timers(): number {
    return this.#timers.size;
  }

  setTimeout(callback: () => void, ms: number): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Sets the clock without any timer running: a machine that sleeps, or somebody who corrects the time. */
  jumpTo(time: string): void {
    this.#now = Date.parse(time);
  }

  /** Lets time pass: runs the timers that end until then, each to the end of what it does, which is the next timer. */
  async runTo(time: string): Promise<void> {
    const end = Date.parse(time);
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      const count = this.#timers.size;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      while (this.#timers.size < count) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#now = Math.max(this.#now, end);
  }
}
