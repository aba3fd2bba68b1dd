import { mkdir, realpath } from "node:fs/promises";

import { DEDUPLICATION_HOURS, MAX_DEDUPLICATION_IDS, MAX_MESSAGE_BYTES } from "../../spec/limits";
import { DeduplicationWindow } from "./deduplicationWindow";
import { EmbeddedConsumer } from "./embeddedConsumer";
import { EmbeddedQueue, type QueueStorage } from "./embeddedQueue";
import { GroupCommit } from "./groupCommit";
import { MessageNumbers } from "./messageNumbers";
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
import { Serial } from "./serial";
import { MessageTooLargeError, StoreInUseError } from "./storeErrors";
import { freeFolder, releaseOwnership, reserveFolder, takeOwnership } from "./storeOwner";
import { openTables, type Tables } from "./tables";

const NAME = /^[a-z0-9.-]{1,200}$/;
/** LMDB's keys are bounded. */
const MAX_VALUE_KEY_LENGTH = 400;
const HOUR_MS = 3_600_000;

export interface EmbeddedStoreOptions {
  /**
   * Deduplication ids remembered for each queue.
   * @default MAX_DEDUPLICATION_IDS
   */
  deduplicationIds?: number;
  /**
   * Milliseconds since the epoch.
   * @default Date.now
   */
  now?: () => number;
}

/**
 * Opens the durable queues in a folder, which is created if it is missing. Messages that were leased when an earlier
 * process ended can be delivered at once.
 *
 * @throws StoreInUseError when a live process has the folder open; an Error with the reason when it can't be opened.
 */
export async function openEmbeddedStore(folder: string, options: EmbeddedStoreOptions = {}): Promise<MessageStore> {
  await mkdir(folder, { recursive: true });
  const path = await realpath(folder);
  reserveFolder(path);
  let tables: Tables | undefined;
  try {
    tables = openTables(path);
    takeOwnership(tables, path);
    return new EmbeddedStore(path, tables, options);
  } catch (error) {
    await tables?.root.close();
    freeFolder(path);
    if (error instanceof StoreInUseError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${path}: the message store could not be opened: ${reason}`, { cause: error });
  }
}

class EmbeddedStore implements MessageStore {
  readonly #folder: string;
  readonly #storage: QueueStorage;
  readonly #options: EmbeddedStoreOptions;
  readonly #queues = new Map<string, EmbeddedQueue>();
  readonly #windows = new Map<string, DeduplicationWindow>();
  readonly #consumers = new Map<string, EmbeddedConsumer>();
  readonly #valueChanges = new Serial();
  #closed = false;

  constructor(folder: string, tables: Tables, options: EmbeddedStoreOptions) {
    this.#folder = folder;
    this.#options = options;
    this.#storage = {
      tables,
      commits: new GroupCommit(tables.root, `message store in ${folder}`),
      numbers: new MessageNumbers(tables),
      now: options.now ?? Date.now,
    };
  }

  async publish(
    queue: string,
    message: NewMessage,
    options: { deduplicationId?: string } = {},
  ): Promise<PublishedMessage> {
    if (message.body.length > MAX_MESSAGE_BYTES) throw new MessageTooLargeError(queue, message.body.length);
    const target = this.#queue(queue);
    const { deduplicationId } = options;
    if (deduplicationId === undefined) return { id: await target.publish(message), duplicate: false };
    return this.#window(queue).publishOnce(deduplicationId, (remember) => target.publish(message, remember));
  }

  consume(queue: string, options: ConsumerOptions, deliver: DeliverMessage): MessageConsumer {
    const source = this.#queue(queue);
    if (this.#consumers.has(queue)) throw new Error(`queue "${queue}" has a consumer already; stop that one first`);
    const consumer = new EmbeddedConsumer(source, options, deliver, () => this.#consumers.delete(queue));
    this.#consumers.set(queue, consumer);
    return consumer;
  }

  counts(queue: string): Promise<QueueCounts> {
    return promised(() => this.#queue(queue).counts());
  }

  queues(): Promise<string[]> {
    return promised(() => Array.from(this.#openTables().queues.getKeys()));
  }

  deadLetters(queue: string, options: { limit?: number } = {}): AsyncIterable<DeadLetter> {
    return this.#queue(queue).deadLetters(options.limit);
  }

  /** Letters of this store are whole: a body stays where it is when its message dies. */
  async redrive(queue: string, options: { ids?: string[] } = {}): Promise<Redriven> {
    return { count: await this.#queue(queue).redrive(options.ids), cut: 0 };
  }

  async purgeDeadLetters(queue: string, options: { ids?: string[] } = {}): Promise<number> {
    return this.#queue(queue).purge(options.ids);
  }

  value(key: string): Promise<string | undefined> {
    return promised(() => this.#openTables().values.get(key));
  }

  async compareAndSet(key: string, expected: string | undefined, next: string): Promise<boolean> {
    const tables = this.#openTables();
    if (key === "" || key.length > MAX_VALUE_KEY_LENGTH)
      throw new Error(`a value's key has 1 to ${MAX_VALUE_KEY_LENGTH} characters; this one has ${key.length}`);
    const { commits } = this.#storage;
    return this.#valueChanges.run(async () => {
      if (tables.values.get(key) !== expected) return false;
      await commits.write(() => void tables.values.put(key, next));
      return true;
    });
  }

  /** Any that there is memory for. */
  get maxValueBytes(): number {
    return Infinity;
  }

  leave(): void {
    // nobody else has it
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const consumed = [...this.#consumers.keys()];
    if (consumed.length > 0)
      throw new Error(
        `the message store in ${this.#folder} still has consumers: ${consumed.join(", ")}; stop them first`,
      );
    this.#closed = true;
    await this.#valueChanges.idle();
    for (const queue of this.#queues.values()) await queue.idle();
    await this.#storage.commits.idle();
    const { tables } = this.#storage;
    releaseOwnership(tables);
    await tables.root.close();
    freeFolder(this.#folder);
  }

  #queue(name: string): EmbeddedQueue {
    this.#openTables();
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      if (!NAME.test(name))
        throw new Error(`"${name}" is not a queue's name: lower-case letters, digits, dashes, dots`);
      queue = new EmbeddedQueue(name, this.#storage);
      this.#queues.set(name, queue);
    }
    return queue;
  }

  #window(queue: string): DeduplicationWindow {
    let window = this.#windows.get(queue);
    if (window === undefined) {
      const { tables, commits, now } = this.#storage;
      const maxIds = this.#options.deduplicationIds ?? MAX_DEDUPLICATION_IDS;
      window = new DeduplicationWindow(tables, commits, queue, {
        maxIds,
        windowMs: DEDUPLICATION_HOURS * HOUR_MS,
        now,
      });
      this.#windows.set(queue, window);
    }
    return window;
  }

  #openTables(): Tables {
    if (this.#closed) throw new Error(`the message store in ${this.#folder} is closed`);
    return this.#storage.tables;
  }
}

/** A value that is at hand, as the interface promises it; an error becomes a rejection. */
function promised<T>(compute: () => T): Promise<T> {
  return new Promise((resolve) => resolve(compute()));
}
