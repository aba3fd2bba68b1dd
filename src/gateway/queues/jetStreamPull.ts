import { createInbox, nanos, type Msg, type Subscription } from "@nats-io/transport-node";

import { type JetStreamNames } from "./jetStreamNames";
import { receivedMessage, type ReceivedMessage } from "./jetStreamMessage";
import { type NatsSession } from "./natsConnection";

/** This long after its time a request is taken for lost, e.g. with the server that had it. */
const LOST_AFTER_MS = 2_000;

/** Statuses of the server, sent in place of a message. */
const HEARTBEAT = 100;
const EXPIRED = 408;
const CONFLICT = 409;

export interface PullEvents {
  onMessage(message: ReceivedMessage): void;
  /** The request is over: filled, expired, or failed with a problem. */
  onEnd(problem?: string): void;
  /** The request is over with a problem for which another one like it would not help. */
  onBroken(problem: string): void;
}

/**
 * Asks for messages of a durable consumer, one request at a time.
 *
 * Made of the library's parts instead of its `fetch`, which is ended by dropping its subscription: messages that are on
 * their way then are lost until the ack wait is over, and count as delivered. Here a request is never given up: it is so
 * short that whoever stops can wait for its end.
 */
export class JetStreamPull {
  readonly #session: NatsSession;
  readonly #events: PullEvents;
  readonly #subject: string;
  readonly #inbox: string;
  readonly #expiresMs: number;
  readonly #subscription: Subscription;
  #request = 0;
  /** Messages that the open request may still bring. */
  #left = 0;
  #timer: NodeJS.Timeout | undefined;
  #onceOver: (() => void) | undefined;

  /** @param expiresMs - How long a request stays open. */
  constructor(session: NatsSession, names: JetStreamNames, queue: string, expiresMs: number, events: PullEvents) {
    this.#session = session;
    this.#events = events;
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${names.stream}.${names.consumer(queue)}`;
    this.#inbox = createInbox();
    this.#expiresMs = expiresMs;
    this.#subscription = session.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error) this.#break(error.message);
        else this.#receive(message);
      },
    });
  }

  /** A request is open: messages may come at any time. */
  get isOpen(): boolean {
    return this.#left > 0;
  }

  /** Asks for up to `batch` messages of up to `bytes` in total. */
  request(batch: number, bytes: number): void {
    this.#request++;
    this.#left = batch;
    const lost = () => this.#break("a request for messages got no answer");
    this.#timer = setTimeout(lost, this.#expiresMs + LOST_AFTER_MS);
    const options = { batch, max_bytes: bytes, expires: nanos(this.#expiresMs) };
    const reply = `${this.#inbox}.${this.#request}`;
    this.#session.connection.publish(this.#subject, JSON.stringify(options), { reply });
  }

  /** Resolves when the open request is over, and no message comes any more. */
  async close(): Promise<void> {
    const { ended } = this.#session;
    if (this.isOpen && !ended.aborted)
      await new Promise<void>((resolve) => {
        this.#onceOver = resolve;
        ended.addEventListener("abort", () => resolve(), { once: true });
      });
    clearTimeout(this.#timer);
    this.#subscription.unsubscribe();
  }

  #receive(message: Msg): void {
    if (message.subject.startsWith(this.#inbox)) return this.#receiveStatus(message);
    const received = receivedMessage(message);
    if (received === undefined) return;
    const isLast = --this.#left === 0;
    this.#events.onMessage(received);
    if (isLast) this.#end();
  }

  #receiveStatus({ subject, headers }: Msg): void {
    const isCurrent = subject === `${this.#inbox}.${this.#request}`;
    if (!isCurrent || !this.isOpen || headers?.code === HEARTBEAT) return;
    const { code, description } = headers ?? { code: 0, description: "" };
    if (code === EXPIRED || (code === CONFLICT && /exceeds maxbytes/i.test(description))) this.#end();
    else if (code === CONFLICT && !/deleted/i.test(description)) this.#end(description);
    else this.#break(description || `status ${code}`);
  }

  #end(problem?: string): void {
    this.#finish();
    this.#events.onEnd(problem);
  }

  #break(problem: string): void {
    this.#finish();
    this.#events.onBroken(problem);
  }

  #finish(): void {
    this.#left = 0;
    clearTimeout(this.#timer);
    this.#onceOver?.();
  }
}
