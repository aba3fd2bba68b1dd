import { type JetStreamAccess } from "./jetStreamAccess";
import { type ReceivedMessage } from "./jetStreamMessage";
import { StoreUnavailableError } from "./storeErrors";

const SETTLE_TIMEOUT_MS = 5_000;

const ACKNOWLEDGE = "+ACK";
const WORKING = "+WPI";
const RETURN = "-NAK";

/**
 * A message that is with this gateway. For the server it is so until the ack wait is over, which begins anew again and
 * again until the message's end is reported.
 */
export class JetStreamLease {
  readonly message: ReceivedMessage;
  readonly #access: JetStreamAccess;
  readonly #stream: string;
  readonly #timer: NodeJS.Timeout;
  readonly #superseded = new AbortController();
  #reply: string;
  #deliveryCount: number;
  #isGivenBack = false;

  /** @param keepMs - Time after which the ack wait begins anew. */
  constructor(access: JetStreamAccess, stream: string, message: ReceivedMessage, keepMs: number) {
    this.#access = access;
    this.#stream = stream;
    this.message = message;
    this.#reply = message.reply;
    this.#deliveryCount = message.deliveryCount;
    this.#timer = setInterval(() => this.keep(), keepMs);
  }

  /** How often the server handed the message out to us since, while it was here. */
  get repeats(): number {
    return this.#deliveryCount - this.message.deliveryCount;
  }

  /**
   * Takes note of another delivery of the message, which has come here since the ack wait was over: after NATS was down,
   * for example. Returns `false` if the message has been given back, and so has to be handled anew.
   */
  adopt({ reply, deliveryCount }: ReceivedMessage): boolean {
    if (this.#isGivenBack) {
      this.#superseded.abort();
      return false;
    }
    this.#reply = reply;
    this.#deliveryCount = Math.max(deliveryCount, this.#deliveryCount);
    return true;
  }

  /** Begins the ack wait anew. */
  keep(): void {
    if (!this.#isGivenBack) this.#access.api?.connection.publish(this.#reply, WORKING);
  }

  /**
   * Resolves when the server has deleted the message. A consumer whose leader has changed may have forgotten that it
   * delivered the message; then it does not answer, and would deliver the message again.
   */
  async acknowledge(): Promise<void> {
    try {
      await this.#settle(ACKNOWLEDGE);
    } catch (error) {
      const isUnanswered = error instanceof StoreUnavailableError && this.#access.api !== undefined;
      if (!isUnanswered) throw error;
      await this.#delete();
    }
  }

  /** Gives the message back, to be delivered again after a pause. */
  giveBack(pauseMs: number): Promise<void> {
    // from now on the ack wait may run out: that is another way to give it back
    this.#isGivenBack = true;
    const delay = Math.round(pauseMs) * 1_000_000;
    return this.#settle(delay > 0 ? `${RETURN} ${JSON.stringify({ delay })}` : RETURN);
  }

  /** Ends the lease on this side. */
  release(): void {
    clearInterval(this.#timer);
  }

  /** Resolves when the server has taken note, or handed the message out again. */
  async #settle(outcome: string): Promise<void> {
    const { signal } = this.#superseded;
    await this.#access.run(SETTLE_TIMEOUT_MS, async ({ connection }, timeout) => {
      if (!signal.aborted) await connection.request(this.#reply, outcome, { timeout });
    });
  }

  /** Deletes the message itself, unless the stream is another one by now and the number another message's. */
  async #delete(): Promise<void> {
    const { sequence, storedAt } = this.message;
    await this.#access.run(SETTLE_TIMEOUT_MS, async ({ jsm }) => {
      const stored = await jsm.streams.getMessage(this.#stream, { seq: sequence });
      const isSame = stored !== null && Math.abs(stored.time.getTime() - storedAt) <= 1;
      if (isSame) await jsm.streams.deleteMessage(this.#stream, sequence, false);
    });
  }
}
