/**
 * Durable queues, as the gateway sees them. One implementation a platform: embedded (lmdb) for `local()` regions, NATS
 * JetStream for `kubernetes()` regions.
 *
 * Delivery is at-least-once. A message is leased to one consumer at a time; the lease is kept alive while the consumer's
 * promise is pending, and ends with the process, after which the message is delivered again: at once, or where other
 * gateways consume the same queue when the lease has run out.
 */
export interface MessageStore {
  /**
   * Resolves once the message is on disk; a message that is accepted is never lost.
   *
   * @param options.deduplicationId - A second message with the id of an earlier one of the same queue is dropped, within
   * the store's window: `MAX_DEDUPLICATION_IDS` and `DEDUPLICATION_HOURS` for the embedded one, two minutes for JetStream.
   * @throws MessageTooLargeError for a body over `MAX_MESSAGE_BYTES`.
   * @throws StoreWriteError when the message could not be written; it is not in the queue then.
   * @throws StoreUnavailableError when a store elsewhere does not answer; it says whether the message may be in the queue.
   */
  publish(queue: string, message: NewMessage, options?: { deduplicationId?: string }): Promise<PublishedMessage>;

  /** Delivers the queue's messages, oldest first, until the consumer is stopped. One consumer a queue and store. */
  consume(queue: string, options: ConsumerOptions, deliver: DeliverMessage): MessageConsumer;

  /** Counts of one queue, for scaling and for people. */
  counts(queue: string): Promise<QueueCounts>;

  /** Names of all queues that hold or have held messages. */
  queues(): Promise<string[]>;

  /**
   * Messages that used up their deliveries, oldest first; each is read when it is asked for, since a hundred of them may
   * be more than there is memory for.
   *
   * @param options.limit - How many at most. `@default 100`
   */
  deadLetters(queue: string, options?: { limit?: number }): AsyncIterable<DeadLetter>;
  /** Puts dead letters back at the queue's end with their deliveries counted anew. Those that were cut stay. */
  redrive(queue: string, options?: { ids?: string[] }): Promise<Redriven>;
  /** Deletes dead letters; returns how many. */
  purgeDeadLetters(queue: string, options?: { ids?: string[] }): Promise<number>;

  /** Small durable values, changed by compare-and-set: the last firing of a cron. `undefined` where there is none. */
  value(key: string): Promise<string | undefined>;
  /** Writes `next` if the value still is `expected`; says whether it did. */
  compareAndSet(key: string, expected: string | undefined, next: string): Promise<boolean>;
  /** Bytes that a value may have, as far as is known. */
  readonly maxValueBytes: number;

  /**
   * Says that the store will be closed. It goes on as before, but leaves the settings of what it shares to other gateways,
   * whose configuration may be a later one.
   */
  leave(): void;
  /** Waits for writes under way, then closes. Consumers must be stopped before. */
  close(): Promise<void>;
}

export interface NewMessage {
  body: Buffer;
  /** Media type of the body, e.g. `application/json`. */
  contentType: string;
}

export interface PublishedMessage {
  id: string;
  /** The message was dropped since one with its deduplication id is known. */
  duplicate: boolean;
}

export interface Delivery extends NewMessage {
  id: string;
  queue: string;
  /** 1 for the first delivery. */
  attempt: number;
  /** Milliseconds since the epoch. */
  publishedAt: number;
}

/** What became of a delivery. A failed one is delivered again after a pause, or becomes a dead letter. */
export type DeliveryOutcome =
  | { delivered: true }
  | { delivered: false; reason: string }
  /** No delivery can succeed: a dead letter at once. */
  | { delivered: "never"; reason: string }
  /** Nothing ran (no instance, code that does not load, the gateway stops): given back at once and not counted. */
  | { delivered: "returned" };

export type DeliverMessage = (delivery: Delivery) => Promise<DeliveryOutcome>;

export interface ConsumerOptions {
  maxDeliveries: number;
  /** First pause between deliveries; doubles each time up to the limit. */
  backoffSeconds: number;
  /** How many messages may be leased at this moment; asked again before each lease. */
  maxInFlight: () => number;
  /** Called when a message has become a dead letter. */
  onDeadLetter?: (letter: DeadLetter) => void;
  /** Called when the store could not read or write on the consumer's behalf; the consumer tries again by itself. */
  onProblem?: (error: Error) => void;
}

export interface MessageConsumer {
  /** Applies changed options to the next lease. */
  update(options: ConsumerOptions): void;
  /** Looks for messages now, e.g. because `maxInFlight` has grown. */
  wake(): void;
  /** Leases nothing more and resolves when the pending deliveries have ended; what was leased and not begun is given back. */
  stop(): Promise<void>;
}

export interface QueueCounts {
  /** Waiting to be delivered, pauses included. */
  pending: number;
  /** Leased and not yet acknowledged. */
  inFlight: number;
  deadLetters: number;
}

/** What became of dead letters that were to be redriven. */
export interface Redriven {
  count: number;
  /** Letters that stay where they are, since their bodies were cut: handlers would take them for whole. */
  cut: number;
}

export interface DeadLetter extends NewMessage {
  id: string;
  queue: string;
  attempts: number;
  /** Why the last delivery failed. */
  reason: string;
  /** Milliseconds since the epoch. */
  publishedAt: number;
  deadAt: number;
  /** Length that the body had before it was cut to be kept. Absent where it is whole. */
  uncutBytes?: number;
}
