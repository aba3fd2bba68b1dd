import { existsSync } from "node:fs";
import { join } from "node:path";

import { jetstreamManager } from "@nats-io/jetstream";

import type { ConsumerOptions, MessageConsumer, MessageStore } from "../../../src/gateway/queues/messageStore";
import { ChildScripts } from "../../support/childScripts";
import { connected, NatsRegion } from "../../support/natsRegion";
import { describeWithNats, NatsServer } from "../../support/natsServer";
import { waitUntil } from "../../support/waitUntil";
import { deadLettersOf, text } from "./storeFixture";

const ACK_WAIT_MS = 1_000;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const done = () => Promise.resolve({ delivered: true as const });

describeWithNats("several gateways on one region", () => {
  const children = new ChildScripts();
  let server: NatsServer;
  let region: NatsRegion;
  let consumers: MessageConsumer[];

  beforeAll(async () => {
    if (!existsSync(join(__dirname, "../../../dist/gateway/queues/jetStreamStore.js")))
      throw new Error("these tests start processes from dist/: run `npm run build` first");
    server = await NatsServer.start();
  });
  beforeEach(() => {
    region = new NatsRegion(server);
    consumers = [];
  });
  afterEach(async () => {
    await children.endAll();
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    await region.close();
  });
  afterAll(() => server.remove());

  const open = () => region.open({ ackWaitMs: ACK_WAIT_MS });
  const start = (what: string) =>
    children.start(join(__dirname, "children", "jetStream.cjs"), [server.url, region.names.region, ACK_WAIT_MS, what]);

  function consume(
    store: MessageStore,
    options: Partial<ConsumerOptions>,
    deliver: Parameters<MessageStore["consume"]>[2],
  ): MessageConsumer {
    const defaults = { maxDeliveries: 3, backoffSeconds: 0.01, maxInFlight: () => 8 };
    const consumer = store.consume("orders", { ...defaults, ...options }, deliver);
    consumers.push(consumer);
    return consumer;
  }

  async function publish(store: MessageStore, count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, n) => store.publish("orders", text(String(n)))));
  }

  const isEmpty = (store: MessageStore) => async () => {
    const { pending, inFlight } = await store.counts("orders");
    return pending + inFlight === 0;
  };

  it("share its messages, none of them twice at once, however long a delivery takes", async () => {
    const stores = await Promise.all([open(), open()]);
    await publish(stores[0], 300);
    const running = new Set<string>();
    const seen = new Map<string, number>();
    const perStore = [0, 0];
    stores.forEach((store, index) =>
      consume(store, {}, async ({ id, attempt }) => {
        if (running.has(id)) throw new Error("it runs already");
        running.add(id);
        seen.set(id, (seen.get(id) ?? 0) + 1);
        perStore[index]++;
        // some take longer than the ack wait
        await sleep(seen.size % 100 === 0 ? 2.5 * ACK_WAIT_MS : Math.random() * 20);
        running.delete(id);
        return seen.size % 7 === 0 && attempt === 1 ? { delivered: false, reason: "no" } : { delivered: true };
      }),
    );
    await waitUntil("the end", isEmpty(stores[0]), 40_000);
    expect(seen.size).toBe(300);
    expect((await stores[0].counts("orders")).deadLetters).toBe(0);
    expect(Math.min(...perStore)).toBeGreaterThan(60);
  });

  it("get the messages of one that is killed when the ack wait is over, counted", async () => {
    const store = await open();
    await publish(store, 7);
    const { child, lines } = start("consume");
    await waitUntil("five deliveries", () => lines.length === 5);
    await children.end(child);
    const killedAt = Date.now();

    const attempts: [id: string, attempt: number][] = [];
    consume(store, {}, ({ id, attempt }) => {
      attempts.push([id, attempt]);
      return done();
    });
    await waitUntil("the end", isEmpty(store));
    expect(Date.now() - killedAt).toBeLessThan(ACK_WAIT_MS + 3_000);
    const taken = lines.map((line) => line.split(" ")[1]);
    for (const [id, attempt] of attempts) expect([id, attempt]).toEqual([id, taken.includes(id) ? 2 : 1]);
    expect(attempts).toHaveLength(7);
  });

  it("do not count what one has that is killed, though the machine's clock is set back", async () => {
    const store = await open();
    await publish(store, 1);
    const { child } = start("consume");
    const inFlight = async () => (await store.counts("orders")).inFlight;
    await waitUntil("it is known to be delivered", async () => (await inFlight()) === 1);
    await children.end(child);
    const now = Date.now.bind(Date);
    const clock = jest.spyOn(Date, "now").mockImplementation(() => now() - 3_600_000);
    try {
      await waitUntil("it is known to wait", async () => (await inFlight()) === 0);
    } finally {
      clock.mockRestore();
    }
  });

  it("bury a message that ends its gateway each time, without running it again", async () => {
    const store = await open();
    await publish(store, 1);
    for (const attempt of [1, 2]) {
      const { child, lines } = start("consume");
      await waitUntil("a delivery", () => lines.length === 1);
      expect(lines[0]).toMatch(new RegExp(` ${attempt}$`));
      await children.end(child);
    }
    let ran = 0;
    consume(store, { maxDeliveries: 2 }, () => (ran++, done()));
    await waitUntil("the burial", async () => (await store.counts("orders")).deadLetters === 1);
    expect(ran).toBe(0);
    const [letter] = await deadLettersOf(store);
    expect(letter).toMatchObject({ attempts: 2, body: Buffer.from("0") });
    expect(letter.reason).toMatch(/what became of delivery 2 is not known: the gateway ended/);
    expect(await store.counts("orders")).toEqual({ pending: 0, inFlight: 0, deadLetters: 1 });
  });

  it("do not count what one of them gives back", async () => {
    const [store, other] = await Promise.all([open(), open()]);
    await publish(store, 1);
    const attempts: string[] = [];
    let returns = 0;
    consume(store, { maxDeliveries: 2 }, ({ attempt }) => {
      attempts.push(`first ${attempt}`);
      return Promise.resolve({ delivered: "returned" });
    });
    await waitUntil("three returns", () => attempts.length >= 3);
    await consumers[0].stop();
    consume(other, { maxDeliveries: 2 }, ({ attempt }) => {
      attempts.push(`other ${attempt}`);
      return Promise.resolve(returns++ < 1 ? { delivered: "returned" } : { delivered: false, reason: "no" });
    });
    await waitUntil("the burial", async () => (await other.counts("orders")).deadLetters === 1);
    expect(new Set(attempts.filter((line) => line.startsWith("first")))).toEqual(new Set(["first 1"]));
    expect(attempts.filter((line) => line.startsWith("other"))).toEqual(["other 1", "other 1", "other 2"]);
    expect(await deadLettersOf(other)).toMatchObject([{ attempts: 2, reason: "no" }]);
  });

  it("give back what they have not begun when they stop", async () => {
    const [store, other] = await Promise.all([open(), open()]);
    // so large that most of them are on their way still when the first one comes
    const body = Buffer.alloc(50_000);
    const publishing = Array.from({ length: 200 }, () => store.publish("orders", { body, contentType: "text/plain" }));
    await Promise.all(publishing);
    let stopping: Promise<void> | undefined;
    const started = new Set<string>();
    const consumer = consume(store, { maxDeliveries: 1, maxInFlight: () => 200 }, ({ id }) => {
      started.add(id);
      stopping ??= consumer.stop();
      return done();
    });
    await waitUntil("the stop", () => stopping !== undefined);
    await stopping;
    const left = 200 - started.size;
    expect(await store.counts("orders")).toEqual({ pending: left, inFlight: 0, deadLetters: 0 });
    const attempts: number[] = [];
    const since = Date.now();
    consume(other, { maxDeliveries: 1 }, ({ attempt }) => {
      attempts.push(attempt);
      return done();
    });
    await waitUntil("the end", isEmpty(other));
    expect(attempts).toEqual(Array<number>(left).fill(1));
    expect(Date.now() - since).toBeLessThan(ACK_WAIT_MS);
    expect((await other.counts("orders")).deadLetters).toBe(0);
  });

  it("take 1,000 messages with the same ids from two of them once each", async () => {
    const stores = await Promise.all([open(), open()]);
    const ids = Array.from({ length: 1_000 }, (_, n) => `nightly@${new Date(n * 60_000).toISOString()}`);
    const published = await Promise.all(
      ids.map((deduplicationId) =>
        Promise.all(stores.map((store) => store.publish("cron.nightly", text("a"), { deduplicationId }))),
      ),
    );
    for (const [first, second] of published) {
      expect(first.id).toBe(second.id);
      expect([first.duplicate, second.duplicate].sort()).toEqual([false, true]);
    }
    await waitUntil("the count", async () => (await stores[1].counts("cron.nightly")).pending === 1_000);
  });

  it("let one win each change of a value", async () => {
    const stores = await Promise.all([open(), open(), open()]);
    const increment = async (store: MessageStore): Promise<number> => {
      for (let tries = 1; ; tries++) {
        const value = await store.value("counter");
        if (await store.compareAndSet("counter", value, String(Number(value ?? 0) + 1))) return tries;
      }
    };
    const tries = await Promise.all(stores.flatMap((store) => Array.from({ length: 20 }, () => increment(store))));
    expect(await stores[0].value("counter")).toBe("60");
    expect(Math.max(...tries)).toBeGreaterThan(1);
  });

  it("lose and double no dead letter that is being redriven when one is killed", async () => {
    const store = await open();
    await publish(store, 300);
    const failing = consume(store, { maxDeliveries: 1, maxInFlight: () => 50 }, () =>
      Promise.resolve({ delivered: false, reason: "no" }),
    );
    await waitUntil("all dead", async () => (await store.counts("orders")).deadLetters === 300);
    await failing.stop();
    const manager = await jetstreamManager((await connected(region.connect())).connection);
    const letters = async () => (await manager.streams.info(`${region.stream}_dead`)).state.messages;
    for (let kill = 0; kill < 3; kill++) {
      const before = await letters();
      const { child, lines } = start("redrive");
      await waitUntil("some are redriven", async () => (await letters()) < before);
      await children.end(child);
      expect(lines).toEqual(["begins"]);
    }
    expect(await letters()).toBeGreaterThan(0);
    await store.redrive("orders");
    await waitUntil("all are redriven", async () => (await store.counts("orders")).deadLetters === 0);
    const bodies: string[] = [];
    consume(store, {}, ({ body }) => {
      bodies.push(body.toString());
      return done();
    });
    await waitUntil("the end", isEmpty(store));
    expect(bodies.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, n) => n));
  });
});
