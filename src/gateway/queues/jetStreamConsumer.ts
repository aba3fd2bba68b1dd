import { setMaxListeners } from "node:events";

import { DEFAULT_MAX_HELD_BYTES, MAX_MESSAGE_BYTES } from "../../spec/limits";
import { type JetStreamAccess, type JetStreamApi } from "./jetStreamAccess";
import { isMissing, isTemporary, reasonOf } from "./jetStreamErrors";
import { JetStreamLease } from "./jetStreamLease";
import { type JetStreamNames } from "./jetStreamNames";
import { type ReceivedMessage } from "./jetStreamMessage";
import { JetStreamPull } from "./jetStreamPull";
import { ensureConsumer, MAX_STREAM_MESSAGE_BYTES } from "./jetStreamStreams";
import { type JetStreamDeadLetters } from "./jetStreamDeadLetters";
import { type JetStreamUncounted } from "./jetStreamUncounted";
import type { ConsumerOptions, DeliverMessage, DeliveryOutcome, MessageConsumer } from "./messageStore";
import { pause } from "./pause";
import { redeliveryPause } from "./redeliveryPause";
import { MessageTooLargeError, StoreUnavailableError } from "./storeErrors";

/** Pause after NATS could not be asked or told something. */
const RETRY_MS = 1_000;
/** Pause after a message was returned: what could not run a message a moment ago could not run the next one either. */
const RETURNED_PAUSE_MS = 250;
/** Shorter, so that the message is there before later ones: no gateway gets it at once, by a request that is open. */
const RETURNED_DELAY_MS = 150;
/** How often the room for messages is asked while there is none. */
const ROOM_LOOK_MS = 1_000;
/** Messages of one request; the server takes any number, but one gateway shall not take all that waits. */
const MAX_BATCH = 1_000;
/** Bodies that one consumer keeps in memory, as much as a function's held requests may. */
const MAX_LEASED_BYTES = DEFAULT_MAX_HELD_BYTES;
/** How often a message's end is reported without an answer while NATS is there; then it is left to be delivered again. */
const MAX_UNANSWERED = 12;
/** The same problem is reported once in this time, however many messages have it. */
const SAME_PROBLEM_MS = 60_000;
/** Parts of the ack wait: a message is kept by asking for it anew well before it is over. */
const KEEPS_PER_ACK_WAIT = 3;

export interface JetStreamConsumerContext {
  access: JetStreamAccess;
  names: JetStreamNames;
  uncounted: JetStreamUncounted;
  deadLetters: JetStreamDeadLetters;
  ackWaitMs: number;
  pullMs: number;
  /** Called when a message comes to this gateway and when it has left it, acknowledged or not. */
  onLease(): void;
  onLeaseEnd(): void;
}

/** Delivers the messages of one queue that the server gives this gateway; others may be given others at the same time. */
export class JetStreamConsumer implements MessageConsumer {
  readonly #queue: string;
  readonly #context: JetStreamConsumerContext;
  readonly #deliver: DeliverMessage;
  readonly #onStop: () => void;
  readonly #leases = new Map<string, JetStreamLease>();
  /** Messages that came back before their leases had ended. */
  readonly #early = new Map<string, ReceivedMessage>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #stopListening: () => void;
  #options: ConsumerOptions;
  #pull: JetStreamPull | undefined;
  /** What the pull was made on, or will be. */
  #api: JetStreamApi | undefined;
  /** The server's consumer has been found, and not missed since. */
  #isPrepared = false;
  #isPreparing = false;
  readonly #closing = new Set<Promise<void>>();
  #leasedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** By the monotonic clock, as the time of the problem. */
  #pausedUntil = 0;
  #problem: { text: string; at: number } | undefined;

