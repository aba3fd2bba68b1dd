import { openEmbeddedStore } from "../../../src/gateway/queues/embeddedStore";
import type {
  ConsumerOptions,
  DeadLetter,
  DeliverMessage,
  Delivery,
  DeliveryOutcome,
  MessageConsumer,
  MessageStore,
} from "../../../src/gateway/queues/messageStore";
import { redeliveryPause } from "../../../src/gateway/queues/redeliveryPause";
import { MessageTooLargeError, StoreInUseError } from "../../../src/gateway/queues/storeErrors";
import { limits } from "../../../src/spec";
import { temporaryFolder } from "../../support/temporaryFolder";
import { waitUntil } from "../../support/waitUntil";

const folder = temporaryFolder();
let store: MessageStore;
let consumers: MessageConsumer[];

beforeEach(async () => {
  consumers = [];
  store = await openEmbeddedStore(folder());
});

afterEach(async () => {
  await Promise.all(consumers.map((consumer) => consumer.stop()));
  await store.close();
});

const text = (body: string) => ({ body: Buffer.from(body), contentType: "text/plain" });

async function publishAll(...bodies: string[]): Promise<string[]> {
  return Promise.all(bodies.map(async (body) => (await store.publish("orders", text(body))).id));
}

function consume(deliver: DeliverMessage, options: Partial<ConsumerOptions> = {}): MessageConsumer {
  const consumer = store.consume(
    "orders",
    { maxDeliveries: 3, backoffSeconds: 0.01, maxInFlight: () => 1, ...options },
    deliver,
  );
  consumers.push(consumer);
  return consumer;
}

/** A consumer that records its deliveries and answers them as told. */
function record(outcome: (delivery: Delivery) => DeliveryOutcome, options: Partial<ConsumerOptions> = {}) {
  const deliveries: string[] = [];
  const consumer = consume((delivery) => {
    deliveries.push(`${delivery.body.toString()}#${delivery.attempt}`);
    return Promise.resolve(outcome(delivery));
  }, options);
  return { deliveries, consumer };
}

async function drained(): Promise<void> {
  await waitUntil("the queue is empty", async () => {
    const { pending, inFlight } = await store.counts("orders");
    return pending + inFlight === 0;
  });
}

async function reopen(options?: Parameters<typeof openEmbeddedStore>[1]): Promise<void> {
  await Promise.all(consumers.map((consumer) => consumer.stop()));
  await store.close();
  store = await openEmbeddedStore(folder(), options);
}

