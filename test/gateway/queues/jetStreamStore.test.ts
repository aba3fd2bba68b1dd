import { jetstreamManager } from "@nats-io/jetstream";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";

import type { ConsumerOptions, Delivery, MessageStore } from "../../../src/gateway/queues/messageStore";
import { openJetStreamStore } from "../../../src/gateway/queues/jetStreamStore";
import { limits } from "../../../src/spec";
import { connected, NatsRegion } from "../../support/natsRegion";
import { describeWithNats, NatsServer } from "../../support/natsServer";
import { waitUntil } from "../../support/waitUntil";
import { behavesAsMessageStore } from "./messageStoreBehaviour";
import { deadLettersOf, storeFixture, text } from "./storeFixture";

/** What docs/decisions/0013-jetstream.md asks for. */
const SUBJECTS = {
  publish: ["fullcode.>", "$JS.API.>", "$JS.ACK.>", "$KV.>"],
  subscribe: ["fullcode.>", "_INBOX.>"],
};
const USER = { user: "gateway", password: "of-the-test" };
const ANY_ROOM: ConsumerOptions = { maxDeliveries: 3, backoffSeconds: 0.01, maxInFlight: () => 10 };

describeWithNats("the JetStream store", () => {
  let server: NatsServer;
  let region: NatsRegion;
  let client: NatsConnection;

  beforeAll(async () => {
    server = await NatsServer.start({ ...USER, allow: SUBJECTS });
    client = await connect({ servers: server.url, user: USER.user, pass: USER.password });
  });
  beforeEach(() => {
    region = new NatsRegion(server).as(USER);
  });
  afterEach(() => region.close());
  afterAll(async () => {
    await client.close();
    await server.remove();
  });

  describe("like any", () => behavesAsMessageStore(() => region.open()));

  describe("messages of other NATS clients", () => {
    const fixture = storeFixture(() => region.open());
    const received: Delivery[] = [];
    const receive = async (count: number) => {
      received.length = 0;
      await waitUntil("the messages", async () => (await fixture.store.counts("orders")).pending === count);
      const { consumer } = fixture.record((delivery) => (received.push(delivery), { delivered: true }));
      await fixture.drained();
      await consumer.stop();
      return received;
    };

    it("are delivered, with their type found out", async () => {
      await fixture.store.counts("orders");
      client.publish(region.subject("orders"), '{"a":1}');
      client.publish(region.subject("orders"), "plain");
      client.publish(region.subject("orders"));
      const typed = headers();
      typed.set("content-type", "text/csv");
      client.publish(region.subject("orders"), "a,b", { headers: typed });
      await client.flush();
      const deliveries = await receive(4);
      expect(deliveries.map(({ body, contentType, attempt }) => [body.toString(), contentType, attempt])).toEqual([
        ['{"a":1}', "application/json", 1],
        ["plain", "application/octet-stream", 1],
        ["", "application/octet-stream", 1],
        ["a,b", "text/csv", 1],
      ]);
      expect(Math.abs(deliveries[0].publishedAt - Date.now())).toBeLessThan(10_000);
    });

    it("cannot pass for others by a header that is no id", async () => {
      await fixture.store.counts("orders");
      const forged = headers();
      forged.set("Fullcode-Id", "no id");
      forged.set("Fullcode-Published-At", "-1");
      client.publish(region.subject("orders"), "a", { headers: forged });
      await client.flush();
      const [{ id, publishedAt }] = await receive(1);
      expect(id).toBe("0000000001");
      expect(publishedAt).toBeGreaterThan(0);
    });

    it("become dead letters without running when they are too large", async () => {
      await fixture.store.counts("orders");
      client.publish(region.subject("orders"), Buffer.alloc(limits.MAX_MESSAGE_BYTES + 1));
      await client.flush();
      expect(await receive(1)).toEqual([]);
      const [letter] = await deadLettersOf(fixture.store);
      expect(letter).toMatchObject({ attempts: 0, reason: expect.stringContaining("6291457 bytes") as string });
      expect(letter.body).toHaveLength(limits.MAX_MESSAGE_BYTES + 1);
    });

    it("are refused by the server beyond that", async () => {
      await fixture.store.counts("orders");
      const manager = await jetstreamManager(client);
      const publishing = manager.jetstream().publish(region.subject("orders"), Buffer.alloc(7 * 1024 * 1024));
      await expect(publishing).rejects.toThrow(/message size exceeds maximum/);
    });
  });

  it("is opened by many gateways at the same time", async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, () => region.open()));
    await Promise.all(stores.map((store) => store.publish("orders", text("a"))));
    for (const store of stores)
      await waitUntil("all messages", async () => (await store.counts("orders")).pending === stores.length);
  });

  it("keeps what an operator set on a stream, and changes what is ours", async () => {
    await (await region.open()).publish("orders", text("a"));
    const manager = await jetstreamManager(client);
    await manager.streams.update(region.stream, { max_bytes: 50_000_000, discard: "old" });
    await (await region.open({ duplicateWindowMs: 60_000 })).publish("orders", text("b"));
    const { config } = await manager.streams.info(region.stream);
    expect(config).toMatchObject({ max_bytes: 50_000_000, discard: "new", duplicate_window: 60_000 * 1_000_000 });
    expect(config).toMatchObject({ retention: "workqueue", storage: "file", subjects: [region.subject(">")] });
  });

  it("refuses messages when the stream is full, and says so", async () => {
    const store = await region.open();
    await store.publish("orders", text("a"));
    const manager = await jetstreamManager(client);
    await manager.streams.update(region.stream, { max_bytes: 2_000 });
    const publishing = store.publish("orders", text("x".repeat(4_000)));
    await expect(publishing).rejects.toMatchObject({ name: "StoreWriteError" });
    expect(await store.counts("orders")).toMatchObject({ pending: 1 });
  });

  it("counts what was published before anybody consumed, and what fails", async () => {
    const [store, other] = await Promise.all([region.open(), region.open()]);
    for (let n = 0; n < 5; n++) await store.publish("orders", text(String(n)));
    await waitUntil("the other gateway's count", async () => (await other.counts("orders")).pending === 5);
    const consumer = store.consume("orders", { ...ANY_ROOM, backoffSeconds: 60 }, () =>
      Promise.resolve({ delivered: false, reason: "no" }),
    );
    await waitUntil("the pauses", async () => (await store.counts("orders")).inFlight === 0);
    await consumer.stop();
    expect(await store.counts("orders")).toEqual({ pending: 5, inFlight: 0, deadLetters: 0 });
  });

  it("counts what another gateway is handling", async () => {
    const [store, other] = await Promise.all([region.open(), region.open()]);
    for (let n = 0; n < 5; n++) await store.publish("orders", text(String(n)));
    const ends: (() => void)[] = [];
    const consumer = store.consume(
      "orders",
      { ...ANY_ROOM, maxInFlight: () => 3 },
      () => new Promise((resolve) => ends.push(() => resolve({ delivered: true }))),
    );
    await waitUntil("what the other one is told", async () => (await other.counts("orders")).inFlight === 3);
    expect(await other.counts("orders")).toEqual({ pending: 2, inFlight: 3, deadLetters: 0 });
    const stopping = consumer.stop();
    ends.forEach((end) => end());
    await stopping;
    await waitUntil("the end", async () => {
      const { pending, inFlight } = await other.counts("orders");
      return pending === 2 && inFlight === 0;
    });
  });

  it("keeps no more bodies in memory than requests may", async () => {
    const store = await region.open();
    const body = Buffer.alloc(limits.MAX_MESSAGE_BYTES);
    for (let n = 0; n < 14; n++) await store.publish("orders", { body, contentType: "application/octet-stream" });
    const ends: (() => void)[] = [];
    const consumer = store.consume(
      "orders",
      { ...ANY_ROOM, maxInFlight: () => 100 },
      () => new Promise((resolve) => ends.push(() => resolve({ delivered: true }))),
    );
    const most = Math.floor(limits.DEFAULT_MAX_HELD_BYTES / limits.MAX_MESSAGE_BYTES);
    await waitUntil("as many as fit", () => ends.length === most);
    await store.publish("orders", text("small"));
    expect(await store.counts("orders")).toMatchObject({ inFlight: most });
    expect(ends).toHaveLength(most);
    for (let ended = 0; ended < 15; ended++) {
      await waitUntil("a delivery", () => ends.length > ended);
      ends[ended]();
    }
    await consumer.stop();
  });

  it("runs a message once though the server forgets that it delivered it", async () => {
    const store = await region.open();
    await store.publish("orders", text("a"));
    let end: (() => void) | undefined;
    let deliveries = 0;
    const consumer = store.consume("orders", { ...ANY_ROOM, maxInFlight: () => 1 }, () => {
      deliveries++;
      return new Promise((resolve) => (end = () => resolve({ delivered: true })));
    });
    await waitUntil("a delivery", () => end !== undefined);
    // what a replica that lags behind does when it becomes the leader
    const manager = await jetstreamManager(client);
    const { config } = await manager.consumers.info(region.stream, "orders");
    await manager.consumers.delete(region.stream, "orders");
    await manager.consumers.add(region.stream, config);
    end!();
    await waitUntil("the end", async () => (await store.counts("orders")).pending === 0);
    await store.publish("orders", text("b"));
    await waitUntil("the next one", () => deliveries === 2);
    end!();
    await consumer.stop();
    expect(await store.counts("orders")).toEqual({ pending: 0, inFlight: 0, deadLetters: 0 });
  });

  describe("what is left by a trigger that is gone", () => {
    it("waits for one that comes back, with other options", async () => {
      const store = await region.open();
      await store.publish("orders", text("a"));
      const failing = { maxDeliveries: 10, backoffSeconds: 0.05, maxInFlight: () => 1 };
      const attempts: number[] = [];
      const fail = ({ attempt }: Delivery) => {
        attempts.push(attempt);
        return Promise.resolve({ delivered: false as const, reason: "no" });
      };
      const first = store.consume("orders", failing, fail);
      await waitUntil("two deliveries", () => attempts.length === 2);
      await first.stop();
      await store.publish("orders", text("b"));
      const back = store.consume("orders", { ...failing, maxDeliveries: 3 }, fail);
      await waitUntil("both dead", async () => (await store.counts("orders")).deadLetters === 2);
      await back.stop();
      const letters = await deadLettersOf(store);
      expect(letters.map(({ body, attempts: count }) => `${body.toString()} ${count}`).sort()).toEqual(["a 3", "b 3"]);
    });

    it("is applied to a running consumer at once", async () => {
      const store = await region.open();
      await store.publish("orders", text("a"));
      const options = { maxDeliveries: 100, backoffSeconds: 0.05, maxInFlight: () => 1 };
      let attempts = 0;
      const consumer = store.consume("orders", options, ({ attempt }) => {
        attempts = attempt;
        return Promise.resolve({ delivered: false, reason: "no" });
      });
      await waitUntil("two deliveries", () => attempts >= 2);
      consumer.update({ ...options, maxDeliveries: 1 });
      await waitUntil("the letter", async () => (await store.counts("orders")).deadLetters === 1);
      await consumer.stop();
      const [letter] = await deadLettersOf(store);
      expect(letter.attempts).toBe(attempts);
    });
  });

  describe("dead letters", () => {
    it("are found by id among many, and keep time, type and any text of a reason", async () => {
      const store = await region.open();
      const ids: string[] = [];
      for (let n = 0; n < 60; n++)
        ids.push(
          (await store.publish("orders", { body: Buffer.from(`{"n":${n}}`), contentType: "application/json" })).id,
        );
      const reason = `line 1\nline 2 ünïcode ${"😀".repeat(1_500)}`;
      const consumer = store.consume("orders", { ...ANY_ROOM, maxDeliveries: 1 }, () =>
        Promise.resolve({ delivered: false, reason }),
      );
      await waitUntil("all dead", async () => (await store.counts("orders")).deadLetters === 60);
      await consumer.stop();
      expect(await store.purgeDeadLetters("orders", { ids: ids.slice(0, 10) })).toBe(10);
      expect(await store.redrive("orders", { ids: ids.slice(5, 15) })).toEqual({ count: 5, cut: 0 });
      expect(await store.counts("orders")).toEqual({ pending: 5, inFlight: 0, deadLetters: 45 });
      const [letter] = await deadLettersOf(store, "orders", 1);
      expect(letter.contentType).toBe("application/json");
      expect(letter.reason.startsWith("line 1\nline 2 ünïcode 😀😀")).toBe(true);
      expect(letter.publishedAt).toBeLessThanOrEqual(letter.deadAt);
      expect(await deadLettersOf(store, "nothing-here")).toEqual([]);
    });

    it("are not lost or doubled when two gateways redrive at once", async () => {
      const [store, other] = await Promise.all([region.open(), region.open()]);
      for (let n = 0; n < 40; n++) await store.publish("orders", text(String(n)));
      const consumer = store.consume("orders", { ...ANY_ROOM, maxDeliveries: 1 }, () =>
        Promise.resolve({ delivered: false, reason: "no" }),
      );
      await waitUntil("all dead", async () => (await store.counts("orders")).deadLetters === 40);
      await consumer.stop();
      await waitUntil("the other one's view", async () => (await other.counts("orders")).deadLetters === 40);
      const counts = await Promise.all([store.redrive("orders"), other.redrive("orders")]);
      expect(counts[0].count + counts[1].count).toBe(40);
      await waitUntil("the count", async () => (await store.counts("orders")).pending === 40);
      expect(await store.counts("orders")).toEqual({ pending: 40, inFlight: 0, deadLetters: 0 });
    });
  });

  it("takes the longest names of all", async () => {
    const long = `a${"b".repeat(limits.MAX_NAME_LENGTH - 1)}`;
    const names = { app: long, environment: long, region: long };
    const store: MessageStore = await openJetStreamStore({ connection: region.connect(), ...names, replicas: 1 });
    const queue = `cron.${long}`;
    await store.publish(queue, text("a"), { deduplicationId: `${long}@2025-06-01T00:00:00.000Z` });
    let seen = 0;
    const consumer = store.consume(queue, ANY_ROOM, () => (seen++, Promise.resolve({ delivered: true })));
    await waitUntil("the delivery", () => seen === 1);
    await consumer.stop();
    expect(await store.compareAndSet(`cron.${long}`, undefined, "1")).toBe(true);
    expect(await store.compareAndSet("any key: ü/*>", undefined, "2")).toBe(true);
    expect(await store.value("any key: ü/*>")).toBe("2");
    await expect(store.compareAndSet("", undefined, "1")).rejects.toThrow(/1 to 400 characters/);
    await store.close();
    await expect(
      openJetStreamStore({ connection: region.connect(), ...names, app: "A.b", replicas: 1 }),
    ).rejects.toThrow(/app: "A.b" must consist of/);
  });
});

