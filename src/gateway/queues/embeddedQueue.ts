import { DeliveryOrder } from "./deliveryOrder";
import type { GroupCommit } from "./groupCommit";
import { idOf, numberOf, type MessageNumbers } from "./messageNumbers";
import type { DeadLetter, Delivery, NewMessage, QueueCounts } from "./messageStore";
import { Serial } from "./serial";
import { keysOf, type MessageRecord, type Tables } from "./tables";

/** Characters of a failure's reason that are kept. */
const MAX_REASON_LENGTH = 2_000;
/** Dead letters moved or deleted in one commit. */
const DEAD_LETTER_BATCH = 500;
const DEFAULT_DEAD_LETTER_LIMIT = 100;

export interface QueueStorage {
  tables: Tables;
  commits: GroupCommit;
  numbers: MessageNumbers;
  now: () => number;
}

/**
 * One queue of the embedded store. The disk is the truth: what is kept in memory changes only after the commit that it
 * mirrors. A lease is in memory only, and so ends with the process.
 */
export class EmbeddedQueue {
  readonly #order = new DeliveryOrder();
  readonly #storage: QueueStorage;
  readonly #deadLetterChanges = new Serial();
  #leased = 0;
  #deadLetters: number;
  #listed: boolean;
  /** Called when there may be something to take. */
  onAvailable: (() => void) | undefined;

  /** Reads which messages wait; takes time in proportion to their number, not to their size. */
  constructor(
    readonly name: string,
    storage: QueueStorage,
  ) {
    this.#storage = storage;
    const { tables } = storage;
    for (const { key, value } of tables.messages.getRange(keysOf(name))) this.#order.add(key[1], value.notBefore);
    this.#deadLetters = tables.deadLetters.getKeysCount(keysOf(name));
    this.#listed = tables.queues.get(name) !== undefined;
  }

