import { type MsgHdrs } from "@nats-io/transport-node";

import { type JetStreamAccess, type JetStreamApi } from "./jetStreamAccess";
import { isDeleteFailure } from "./jetStreamErrors";
import { letterHeaders, letterId, redrivenHeaders, type StoredLetter, storedLetter } from "./jetStreamMessage";
import { type JetStreamNames } from "./jetStreamNames";
import { publishWithId } from "./jetStreamPublisher";
import { type JetStreamTotals } from "./jetStreamTotals";
import type { DeadLetter, Redriven } from "./messageStore";
import { Serial } from "./serial";
import { MessageTooLargeError } from "./storeErrors";

const DEFAULT_LIMIT = 100;
/** Characters of a failure's reason that are kept. */
const MAX_REASON_LENGTH = 2_000;
const TIMEOUT_MS = 10_000;
/** Letters that are looked through in one request. */
const SCAN_BATCH = 500;
/** Letters that are moved at a time. */
const MOVE_BATCH = 16;
/** Room for what a letter has in headers beyond the message that it was. */
const LETTER_HEADER_BYTES = 16 * 1024;

interface LetterKey {
  sequence: number;
  id: string;
}

/** The dead letters of a region: messages of the second stream, which keeps them until somebody takes them out. */
export class JetStreamDeadLetters {
  readonly #access: JetStreamAccess;
  readonly #names: JetStreamNames;
  readonly #letters: JetStreamTotals;
  readonly #messages: JetStreamTotals;
  readonly #changes = new Serial();

  constructor(access: JetStreamAccess, names: JetStreamNames, letters: JetStreamTotals, messages: JetStreamTotals) {
    this.#access = access;
    this.#names = names;
    this.#letters = letters;
    this.#messages = messages;
  }

