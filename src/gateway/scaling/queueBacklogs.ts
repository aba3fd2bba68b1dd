import { status } from "@grpc/grpc-js";

import { type MessageStore } from "../queues/messageStore";
import { ScalerError } from "./scalerError";
import { SharedAnswer } from "./sharedAnswer";
import { type Troubles } from "./troubles";

/** How old a count may be. */
const COUNT_MAX_AGE_MS = 500;
/** A queue that nobody asked for during this time is forgotten. */
const UNUSED_MS = 60_000;

interface Queue {
  count: SharedAnswer<number>;
  /** The last count that the store gave. */
  last: number | undefined;
}

/** Messages that wait in queues or are being handled, as the store counts them. */
export class QueueBacklogs {
  private readonly queues = new Map<string, Queue>();

  constructor(
    private readonly store: Pick<MessageStore, "counts">,
    private readonly troubles: Troubles,
  ) {}

  /**
   * Messages in these queues together. While the store cannot be asked, each counts as it did last: nothing is delivered
   * then, and a function with endpoints must be scaled for them all the same.
   *
   * @throws ScalerError UNAVAILABLE that names the queue when the store cannot be asked and never could.
   */
  async of(queues: readonly string[]): Promise<number> {
    const counts = await Promise.all(queues.map((queue) => this.queue(queue).count.get()));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Drops what is kept of queues that no function has any more. */
  forgetUnused(): void {
    const before = performance.now() - UNUSED_MS;
    for (const [name, { count }] of this.queues) if (count.usedAt < before) this.queues.delete(name);
  }

  private queue(name: string): Queue {
    let queue = this.queues.get(name);
    if (queue === undefined) {
      const made: Queue = { count: new SharedAnswer(() => this.count(name, made), COUNT_MAX_AGE_MS), last: undefined };
      this.queues.set(name, (queue = made));
    }
    return queue;
  }

  private async count(name: string, queue: Queue): Promise<number> {
    try {
      const { pending, inFlight } = await this.store.counts(name);
      this.troubles.works("store", "the messages of queues can be counted again");
      return (queue.last = pending + inFlight);
    } catch (error) {
      const reason = `the messages of queue "${name}" cannot be counted: ${(error as Error).message}`;
      this.troubles.failed("store", `${reason}. Until they can be, functions are scaled by the last counts`);
      if (queue.last !== undefined) return queue.last;
      throw new ScalerError(status.UNAVAILABLE, reason);
    }
  }
}