  constructor(
    queue: string,
    context: JetStreamConsumerContext,
    options: ConsumerOptions,
    deliver: DeliverMessage,
    onStop: () => void,
  ) {
    this.#queue = queue;
    this.#context = context;
    this.#options = options;
    this.#deliver = deliver;
    this.#onStop = onStop;
    setMaxListeners(0, this.#stopping.signal);
    this.#stopListening = context.access.onReady(() => this.#resume());
    this.#look();
  }

  update(options: ConsumerOptions): void {
    this.#options = options;
    this.#look();
  }

  wake(): void {
    this.#pausedUntil = 0;
    this.#look();
  }

  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      clearTimeout(this.#timer);
      this.#stopListening();
      this.#onStop();
    }
    this.#closePull();
    await Promise.all(this.#closing);
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** JetStream is there again: what runs here must not be given to others, and requests for messages were lost. */
  #resume(): void {
    for (const lease of this.#leases.values()) lease.keep();
    this.#look();
  }

  /** Asks for as many messages as there is room for, unless a request is open already. */
  #look(): void {
    clearTimeout(this.#timer);
    const { api } = this.#context.access;
    if (this.#stopping.signal.aborted || api === undefined) return;
    if (this.#api !== api) this.#closePull();
    this.#api = api;
    if (!this.#isPrepared) return void this.#prepare(api);
    if (this.#pull?.isOpen === true) return;
    const ownPause = this.#pausedUntil - performance.now();
    if (ownPause > 0) return this.#lookIn(ownPause);
    const room = Math.floor(this.#options.maxInFlight()) - this.#leases.size;
    const bytes = MAX_LEASED_BYTES - this.#leasedBytes;
    // the end of each delivery looks again, and whoever has more room wakes; this is for whoever forgets to
    if (room <= 0 || bytes < MAX_STREAM_MESSAGE_BYTES) return this.#lookIn(ROOM_LOOK_MS);
    this.#pull ??= this.#newPull(api);
    this.#pull.request(Math.min(room, MAX_BATCH), bytes);
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  /** Makes sure of the server's consumer. */
  async #prepare(api: JetStreamApi): Promise<void> {
    if (this.#isPreparing) return;
    this.#isPreparing = true;
    const { access, names, ackWaitMs } = this.#context;
    try {
      await ensureConsumer(api.jsm, names, this.#queue, ackWaitMs);
      this.#isPrepared = true;
    } catch (error) {
      if (isMissing(error)) access.missed(api);
      else if (!isTemporary(error)) this.#report(error);
    }
    this.#isPreparing = false;
    if (this.#isPrepared || api.ended.aborted) this.#look();
    else this.#lookIn(RETRY_MS);
  }

  #newPull(api: JetStreamApi): JetStreamPull {
    const { names, pullMs } = this.#context;
    const pull = new JetStreamPull(api, names, this.#queue, pullMs, {
      onMessage: (message) => this.#take(message),
      onEnd: (problem) => (problem === undefined ? this.#look() : this.#lookIn(RETRY_MS)),
      onBroken: () => {
        this.#isPrepared = false;
        if (this.#pull === pull) this.#closePull();
        this.#lookIn(RETRY_MS);
      },
    });
    return pull;
  }

  /** Makes no other request. What the open one brings comes all the same. */
  #closePull(): void {
    const closed = this.#pull?.close();
    this.#pull = undefined;
    if (closed === undefined) return;
    this.#closing.add(closed);
    void closed.then(() => this.#closing.delete(closed));
  }

  #take(message: ReceivedMessage): void {
    const key = keyOf(message);
    const known = this.#leases.get(key);
    if (known !== undefined) {
      // it is still being handled here: it must not run a second time beside itself
      if (!known.adopt(message)) this.#early.set(key, message);
      return;
    }
    const { access, names, ackWaitMs } = this.#context;
    const lease = new JetStreamLease(access, names.stream, message, ackWaitMs / KEEPS_PER_ACK_WAIT);
    this.#leases.set(key, lease);
    this.#leasedBytes += message.bytes;
    this.#context.onLease();
    const run = this.#handle(lease)
      .catch((error: unknown) => this.#report(error))
      .finally(() => {
        this.#running.delete(run);
        this.#endLease(lease);
        this.#look();
      });
    this.#running.add(run);
  }

  #endLease(lease: JetStreamLease): void {
    const key = keyOf(lease.message);
    lease.release();
    this.#leases.delete(key);
    this.#leasedBytes -= lease.message.bytes;
    this.#context.onLeaseEnd();
    const early = this.#early.get(key);
    this.#early.delete(key);
    if (early !== undefined) this.#take(early);
  }

  async #handle(lease: JetStreamLease): Promise<void> {
    const { message } = lease;
    const uncounted = await this.#uncounted(message);
    if (uncounted === undefined) return;
    // nothing new is begun by a consumer that stops
    if (this.#stopping.signal.aborted) return this.#giveBack(lease, uncounted);
    const attempt = Math.max(message.deliveryCount - uncounted, 1);
    const { maxDeliveries } = this.#options;
    if (attempt > maxDeliveries)
      return this.#bury(
        lease,
        uncounted,
        attempt - 1,
        `what became of delivery ${attempt - 1} is not known: the gateway ended or lost NATS`,
      );
    if (message.body.length > MAX_MESSAGE_BYTES)
      return this.#bury(
        lease,
        uncounted,
        attempt - 1,
        new MessageTooLargeError(this.#queue, message.body.length).message,
      );
    const { id, body, contentType, publishedAt } = message;
    const delivery = { id, queue: this.#queue, attempt, publishedAt, contentType, body };
    const outcome = await this.#deliver(delivery).catch((error: unknown): DeliveryOutcome => ({
      delivered: false,
      reason: error instanceof Error ? error.message : String(error),
    }));
    if (outcome.delivered === true) await this.#end(lease, uncounted, () => lease.acknowledge());
    else if (outcome.delivered === "returned") {
      this.#pausedUntil = performance.now() + RETURNED_PAUSE_MS;
      await this.#giveBack(lease, uncounted, RETURNED_DELAY_MS);
    } else if (outcome.delivered === "never" || attempt >= this.#options.maxDeliveries)
      await this.#bury(lease, uncounted, attempt, outcome.reason);
    else await this.#postpone(lease, uncounted, redeliveryPause(this.#options.backoffSeconds, attempt));
  }

  /** `undefined` when it could not be found out: the message is left to be delivered again. */
  async #uncounted({ deliveryCount, sequence }: ReceivedMessage): Promise<number | undefined> {
    if (deliveryCount === 1) return 0;
    let uncounted: number | undefined;
    await this.#record(async () => {
      uncounted = await this.#context.uncounted.of(sequence);
    });
    return uncounted;
  }

  /** Recorded before it is given back: whoever gets it next has to know. */
  async #giveBack(lease: JetStreamLease, uncounted: number, pauseMs = 0): Promise<void> {
    await this.#record(async () => {
      await this.#context.uncounted.record(lease.message.sequence, uncounted + lease.repeats + 1);
      await lease.giveBack(pauseMs);
    });
  }

  async #postpone(lease: JetStreamLease, uncounted: number, pauseMs: number): Promise<void> {
    const { repeats, message } = lease;
    await this.#record(async () => {
      if (repeats > 0) await this.#context.uncounted.record(message.sequence, uncounted + repeats);
      await lease.giveBack(pauseMs);
    });
  }

  async #bury(lease: JetStreamLease, uncounted: number, attempts: number, reason: string): Promise<void> {
    const { id, body, contentType, publishedAt, sequence } = lease.message;
    const dead = { id, body, contentType, publishedAt, attempts, reason };
    let buried = false;
    await this.#end(lease, uncounted, async () => {
      if (!buried) {
        const letter = await this.#context.deadLetters.bury(this.#queue, sequence, dead);
        buried = true;
        this.#tell(() => this.#options.onDeadLetter?.(letter));
      }
      await lease.acknowledge();
    });
  }

  /** Reports the end of a message, and deletes what is kept about it. */
  async #end(lease: JetStreamLease, uncounted: number, end: () => Promise<void>): Promise<void> {
    if (!(await this.#record(end)) || uncounted === 0) return;
    await this.#context.uncounted.forget(lease.message.sequence).catch((error: unknown) => this.#report(error));
  }

  /**
   * Repeats what has to be told to NATS until it succeeds; says whether it did. A consumer that stops leaves the message to
   * be delivered again.
   */
  async #record(write: () => Promise<void>): Promise<boolean> {
    let unanswered = 0;
    for (;;) {
      try {
        await write();
        return true;
      } catch (error) {
        const isUnanswered = error instanceof StoreUnavailableError;
        // that NATS is down is known already
        const isDown = isUnanswered && this.#context.access.api === undefined;
        if (isUnanswered && !isDown) unanswered++;
        if (!isDown) this.#report(error);
        if (this.#stopping.signal.aborted || unanswered >= MAX_UNANSWERED) return false;
      }
      await pause(RETRY_MS, this.#stopping.signal);
    }
  }

  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    const reason = error instanceof StoreUnavailableError ? error.reason : reasonOf(error);
    const text = `queue "${this.#queue}": ${reason}`;
    const now = performance.now();
    if (this.#problem?.text === text && now - this.#problem.at < SAME_PROBLEM_MS) return;
    this.#problem = { text, at: now };
    this.#options.onProblem?.(new Error(text, { cause: error }));
  }
}

/** A stream that was lost and made anew gives out the same numbers again. */
function keyOf({ sequence, storedAt }: ReceivedMessage): string {
  return `${sequence}@${storedAt}`;
}
