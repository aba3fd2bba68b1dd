import { setMaxListeners } from "node:events";

import type { EmbeddedQueue } from "./embeddedQueue";
import type { ConsumerOptions, DeliverMessage, DeliveryOutcome, MessageConsumer } from "./messageStore";
import { pause } from "./pause";
import { redeliveryPause } from "./redeliveryPause";

/** Pause after the store failed to write. */
const STORE_RETRY_MS = 1_000;
/** Pause after a message was returned: what could not run a message a moment ago could not run the next one either. */
const RETURNED_PAUSE_MS = 250;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Delivers the messages of one queue of the embedded store. */
export class EmbeddedConsumer implements MessageConsumer {
  readonly #queue: EmbeddedQueue;
  readonly #deliver: DeliverMessage;
  readonly #onStop: () => void;
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #options: ConsumerOptions;
  #timer: NodeJS.Timeout | undefined;
  /** By the monotonic clock. */
  #pausedUntil = 0;

  constructor(queue: EmbeddedQueue, options: ConsumerOptions, deliver: DeliverMessage, onStop: () => void) {
    this.#queue = queue;
    this.#options = options;
    this.#deliver = deliver;
    this.#onStop = onStop;
    setMaxListeners(0, this.#stopping.signal);
    queue.onAvailable = () => this.#lease();
    this.#lease();
  }

  update(options: ConsumerOptions): void {
    this.#options = options;
    this.#lease();
  }

  wake(): void {
    this.#pausedUntil = 0;
    this.#lease();
  }

  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      clearTimeout(this.#timer);
      this.#queue.onAvailable = undefined;
      this.#onStop();
    }
    await Promise.all(this.#running);
  }

  /** Leases what there is room for. Called again when a delivery ends, a message comes or a pause is over. */
  #lease(): void {
    if (this.#stopping.signal.aborted) return;
    clearTimeout(this.#timer);
    while (this.#running.size < this.#options.maxInFlight()) {
      const ownPause = this.#pausedUntil - performance.now();
      if (ownPause > 0) return this.#leaseIn(ownPause);
      const position = this.#queue.take();
      if (position === undefined) return this.#leaseIn(this.#queue.nextPause());
      const run = this.#run(position)
        .catch((error: unknown) => this.#report(error))
        .finally(() => {
          this.#running.delete(run);
          this.#lease();
        });
      this.#running.add(run);
    }
  }

  #leaseIn(ms: number | undefined): void {
    if (ms !== undefined) this.#timer = setTimeout(() => this.#lease(), Math.min(ms, MAX_TIMER_MS));
  }

  async #run(position: number): Promise<void> {
    const queue = this.#queue;
    const exhaustion = queue.exhaustion(position, this.#options.maxDeliveries);
    if (exhaustion !== undefined) {
      await this.#record(position, () => this.#bury(position, exhaustion));
      return;
    }
    let delivery;
    try {
      delivery = await queue.beginDelivery(position);
    } catch (error) {
      this.#pausedUntil = performance.now() + STORE_RETRY_MS;
      queue.release(position);
      throw error;
    }
    const outcome = await this.#deliver(delivery).catch((error: unknown): DeliveryOutcome => ({
      delivered: false,
      reason: messageOf(error),
    }));
    const { maxDeliveries, backoffSeconds } = this.#options;
    await this.#record(position, async () => {
      if (outcome.delivered === true) await queue.acknowledge(position);
      else if (outcome.delivered === "returned") await this.#takeBack(position);
      else if (outcome.delivered === "never" || delivery.attempt >= maxDeliveries)
        await this.#bury(position, outcome.reason);
      else await queue.postpone(position, outcome.reason, redeliveryPause(backoffSeconds, delivery.attempt));
    });
  }

  async #bury(position: number, reason: string): Promise<void> {
    const letter = await this.#queue.bury(position, reason);
    try {
      this.#options.onDeadLetter?.(letter);
    } catch (error) {
      this.#report(error);
    }
  }

  async #takeBack(position: number): Promise<void> {
    this.#pausedUntil = performance.now() + RETURNED_PAUSE_MS;
    await this.#queue.uncount(position);
  }

  /** Repeats a write until it succeeds; a consumer that stops leaves the message to be delivered again. */
  async #record(position: number, write: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await write();
        return;
      } catch (error) {
        this.#report(error);
        if (this.#stopping.signal.aborted) {
          this.#queue.release(position);
          return;
        }
      }
      await pause(STORE_RETRY_MS, this.#stopping.signal);
    }
  }

  #report(error: unknown): void {
    this.#options.onProblem?.(error instanceof Error ? error : new Error(String(error)));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
