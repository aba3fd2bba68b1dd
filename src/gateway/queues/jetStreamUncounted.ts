import { type JetStreamAccess, type JetStreamApi } from "./jetStreamAccess";
import { type JetStreamNames } from "./jetStreamNames";

const TIMEOUT_MS = 10_000;

/**
 * How many deliveries of a message do not count, since nothing ran. The server counts each time that it hands a message
 * out, and cannot be told otherwise; so what has to be subtracted is kept beside the values, where every gateway finds it.
 *
 * Publishing the message anew with its count in a header would need no record, but would put it behind all others, write
 * its body again each time, and leave two copies where a gateway ends in between.
 */
export class JetStreamUncounted {
  readonly #access: JetStreamAccess;
  readonly #names: JetStreamNames;

  constructor(access: JetStreamAccess, names: JetStreamNames) {
    this.#access = access;
    this.#names = names;
  }

  /** Returns 0 for a message of which all deliveries count. */
  of(sequence: number): Promise<number> {
    const { bucketStream } = this.#names;
    return this.#access.run(TIMEOUT_MS, async ({ jsm }) => {
      const query = { last_by_subj: this.#names.uncountedSubject(sequence) };
      const stored = await jsm.streams.getMessage(bucketStream, query);
      const count = stored === null ? 0 : Number(stored.string());
      return Number.isSafeInteger(count) ? count : 0;
    });
  }

  async record(sequence: number, count: number): Promise<void> {
    await this.#access.run(TIMEOUT_MS, ({ js }, timeout) =>
      js.publish(this.#names.uncountedSubject(sequence), String(count), { timeout }),
    );
  }

  /** Deletes the record of a message that is gone. */
  async forget(sequence: number): Promise<void> {
    await this.#access.run(TIMEOUT_MS, ({ jsm }) => this.#delete(jsm, sequence));
  }

  /** Deletes records that a gateway left behind when it ended right after a message's end. */
  async sweep(): Promise<void> {
    const { stream, bucketStream } = this.#names;
    await this.#access.run(TIMEOUT_MS, async ({ jsm }) => {
      const filter = this.#names.uncountedSubject("*");
      const records = (await jsm.streams.info(bucketStream, { subjects_filter: filter })).state.subjects ?? {};
      const { first_seq: first } = (await jsm.streams.info(stream)).state;
      const sequences = Object.keys(records).map((subject) => Number(subject.split(".").at(-1)));
      for (const sequence of sequences) if (sequence < first) await this.#delete(jsm, sequence);
    });
  }

  async #delete(jsm: JetStreamApi["jsm"], sequence: number): Promise<void> {
    await jsm.streams.purge(this.#names.bucketStream, { filter: this.#names.uncountedSubject(sequence) });
  }
}
