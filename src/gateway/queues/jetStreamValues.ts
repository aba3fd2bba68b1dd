import { nuid } from "@nats-io/transport-node";
import { type KvEntry } from "@nats-io/kv";

import { type JetStreamAccess } from "./jetStreamAccess";
import { isConflict } from "./jetStreamErrors";
import { type JetStreamNames, valueKey } from "./jetStreamNames";

const TIMEOUT_MS = 5_000;
const MAX_KEY_LENGTH = 400;
/** What a server takes that nobody has configured otherwise. */
const DEFAULT_MAX_PAYLOAD_BYTES = 1024 * 1024;
/** Room for the message id and what is expected of the value before. */
const HEADER_BYTES = 1_024;

/** Small values in the region's bucket. */
export class JetStreamValues {
  readonly #access: JetStreamAccess;
  readonly #names: JetStreamNames;

  constructor(access: JetStreamAccess, names: JetStreamNames) {
    this.#access = access;
    this.#names = names;
  }

  /** By what the server says that it takes, where it was asked. */
  get maxBytes(): number {
    return (this.#access.api?.connection.info?.max_payload ?? DEFAULT_MAX_PAYLOAD_BYTES) - HEADER_BYTES;
  }

  async value(key: string): Promise<string | undefined> {
    return textOf(await this.#entry(key));
  }

  /**
   * Each revision is written by one writer only: the server refuses a write whose predecessor is not the last one. The
   * message id makes a repetition of our own, after an answer was lost, the same write.
   */
  async compareAndSet(key: string, expected: string | undefined, next: string): Promise<boolean> {
    if (key === "" || key.length > MAX_KEY_LENGTH)
      throw new Error(`a value's key has 1 to ${MAX_KEY_LENGTH} characters; this one has ${key.length}`);
    const entry = await this.#entry(key);
    if (textOf(entry) !== expected) return false;
    const options = { msgID: nuid.next(), expect: { lastSubjectSequence: entry?.revision ?? 0 } };
    try {
      await this.#access.run(TIMEOUT_MS, ({ js }, timeout) =>
        js.publish(this.#names.valueSubject(key), next, { ...options, timeout }),
      );
      return true;
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
  }

  #entry(key: string): Promise<KvEntry | null> {
    return this.#access.run(TIMEOUT_MS, ({ values }) => values.get(valueKey(key)));
  }
}

function textOf(entry: KvEntry | null): string | undefined {
  return entry?.operation === "PUT" ? entry.string() : undefined;
}
