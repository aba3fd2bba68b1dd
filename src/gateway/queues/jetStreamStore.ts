import { JetStreamAccess } from "./jetStreamAccess";
import { JetStreamConsumer } from "./jetStreamConsumer";
import { JetStreamDeadLetters } from "./jetStreamDeadLetters";
import { JetStreamLeases } from "./jetStreamLeases";
import { JetStreamNames, type RegionNames } from "./jetStreamNames";
import { publishToQueue } from "./jetStreamPublisher";
import { JetStreamTotals } from "./jetStreamTotals";
import { JetStreamUncounted } from "./jetStreamUncounted";
import { JetStreamValues } from "./jetStreamValues";
import type {
  ConsumerOptions,
  DeadLetter,
  DeliverMessage,
  MessageConsumer,
  MessageStore,
  NewMessage,
  PublishedMessage,
  QueueCounts,
  Redriven,
} from "./messageStore";
import { type NatsClient } from "./natsConnection";

/**
 * Time that the server remembers message ids for. It keeps them in memory, about 140 bytes each as measured, so the window
 * is what bounds it: 17 MB at 1,000 messages a second. Every message has an id, since one that was not confirmed is sent
 * again; that takes seconds.
 */
const DUPLICATE_WINDOW_MS = 120_000;
/** A message of a gateway that was killed is delivered again after this time. */
const ACK_WAIT_MS = 30_000;
/**
 * How long a request for messages stays open: how many there is room for is asked before each, and a consumer that stops
 * waits for its end. Measured, 300 queues that wait like this cost a gateway 2 % of a core.
 */
const PULL_MS = 2_000;
const LIST_TIMEOUT_MS = 3_000;

export interface JetStreamStoreOptions extends RegionNames {
  /** Stays open when the store is closed. */
  connection: NatsClient;
  /** Copies of each message, 1 to 5. */
  replicas: number;
  /** Told once of each reason for which the streams can't be made what they have to be; it is tried again. */
  onProblem?: (error: Error) => void;
  /**
   * Milliseconds after which a message is delivered again when the gateway that had it ended without a word. Gateways of
   * one region must agree.
   * @default 30000
   */
  ackWaitMs?: number;
  /**
   * Milliseconds for which a request for messages stays open.
   * @default 2000
   */
  pullMs?: number;
  /**
   * Milliseconds for which a deduplication id is remembered.
   * @default 120000
   */
  duplicateWindowMs?: number;
}

/**
 * Opens the queues of a region that NATS JetStream keeps. Any number of gateways may have them open. Resolves without
 * NATS: whatever needs it waits for it, and fails with a StoreUnavailableError when that takes too long.
 */
export function openJetStreamStore(options: JetStreamStoreOptions): Promise<MessageStore> {
  return new Promise((resolve) => resolve(new JetStreamStore(options)));
}

class JetStreamStore implements MessageStore {
  readonly #names: JetStreamNames;
  readonly #access: JetStreamAccess;
  readonly #messages: JetStreamTotals;
  readonly #letters: JetStreamTotals;
  readonly #deadLetters: JetStreamDeadLetters;
  readonly #uncounted: JetStreamUncounted;
  readonly #values: JetStreamValues;
  readonly #leases: JetStreamLeases;
  readonly #consumers = new Map<string, JetStreamConsumer>();
  readonly #timing: { ackWaitMs: number; pullMs: number };
  #closed = false;