describe("publishing and delivering", () => {
  it("delivers messages in the order of publishing, with all they carry", async () => {
    const before = Date.now();
    const [first] = await publishAll("a", "b", "c");
    expect(await store.counts("orders")).toEqual({ pending: 3, inFlight: 0, deadLetters: 0 });
    const seen: Delivery[] = [];
    consume((delivery) => {
      seen.push(delivery);
      return Promise.resolve({ delivered: true });
    });
    await drained();
    expect(seen.map(({ body }) => body.toString())).toEqual(["a", "b", "c"]);
    expect(seen[0]).toMatchObject({ id: first, queue: "orders", attempt: 1, contentType: "text/plain" });
    expect(seen[0].publishedAt).toBeGreaterThanOrEqual(before);
    expect(await store.counts("orders")).toEqual({ pending: 0, inFlight: 0, deadLetters: 0 });
  });

  it("delivers messages that are published while a consumer waits", async () => {
    const { deliveries } = record(() => ({ delivered: true }));
    await publishAll("a");
    await drained();
    await publishAll("b");
    await drained();
    expect(deliveries).toEqual(["a#1", "b#1"]);
  });

  it("keeps the bodies of any content and up to the limit, and no larger one", async () => {
    const body = Buffer.alloc(limits.MAX_MESSAGE_BYTES, Buffer.from([0, 1, 254, 255]));
    await store.publish("orders", { body, contentType: "application/octet-stream" });
    await store.publish("orders", { body: Buffer.alloc(0), contentType: "text/plain" });
    const seen: Buffer[] = [];
    consume((delivery) => {
      seen.push(delivery.body);
      return Promise.resolve({ delivered: true });
    });
    await drained();
    expect(seen[0].equals(body)).toBe(true);
    expect(seen[1]).toHaveLength(0);
    const tooLarge = store.publish("orders", { body: Buffer.alloc(body.length + 1), contentType: "text/plain" });
    await expect(tooLarge).rejects.toThrow(MessageTooLargeError);
    await expect(tooLarge).rejects.toThrow(/6291457 bytes; at most 6291456/);
  });

  it("leases no more messages at a time than there is room for, and more once it is woken", async () => {
    await publishAll("a", "b", "c", "d", "e");
    let room = 2;
    const ends: (() => void)[] = [];
    const started: string[] = [];
    const consumer = consume(
      ({ body }) => {
        started.push(body.toString());
        return new Promise((resolve) => ends.push(() => resolve({ delivered: true })));
      },
      { maxInFlight: () => room },
    );
    await waitUntil("two deliveries", () => started.length === 2);
    expect(await store.counts("orders")).toEqual({ pending: 3, inFlight: 2, deadLetters: 0 });
    room = 4;
    consumer.wake();
    await waitUntil("four deliveries", () => started.length === 4);
    expect(await store.counts("orders")).toMatchObject({ pending: 1, inFlight: 4 });
    ends.shift()!();
    await waitUntil("the last delivery", () => started.length === 5);
    expect(started).toEqual(["a", "b", "c", "d", "e"]);
    ends.forEach((end) => end());
    await drained();
  });

  it("stops with the pending deliveries ended and the rest kept", async () => {
    await publishAll("a", "b");
    let end: (() => void) | undefined;
    const consumer = consume(() => new Promise((resolve) => (end = () => resolve({ delivered: true }))));
    await waitUntil("a delivery", () => end !== undefined);
    let stopped = false;
    const stopping = consumer.stop().then(() => (stopped = true));
    await expect(store.counts("orders")).resolves.toMatchObject({ pending: 1, inFlight: 1 });
    expect(stopped).toBe(false);
    end!();
    await stopping;
    expect(await store.counts("orders")).toEqual({ pending: 1, inFlight: 0, deadLetters: 0 });
  });

  it("refuses a second consumer of a queue, and what is not a queue's name", async () => {
    const { consumer } = record(() => ({ delivered: true }));
    expect(() => record(() => ({ delivered: true }))).toThrow(/"orders" has a consumer already/);
    await consumer.stop();
    expect(() => record(() => ({ delivered: true }))).not.toThrow();
    await expect(store.publish("No Name", text("a"))).rejects.toThrow(/"No Name" is not a queue's name/);
  });

  it("keeps queues apart and lists them", async () => {
    await store.publish("orders", text("a"));
    await store.publish("orders-2", text("b"));
    await store.publish("cron.nightly", text("c"));
    const { deliveries } = record(() => ({ delivered: true }));
    await drained();
    expect(deliveries).toEqual(["a#1"]);
    expect(await store.counts("orders-2")).toMatchObject({ pending: 1 });
    expect(await store.queues()).toEqual(["cron.nightly", "orders", "orders-2"]);
  });
});

describe("redelivery", () => {
  it("delivers a failed message again after a pause, and the others meanwhile", async () => {
    await publishAll("poison", "a", "b");
    const times: number[] = [];
    const { deliveries } = record(
      ({ body, attempt }) => {
        if (body.toString() !== "poison") return { delivered: true };
        times.push(Date.now());
        return attempt < 3 ? { delivered: false, reason: "no" } : { delivered: true };
      },
      { backoffSeconds: 0.2 },
    );
    await drained();
    expect(deliveries).toEqual(["poison#1", "a#1", "b#1", "poison#2", "poison#3"]);
    expect(times[1] - times[0]).toBeGreaterThanOrEqual(199);
    expect(times[2] - times[1]).toBeGreaterThanOrEqual(399);
  });

  it("doubles the pause up to its limit", () => {
    expect([1, 2, 3, 4].map((attempt) => redeliveryPause(1, attempt))).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(redeliveryPause(1, 100)).toBe(limits.MAX_REDELIVERY_BACKOFF_SECONDS * 1_000);
    expect(redeliveryPause(0, 100)).toBe(0);
  });

  it("keeps attempts and pauses over a restart", async () => {
    await publishAll("a");
    const { deliveries } = record(() => ({ delivered: false, reason: "no" }), { backoffSeconds: 0.3 });
    await waitUntil("the first delivery's end", async () => {
      const { pending, inFlight } = await store.counts("orders");
      return deliveries.length === 1 && pending === 1 && inFlight === 0;
    });
    const failedAt = Date.now();
    await reopen();
    const second = record(() => ({ delivered: true }));
    await drained();
    expect(second.deliveries).toEqual(["a#2"]);
    expect(Date.now() - failedAt).toBeGreaterThanOrEqual(200);
  });

  it("gives a returned message back without counting it, before later ones", async () => {
    await publishAll("a", "b");
    let returns = 4;
    const { deliveries } = record(() => (returns-- > 0 ? { delivered: "returned" } : { delivered: true }), {
      maxDeliveries: 1,
    });
    await drained();
    expect(deliveries).toEqual(["a#1", "a#1", "a#1", "a#1", "a#1", "b#1"]);
  });
});

describe("dead letters", () => {
  async function bury(...bodies: string[]): Promise<DeadLetter[]> {
    const letters: DeadLetter[] = [];
    await publishAll(...bodies);
    const { consumer } = record(({ body }) => ({ delivered: false, reason: `cannot take ${body.toString()}` }), {
      maxDeliveries: 2,
      maxInFlight: () => bodies.length,
      onDeadLetter: (letter) => letters.push(letter),
    });
    await drained();
    await consumer.stop();
    return letters;
  }

  it("are messages that used up their deliveries, with the last reason", async () => {
    const before = Date.now();
    const letters = await bury("a", "b");
    expect(await store.counts("orders")).toEqual({ pending: 0, inFlight: 0, deadLetters: 2 });
    const kept = await store.deadLetters("orders");
    expect(kept.map(({ body, attempts, reason }) => [body.toString(), attempts, reason])).toEqual([
      ["a", 2, "cannot take a"],
      ["b", 2, "cannot take b"],
    ]);
    expect(kept[0].deadAt).toBeGreaterThanOrEqual(before);
    expect(letters.map(({ id }) => id).sort()).toEqual(kept.map(({ id }) => id));
    expect(await store.deadLetters("orders", { limit: 1 })).toHaveLength(1);
    await reopen();
    expect(await store.counts("orders")).toMatchObject({ deadLetters: 2 });
  });

  it("come from a delivery that throws, too", async () => {
    await publishAll("a");
    consume(() => Promise.reject(new Error("the function is gone")), { maxDeliveries: 1 });
    await drained();
    expect(await store.deadLetters("orders")).toMatchObject([{ reason: "the function is gone", attempts: 1 }]);
  });

  it("can be redriven to the queue's end, all or some, counted anew", async () => {
    const [first] = await bury("a", "b");
    await publishAll("c");
    expect(await store.redrive("orders", { ids: [first.id, first.id, "0000000zzz", "x"] })).toBe(1);
    expect(await store.counts("orders")).toEqual({ pending: 2, inFlight: 0, deadLetters: 1 });
    await reopen();
    const ids: string[] = [];
    const { deliveries } = record(({ id }) => {
      ids.push(id);
      return { delivered: true };
    });
    await drained();
    const redriven = first.body.toString();
    expect(deliveries).toEqual(["c#1", `${redriven}#1`]);
    expect(ids[1]).toBe(first.id);
    expect(await store.redrive("orders")).toBe(1);
    await drained();
    expect(deliveries).toHaveLength(3);
    expect(await store.deadLetters("orders")).toEqual([]);
  });

  it("are redriven once, however often it is asked at the same time", async () => {
    await bury("a", "b", "c");
    const counts = await Promise.all([store.redrive("orders"), store.redrive("orders")]);
    expect(counts).toEqual([3, 0]);
    expect(await store.counts("orders")).toEqual({ pending: 3, inFlight: 0, deadLetters: 0 });
  });

  it("can be purged, all or some", async () => {
    const letters = await bury("a", "b", "c");
    expect(await store.purgeDeadLetters("orders", { ids: [letters[1].id] })).toBe(1);
    expect((await store.deadLetters("orders")).map(({ id }) => id)).not.toContain(letters[1].id);
    expect(await store.purgeDeadLetters("orders")).toBe(2);
    expect(await store.counts("orders")).toEqual({ pending: 0, inFlight: 0, deadLetters: 0 });
  });
});

describe("deduplication", () => {
  const publish = (deduplicationId: string, queue = "orders") => store.publish(queue, text("a"), { deduplicationId });

  it("drops a second message of the same id and queue, also after a restart", async () => {
    const { id, duplicate } = await publish("1");
    expect(duplicate).toBe(false);
    expect(await publish("1")).toEqual({ id, duplicate: true });
    expect(await publish("1", "other")).toMatchObject({ duplicate: false });
    expect(await publish("2")).toMatchObject({ duplicate: false });
    await reopen();
    expect(await publish("1")).toEqual({ id, duplicate: true });
    expect(await store.counts("orders")).toMatchObject({ pending: 2 });
  });

  it("accepts one of many that come at the same time", async () => {
    const results = await Promise.all(Array.from({ length: 20 }, () => publish("x".repeat(5_000))));
    expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(results.map(({ id }) => id)).size).toBe(1);
    expect(await store.counts("orders")).toMatchObject({ pending: 1 });
  });

  it("remembers the id of a message that was delivered", async () => {
    await publish("1");
    record(() => ({ delivered: true }));
    await drained();
    expect(await publish("1")).toMatchObject({ duplicate: true });
  });

  it("forgets ids after a day", async () => {
    let now = Date.now();
    await reopen({ now: () => now });
    await publish("1");
    now += limits.DEDUPLICATION_HOURS * 3_600_000;
    expect(await publish("1")).toMatchObject({ duplicate: true });
    now += 1;
    expect(await publish("1")).toMatchObject({ duplicate: false });
    await publish("2");
    expect(await publish("1")).toMatchObject({ duplicate: true });
  });

  it("forgets the oldest ids when there are too many", async () => {
    await reopen({ deduplicationIds: 3 });
    for (const id of ["1", "2", "3", "4"]) await publish(id);
    await reopen({ deduplicationIds: 3 });
    expect(await publish("4")).toMatchObject({ duplicate: true });
    expect(await publish("2")).toMatchObject({ duplicate: true });
    expect(await publish("1")).toMatchObject({ duplicate: false });
  });
});

