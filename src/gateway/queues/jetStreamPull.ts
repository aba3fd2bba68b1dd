import { createInbox, nanos, type Msg, type NatsConnection, type Subscription } from "@nats-io/transport-node";

import { type JetStreamNames } from "./jetStreamNames";
import { receivedMessage, type ReceivedMessage } from "./jetStreamMessage";

/** How long a request for messages stays open. Short: how many there is room for is asked before each. */
const EXPIRES_MS = 5_000;
/** Beyond its time a request is taken for lost, e.g. with the server that had it. */
const LOST_AFTER_MS = EXPIRES_MS + 2_000;
const DRAIN_MS = 2_000;

/** Statuses of the server, sent in place of a message. */
const HEARTBEAT = 100;
const EXPIRED = 408;
const CONFLICT = 409;

export interface PullEvents {
  onMessage(message: ReceivedMessage): void;
  /** The request is over: filled, expired, or failed with a problem. */
  onEnd(problem?: string): void;
  /** A problem for which another request by this subscription would not help. */
  onBroken(problem: string): void;
}

/**
 * Asks for messages of a durable consumer, one request at a time.
 *
 * Made of the library's parts instead of its `fetch`, which ends by dropping its subscription: messages that are on their
 * way then would be lost until the ack wait is over, and count as delivered. {@link drain} takes them in.
 */
export class JetStreamPull {
  readonly #connection: NatsConnection;
  readonly #events: PullEvents;
  readonly #subject: string;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  #request = 0;
  /** Messages that the open request may still bring. */
  #left = 0;
  #timer: NodeJS.Timeout | undefined;
  #drained: Promise<void> | undefined;

  constructor(connection: NatsConnection, names: JetStreamNames, queue: string, events: PullEvents) {
    this.#connection = connection;
    this.#events = events;
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${names.stream}.${names.consumer(queue)}`;
    this.#inbox = createInbox();
    this.#subscription = connection.subscribe(`${this.#inbox}.*`, {
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
    this.#timer = setTimeout(() => this.#break("a request for messages got no answer"), LOST_AFTER_MS);
    const options = { batch, max_bytes: bytes, expires: nanos(EXPIRES_MS) };
    this.#connection.publish(this.#subject, JSON.stringify(options), { reply: `${this.#inbox}.${this.#request}` });
  }

  /** Ends the open request; resolves when no message of it is on its way any more. */
  drain(): Promise<void> {
    this.#left = 0;
    clearTimeout(this.#timer);
    this.#drained ??= Promise.race([
      this.#subscription.drain().catch(() => undefined),
      // a connection that is down has nothing on its way
      new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS).unref()),
    ]);
    return this.#drained;
  }

  #receive(message: Msg): void {
    if (message.subject.startsWith(this.#inbox)) return this.#receiveStatus(message);
    const received = receivedMessage(message);
    if (received === undefined) return;
    const last = --this.#left === 0;
    this.#events.onMessage(received);
    if (last) this.#end();
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
    this.#left = 0;
    clearTimeout(this.#timer);
    this.#events.onEnd(problem);
  }

  #break(problem: string): void {
    const wasDrained = this.#drained !== undefined;
    void this.drain();
    if (!wasDrained) this.#events.onBroken(problem);
  }
}