  /**
   * Appends a message and returns its id.
   *
   * @param alongside - Further writes of the same commit; gets the message's number.
   */
  async publish(message: NewMessage, alongside?: (number: number) => void): Promise<string> {
    const { tables, commits, numbers, now } = this.#storage;
    const number = numbers.next();
    const record: MessageRecord = {
      id: idOf(number),
      contentType: message.contentType,
      publishedAt: now(),
      attempts: 0,
      leased: false,
      notBefore: 0,
    };
    await commits.write(() => {
      numbers.record(number);
      if (!this.#listed) void tables.queues.put(this.name, true);
      void tables.bodies.put(number, message.body);
      void tables.messages.put([this.name, number], record);
      alongside?.(number);
    });
    this.#listed = true;
    this.#order.add(number, 0);
    this.onAvailable?.();
    return record.id;
  }

  counts(): QueueCounts {
    return { pending: this.#order.size, inFlight: this.#leased, deadLetters: this.#deadLetters };
  }

  /** Milliseconds until the next pause of a message ends. */
  nextPause(): number | undefined {
    const end = this.#order.nextPauseEnd();
    return end === undefined ? undefined : Math.max(end - this.#storage.now(), 0);
  }

  /** Takes the next message out of the order; it counts as leased until one of the methods below ends that. */
  take(): number | undefined {
    const position = this.#order.take(this.#storage.now());
    if (position !== undefined) this.#leased++;
    return position;
  }

  /** Puts a taken message back as it is on disk. */
  release(position: number): void {
    this.#giveUpLease(position, this.#record(position).notBefore);
  }

  /** Why a message may not be delivered again, or `undefined` when it may. */
  exhaustion(position: number, maxDeliveries: number): string | undefined {
    const record = this.#record(position);
    if (record.attempts < maxDeliveries) return undefined;
    if (record.leased) return `the gateway ended during delivery ${record.attempts}`;
    return record.reason ?? `${record.attempts} deliveries were begun`;
  }

  /** Counts a delivery, on disk before it begins: a message that ends the process has used it up. */
  async beginDelivery(position: number): Promise<Delivery> {
    const { tables, commits } = this.#storage;
    const record = this.#record(position);
    const body = this.#body(record.id);
    const begun: MessageRecord = { ...record, attempts: record.attempts + 1, leased: true, notBefore: 0 };
    await commits.write(() => void tables.messages.put([this.name, position], begun));
    const { id, contentType, publishedAt, attempts } = begun;
    return { id, queue: this.name, attempt: attempts, publishedAt, contentType, body };
  }

  /** Deletes a delivered message. */
  async acknowledge(position: number): Promise<void> {
    const { tables, commits } = this.#storage;
    const { id } = this.#record(position);
    await commits.write(() => {
      void tables.messages.remove([this.name, position]);
      void tables.bodies.remove(numberOf(id));
    });
    this.#leased--;
  }

  /** Gives a message back whose delivery did not take place. */
  async uncount(position: number): Promise<void> {
    const { tables, commits } = this.#storage;
    const record = this.#record(position);
    const uncounted: MessageRecord = { ...record, attempts: record.attempts - 1, leased: false };
    await commits.write(() => void tables.messages.put([this.name, position], uncounted));
    this.#giveUpLease(position, 0);
  }

  /** Gives a message back whose delivery failed, to be delivered again after a pause. */
  async postpone(position: number, reason: string, pauseMs: number): Promise<void> {
    const { tables, commits, now } = this.#storage;
    const postponed: MessageRecord = {
      ...this.#record(position),
      leased: false,
      reason: reason.slice(0, MAX_REASON_LENGTH),
      notBefore: now() + pauseMs,
    };
    await commits.write(() => void tables.messages.put([this.name, position], postponed));
    this.#giveUpLease(position, postponed.notBefore);
  }

  /** Makes a dead letter of a message. */
  async bury(position: number, reason: string): Promise<DeadLetter> {
    const { tables, commits, now } = this.#storage;
    const { id, contentType, publishedAt, attempts } = this.#record(position);
    const body = this.#body(id);
    const letter = {
      id,
      contentType,
      publishedAt,
      attempts,
      reason: reason.slice(0, MAX_REASON_LENGTH),
      deadAt: now(),
    };
    await commits.write(() => {
      void tables.messages.remove([this.name, position]);
      void tables.deadLetters.put([this.name, numberOf(id)], letter);
    });
    this.#leased--;
    this.#deadLetters++;
    return { ...letter, queue: this.name, body };
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- other stores have to wait for each
  async *deadLetters(limit = DEFAULT_DEAD_LETTER_LIMIT): AsyncGenerator<DeadLetter> {
    const { deadLetters, bodies } = this.#storage.tables;
    for (const { value } of [...deadLetters.getRange({ ...keysOf(this.name), limit })]) {
      const body = bodies.get(numberOf(value.id));
      // it may have been purged, or redriven and delivered, meanwhile
      if (body !== undefined) yield { ...value, queue: this.name, body };
    }
  }

  redrive(ids?: string[]): Promise<number> {
    const { tables, commits, numbers } = this.#storage;
    return this.#changeDeadLetters(ids, async (batch) => {
      const moved = batch.map((number) => {
        const { id, contentType, publishedAt } = tables.deadLetters.get([this.name, number])!;
        const record = { id, contentType, publishedAt, attempts: 0, leased: false, notBefore: 0 };
        return { number, position: numbers.next(), record };
      });
      await commits.write(() => {
        for (const { number, position, record } of moved) {
          numbers.record(position);
          void tables.messages.put([this.name, position], record);
          void tables.deadLetters.remove([this.name, number]);
        }
      });
      for (const { position } of moved) this.#order.add(position, 0);
      this.onAvailable?.();
    });
  }

  purge(ids?: string[]): Promise<number> {
    const { tables, commits } = this.#storage;
    return this.#changeDeadLetters(ids, (batch) =>
      commits.write(() => {
        for (const number of batch) {
          void tables.deadLetters.remove([this.name, number]);
          void tables.bodies.remove(number);
        }
      }),
    );
  }

  /** Applies a change to the dead letters that are there now, a batch a commit; changes of one queue never overlap. */
  #changeDeadLetters(ids: string[] | undefined, change: (numbers: number[]) => Promise<void>): Promise<number> {
    return this.#deadLetterChanges.run(async () => {
      const { deadLetters } = this.#storage.tables;
      const numbers =
        ids === undefined
          ? Array.from(deadLetters.getKeys(keysOf(this.name)), (key) => key[1])
          : [...new Set(ids.map(numberOf))].filter((number) => deadLetters.doesExist([this.name, number]));
      for (let start = 0; start < numbers.length; start += DEAD_LETTER_BATCH) {
        const batch = numbers.slice(start, start + DEAD_LETTER_BATCH);
        await change(batch);
        this.#deadLetters -= batch.length;
      }
      return numbers.length;
    });
  }

  /** Resolves when no change of dead letters is under way. */
  async idle(): Promise<void> {
    await this.#deadLetterChanges.idle();
  }

  #giveUpLease(position: number, notBefore: number): void {
    this.#leased--;
    this.#order.add(position, notBefore);
    this.onAvailable?.();
  }

  #record(position: number): MessageRecord {
    const record = this.#storage.tables.messages.get([this.name, position]);
    if (record === undefined) throw new Error(`queue "${this.name}": the message at position ${position} is missing`);
    return record;
  }

  #body(id: string): Buffer {
    const body = this.#storage.tables.bodies.get(numberOf(id));
    if (body === undefined) throw new Error(`queue "${this.name}": the body of message ${id} is missing`);
    return body;
  }
}