describe("values", () => {
  it("change only if they are as expected, and stay", async () => {
    expect(await store.value("k")).toBeUndefined();
    expect(await store.compareAndSet("k", "0", "1")).toBe(false);
    expect(await store.compareAndSet("k", undefined, "1")).toBe(true);
    expect(await store.compareAndSet("k", undefined, "2")).toBe(false);
    const all = Array.from({ length: 10 }, (_, n) => store.compareAndSet("k", "1", `winner ${n}`));
    expect((await Promise.all(all)).filter(Boolean)).toHaveLength(1);
    await reopen();
    expect(await store.value("k")).toBe("winner 0");
  });
});

describe("closing", () => {
  it("needs the consumers stopped", async () => {
    const { consumer } = record(() => ({ delivered: true }));
    await expect(store.close()).rejects.toThrow(/still has consumers: orders/);
    await consumer.stop();
    await store.close();
    await expect(store.publish("orders", text("a"))).rejects.toThrow(/is closed/);
    await expect(store.counts("orders")).rejects.toThrow(/is closed/);
  });

  it("waits for writes under way", async () => {
    const publishing = publishAll("a", "b", "c");
    await store.close();
    await expect(publishing).resolves.toHaveLength(3);
    store = await openEmbeddedStore(folder());
    expect(await store.counts("orders")).toMatchObject({ pending: 3 });
  });

  it("lets the folder be opened again, and only then", async () => {
    await expect(openEmbeddedStore(folder())).rejects.toThrow(StoreInUseError);
    await expect(openEmbeddedStore(folder())).rejects.toThrow(/in use by this process/);
    await reopen();
    expect(await store.counts("orders")).toMatchObject({ pending: 0 });
  });
});

it("takes 100,000 messages without slowing down", async () => {
  const body = text("x".repeat(100));
  const round = async () => {
    const start = process.cpuUsage();
    await Promise.all(Array.from({ length: 10_000 }, () => store.publish("orders", body)));
    const { user, system } = process.cpuUsage(start);
    return user + system;
  };
  const rounds: number[] = [];
  for (let n = 0; n < 10; n++) rounds.push(await round());
  expect(await store.counts("orders")).toMatchObject({ pending: 100_000 });
  expect(Math.min(...rounds.slice(5))).toBeLessThan(5 * Math.max(...rounds.slice(0, 3)));

  const before = process.cpuUsage();
  const { deliveries, consumer } = record(() => ({ delivered: true }), { maxInFlight: () => 500 });
  await waitUntil("5,000 deliveries", () => deliveries.length >= 5_000, 30_000);
  await consumer.stop();
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / deliveries.length).toBeLessThan(2_000);
});
