import type {
  ConsumerOptions,
  DeadLetter,
  DeliverMessage,
  Delivery,
  DeliveryOutcome,
  MessageConsumer,
  MessageStore,
  NewMessage,
} from "../../../src/gateway/queues/messageStore";
import { waitUntil } from "../../support/waitUntil";

export const QUEUE = "orders";

export function text(body: string): NewMessage {
  return { body: Buffer.from(body), contentType: "text/plain" };
}

/** All dead letters of a queue. */
export async function deadLettersOf(store: MessageStore, queue = QUEUE, limit?: number): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const letter of store.deadLetters(queue, { limit })) letters.push(letter);
  return letters;
}

/** A store of the running test with its consumers. */
export class StoreFixture {
  store!: MessageStore;
  readonly #consumers: MessageConsumer[] = [];
  readonly #open: () => Promise<MessageStore>;

  constructor(open: () => Promise<MessageStore>) {
    this.#open = open;
  }

  async open(): Promise<this> {
    this.store = await this.#open();
    return this;
  }

  /** Stops all consumers and closes the store. */
  async close(): Promise<void> {
    await Promise.all(this.#consumers.splice(0).map((consumer) => consumer.stop()));
    await this.store.close();
  }

  async reopen(): Promise<void> {
    await this.close();
    await this.open();
  }

  async publishAll(...bodies: string[]): Promise<string[]> {
    return Promise.all(bodies.map(async (body) => (await this.store.publish(QUEUE, text(body))).id));
  }

  /** Publishes one after the other, so that their order is certain. */
  async publishInOrder(...bodies: string[]): Promise<string[]> {
    const ids: string[] = [];
    for (const body of bodies) ids.push(...(await this.publishAll(body)));
    return ids;
  }

  consume(deliver: DeliverMessage, options: Partial<ConsumerOptions> = {}): MessageConsumer {
    const defaults = { maxDeliveries: 3, backoffSeconds: 0.01, maxInFlight: () => 1 };
    const consumer = this.store.consume(QUEUE, { ...defaults, ...options }, deliver);
    this.#consumers.push(consumer);
    return consumer;
  }

  /** A consumer that records its deliveries as `body#attempt` and answers them as told. */
  record(outcome: (delivery: Delivery) => DeliveryOutcome, options: Partial<ConsumerOptions> = {}) {
    const deliveries: string[] = [];
    const consumer = this.consume((delivery) => {
      deliveries.push(`${delivery.body.toString()}#${delivery.attempt}`);
      return Promise.resolve(outcome(delivery));
    }, options);
    return { deliveries, consumer };
  }

  /** Makes dead letters by two failed deliveries each; returns what the consumer was told of them. */
  async bury(...bodies: string[]): Promise<DeadLetter[]> {
    const letters: DeadLetter[] = [];
    await this.publishAll(...bodies);
    const { consumer } = this.record(({ body }) => ({ delivered: false, reason: `cannot take ${body.toString()}` }), {
      maxDeliveries: 2,
      maxInFlight: () => bodies.length,
      onDeadLetter: (letter) => letters.push(letter),
    });
    await this.drained();
    await consumer.stop();
    return letters;
  }

  async drained(queue = QUEUE): Promise<void> {
    await waitUntil("the queue is empty", async () => {
      const { pending, inFlight } = await this.store.counts(queue);
      return pending + inFlight === 0;
    });
  }
}

/** A fixture that is opened for each test of the describe block it is called in, and closed after it. */
export function storeFixture(open: () => Promise<MessageStore>): StoreFixture {
  const fixture = new StoreFixture(open);
  beforeEach(async () => {
    await fixture.open();
  });
  afterEach(() => fixture.close());
  return fixture;
}