  constructor(options: JetStreamStoreOptions) {
    const { connection, replicas, onProblem = () => undefined } = options;
    const settings = { replicas, duplicateWindowMs: options.duplicateWindowMs ?? DUPLICATE_WINDOW_MS };
    const names = new JetStreamNames(options);
    this.#timing = { ackWaitMs: options.ackWaitMs ?? ACK_WAIT_MS, pullMs: options.pullMs ?? PULL_MS };
    this.#names = names;
    this.#access = new JetStreamAccess(connection, names, settings, onProblem);
    this.#messages = new JetStreamTotals(this.#access, names.stream, names.allQueues);
    this.#letters = new JetStreamTotals(this.#access, names.deadLetterStream, names.allDeadLetters);
    this.#deadLetters = new JetStreamDeadLetters(this.#access, names, this.#letters, this.#messages);
    this.#uncounted = new JetStreamUncounted(this.#access, names);
    this.#values = new JetStreamValues(this.#access, names);
    this.#leases = new JetStreamLeases(this.#access, names);
    const stopSweeping = this.#access.onReady(() => {
      stopSweeping();
      // what is left behind does no harm, and the next gateway that starts tries again
      this.#uncounted.sweep().catch(() => undefined);
    });
  }

  async publish(
    queue: string,
    message: NewMessage,
    options: { deduplicationId?: string } = {},
  ): Promise<PublishedMessage> {
    this.#checkOpen();
    const published = await publishToQueue(this.#access, this.#names, queue, message, options.deduplicationId);
    this.#messages.changed(this.#names.queueSubject(queue));
    return published;
  }

  consume(queue: string, options: ConsumerOptions, deliver: DeliverMessage): MessageConsumer {
    this.#checkOpen();
    const subject = this.#names.queueSubject(queue);
    if (this.#consumers.has(queue)) throw new Error(`queue "${queue}" has a consumer already; stop that one first`);
    const context = {
      access: this.#access,
      names: this.#names,
      uncounted: this.#uncounted,
      deadLetters: this.#deadLetters,
      ...this.#timing,
      onLease: () => this.#leases.begin(queue),
      onLeaseEnd: () => {
        this.#leases.end(queue);
        this.#messages.changed(subject);
      },
    };
    const consumer = new JetStreamConsumer(queue, context, options, deliver, () => this.#consumers.delete(queue));
    this.#consumers.set(queue, consumer);
    return consumer;
  }

  /** Messages stay in their stream until they are acknowledged, so there are as many as it has, whoever consumes them. */
  async counts(queue: string): Promise<QueueCounts> {
    this.#checkOpen();
    const [messages, deadLetters] = await Promise.all([
      this.#messages.of(this.#names.queueSubject(queue)),
      this.#letters.of(this.#names.deadLetterSubject(queue)),
    ]);
    const inFlight = Math.min(this.#leases.count(queue), messages);
    return { pending: messages - inFlight, inFlight, deadLetters };
  }

  async queues(): Promise<string[]> {
    this.#checkOpen();
    const [messages, letters, consumed] = await Promise.all([
      this.#messages.subjects(),
      this.#letters.subjects(),
      this.#consumedSubjects(),
    ]);
    const queues = [...messages, ...letters, ...consumed].map((subject) => this.#names.queueOf(subject));
    return [...new Set(queues)].sort();
  }

  deadLetters(queue: string, options: { limit?: number } = {}): AsyncIterable<DeadLetter> {
    this.#checkOpen();
    return this.#deadLetters.list(queue, options.limit);
  }

  async redrive(queue: string, options: { ids?: string[] } = {}): Promise<Redriven> {
    this.#checkOpen();
    return this.#deadLetters.redrive(queue, options.ids);
  }

  async purgeDeadLetters(queue: string, options: { ids?: string[] } = {}): Promise<number> {
    this.#checkOpen();
    return this.#deadLetters.purge(queue, options.ids);
  }

  async value(key: string): Promise<string | undefined> {
    this.#checkOpen();
    return this.#values.value(key);
  }

  async compareAndSet(key: string, expected: string | undefined, next: string): Promise<boolean> {
    this.#checkOpen();
    return this.#values.compareAndSet(key, expected, next);
  }

  get maxValueBytes(): number {
    return this.#values.maxBytes;
  }

  leave(): void {
    this.#access.leave();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const consumed = [...this.#consumers.keys()];
    if (consumed.length > 0)
      throw new Error(
        `the message store ${this.#names.stream} still has consumers: ${consumed.join(", ")}; stop them first`,
      );
    this.#closed = true;
    this.#leases.close();
    await this.#deadLetters.idle();
    await this.#access.close();
  }

  /** A queue that was consumed once has a consumer, even if it is empty. */
  #consumedSubjects(): Promise<string[]> {
    return this.#access.run(LIST_TIMEOUT_MS, async ({ jsm }) => {
      const subjects: string[] = [];
      for await (const { config } of jsm.consumers.list(this.#names.stream))
        if (config.filter_subject !== undefined) subjects.push(config.filter_subject);
      return subjects;
    });
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error(`the message store ${this.#names.stream} is closed`);
  }
}