describeWithNats("a server that takes only small messages", () => {
  it("is named when a message is too large for it", async () => {
    const server = await NatsServer.start({ maxPayload: "1MB" });
    const region = new NatsRegion(server);
    try {
      const store = await region.open();
      const publishing = store.publish("orders", text("x".repeat(2 * 1024 * 1024)));
      await expect(publishing).rejects.toMatchObject({
        name: "MessageTooLargeError",
        message: expect.stringContaining("takes at most 1048576 bytes with headers (max_payload)") as string,
      });
      const { connection } = await connected(region.connect());
      const body = Buffer.alloc(1024 * 1024);
      connection.publish(region.subject("orders"), body);
      await waitUntil("the message", async () => (await store.counts("orders")).pending === 1);
      const consumer = store.consume("orders", { ...ANY_ROOM, maxDeliveries: 1 }, () =>
        Promise.resolve({ delivered: false, reason: "no" }),
      );
      await waitUntil("a dead letter", async () => (await store.counts("orders")).deadLetters === 1);
      await consumer.stop();
      const [letter] = await deadLettersOf(store);
      expect(letter.reason).toMatch(/^no \(the body was cut to \d+ of 1048576 bytes\)$/);
      expect(letter.uncutBytes).toBe(body.length);
      expect(await store.redrive("orders")).toEqual({ count: 0, cut: 1 });
      expect(await store.counts("orders")).toEqual({ pending: 0, inFlight: 0, deadLetters: 1 });
      expect(await store.purgeDeadLetters("orders")).toBe(1);
    } finally {
      await region.close();
      await server.remove();
    }
  });
});