  /**
   * Adds a letter. The message itself is acknowledged after that: whoever ends in between leaves both, and the message is
   * buried again under the same message id when it comes back.
   *
   * @param sequence - The message's number in its stream.
   */
  async bury(queue: string, sequence: number, dead: StoredLetter): Promise<DeadLetter> {
    const letter = { ...dead, reason: dead.reason.slice(0, MAX_REASON_LENGTH) };
    try {
      await this.#add(queue, sequence, letter);
    } catch (error) {
      if (!(error instanceof MessageTooLargeError)) throw error;
      // a message that fits just so, sent by another client: its letter must not fail for ever
      const room = (this.#access.api?.connection.info?.max_payload ?? 0) - LETTER_HEADER_BYTES;
      letter.body = letter.body.subarray(0, Math.max(room, 0));
      letter.uncutBytes = dead.body.length;
      letter.reason = `${letter.reason} (the body was cut to ${letter.body.length} of ${dead.body.length} bytes)`;
      await this.#add(queue, sequence, letter);
    }
    return { ...letter, queue, deadAt: Date.now() };
  }

  async *list(queue: string, limit = DEFAULT_LIMIT): AsyncGenerator<DeadLetter> {
    for (const key of await this.#scan(queue, limit)) {
      const stored = await this.#read(key);
      if (stored !== undefined) yield { ...stored.letter, queue, deadAt: stored.deadAt };
    }
  }

  /** Another gateway that does the same at the same time moves each letter once, too: by the message id. */
  redrive(queue: string, ids: string[] | undefined): Promise<Redriven> {
    return this.#changes.run(async () => {
      const keys = await this.#chosen(queue, ids);
      const redriven: Redriven = { count: 0, cut: 0 };
      for (let start = 0; start < keys.length; start += MOVE_BATCH) {
        const batch = keys.slice(start, start + MOVE_BATCH);
        for (const fate of await Promise.all(batch.map((key) => this.#redriveOne(queue, key))))
          if (fate === "redriven") redriven.count++;
          else if (fate === "cut") redriven.cut++;
      }
      return redriven;
    });
  }

  purge(queue: string, ids: string[] | undefined): Promise<number> {
    return this.#changes.run(async () => {
      if (ids === undefined) return this.#purgeAll(queue);
      let count = 0;
      for (const key of await this.#chosen(queue, ids)) if (await this.#delete(queue, key)) count++;
      return count;
    });
  }

  /** Resolves when no change is under way. */
  idle(): Promise<void> {
    return this.#changes.idle();
  }

  async #add(queue: string, sequence: number, letter: StoredLetter): Promise<void> {
    const to = { stream: this.#names.deadLetterStream, subject: this.#names.deadLetterSubject(queue) };
    const messageId = `dead:${sequence}:${letter.publishedAt}`;
    await publishWithId(this.#access, to, queue, letter.body, letterHeaders(letter), messageId);
    this.#letters.changed(to.subject);
  }

  async #redriveOne(queue: string, key: LetterKey): Promise<"redriven" | "cut" | "gone"> {
    const stored = await this.#read(key);
    if (stored === undefined) return "gone";
    const { letter, deadAt } = stored;
    if (letter.uncutBytes !== undefined) return "cut";
    const to = { stream: this.#names.stream, subject: this.#names.queueSubject(queue) };
    const messageId = `redrive:${key.sequence}:${deadAt}`;
    await publishWithId(this.#access, to, queue, letter.body, redrivenHeaders(letter), messageId);
    this.#messages.changed(to.subject);
    return (await this.#delete(queue, key)) ? "redriven" : "gone";
  }

  async #purgeAll(queue: string): Promise<number> {
    const subject = this.#names.deadLetterSubject(queue);
    let purged = 0;
    await this.#access.run(TIMEOUT_MS, async ({ jsm }) => {
      purged += (await jsm.streams.purge(this.#names.deadLetterStream, { filter: subject })).purged;
    });
    this.#letters.changed(subject);
    return purged;
  }

  /** Says whether it was this call that deleted the letter. */
  async #delete(queue: string, key: LetterKey): Promise<boolean> {
    try {
      await this.#access.run(TIMEOUT_MS, ({ jsm }) =>
        jsm.streams.deleteMessage(this.#names.deadLetterStream, key.sequence, false),
      );
    } catch (error) {
      if (isDeleteFailure(error) && (await this.#read(key)) === undefined) return false;
      throw error;
    }
    this.#letters.changed(this.#names.deadLetterSubject(queue));
    return true;
  }

  async #read({ sequence }: LetterKey): Promise<{ letter: StoredLetter; deadAt: number } | undefined> {
    const { deadLetterStream } = this.#names;
    const stored = await this.#access.run(TIMEOUT_MS, ({ jsm }) =>
      jsm.streams.getMessage(deadLetterStream, { seq: sequence }),
    );
    if (stored === null) return undefined;
    return { letter: storedLetter(stored.data, stored.header, sequence), deadAt: stored.time.getTime() };
  }

  async #chosen(queue: string, ids: string[] | undefined): Promise<LetterKey[]> {
    const keys = await this.#scan(queue, Infinity);
    return ids === undefined ? keys : keys.filter(({ id }) => ids.includes(id));
  }

  /** The letters of a queue that are there now, oldest first, without their bodies. */
  #scan(queue: string, limit: number): Promise<LetterKey[]> {
    const filter = this.#names.deadLetterSubject(queue);
    return this.#access.run(TIMEOUT_MS, async (api) => {
      if ((await this.#letters.of(filter)) === 0) return [];
      const keys: LetterKey[] = [];
      for await (const { sequence, headers } of this.#headers(api, filter, limit))
        keys.push({ sequence, id: letterId(headers, sequence) });
      return keys;
    });
  }

  async *#headers(
    { js }: JetStreamApi,
    filter: string,
    limit: number,
  ): AsyncGenerator<{ sequence: number; headers: MsgHdrs | undefined }> {
    const options = { filter_subjects: filter, headers_only: true };
    const consumer = await js.consumers.get(this.#names.deadLetterStream, options);
    try {
      let left = Math.min((await consumer.info(true)).num_pending, limit);
      while (left > 0) {
        const batch = await consumer.fetch({ max_messages: Math.min(left, SCAN_BATCH), expires: TIMEOUT_MS / 2 });
        let received = 0;
        for await (const message of batch) {
          yield { sequence: message.seq, headers: message.headers };
          received++;
          left = Math.min(left - 1, message.info.pending);
        }
        if (received === 0) return;
      }
    } finally {
      await consumer.delete().catch(() => undefined);
    }
  }
}
