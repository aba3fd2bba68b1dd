import { jetstreamManager } from "@nats-io/jetstream";

import type { ConsumerOptions, MessageConsumer, MessageStore } from "../../../src/gateway/queues/messageStore";
import { connected, NatsRegion } from "../../support/natsRegion";
import { describeWithNats, NatsServer } from "../../support/natsServer";
import { waitUntil } from "../../support/waitUntil";
import { text } from "./storeFixture";

const MINUTE_MS = 60_000;
const ACK_WAIT_MS = 2_000;

describeWithNats("a NATS server that goes away", () => {
  let server: NatsServer;
  let region: NatsRegion;
  let consumers: MessageConsumer[];

  beforeEach(async () => {
    server = await NatsServer.prepare();
    region = new NatsRegion(server);
    consumers = [];
  });
  afterEach(async () => {
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    await region.close();
    await server.remove();
  });

  const open = () => region.open({ ackWaitMs: ACK_WAIT_MS });

  function consume(
    store: MessageStore,
    options: Partial<ConsumerOptions>,
    deliver: Parameters<MessageStore["consume"]>[2],
  ): MessageConsumer {
    const defaults = { maxDeliveries: 5, backoffSeconds: 0.01, maxInFlight: () => 20 };
    const consumer = store.consume("orders", { ...defaults, ...options }, deliver);
    consumers.push(consumer);
    return consumer;
  }

  const isEmpty = (store: MessageStore) => async () => {
    const { pending, inFlight } = await store.counts("orders").catch(() => ({ pending: 1, inFlight: 0 }));
    return pending + inFlight === 0;
  };

  it("may come after the store, which has waited for it", async () => {
    const store = await open();
    const seen: string[] = [];
    consume(store, {}, ({ body }) => (seen.push(body.toString()), Promise.resolve({ delivered: true })));
    const publishing = store.publish("orders", text("early"));
    await server.start();
    await publishing;
    await waitUntil("the delivery", () => seen.length === 1);
    expect(seen).toEqual(["early"]);
  });

  it("is named to whoever publishes meanwhile, with certainty that nothing was accepted", async () => {
    const store = await open();
    const since = Date.now();
    const rejection = expect(store.publish("orders", text("a"))).rejects;
    await rejection.toMatchObject({
      name: "StoreUnavailableError",
      uncertain: false,
      message: expect.stringMatching(
        /^NATS at 127.0.0.1:\d+ cannot be reached since .*: connection refused; the request was not accepted/,
      ) as string,
    });
    expect(Date.now() - since).toBeLessThan(20_000);
    await expect(store.counts("orders")).rejects.toMatchObject({ name: "StoreUnavailableError" });
    await server.start();
    await waitUntil("the count", async () => (await store.counts("orders").catch(() => undefined))?.pending === 0);
  });

  it("keeps 1,000 queued messages over a restart, and over a crash", async () => {
    await server.start();
    const store = await open();
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => store.publish("orders", text(String(n)))));
    await server.restart("SIGTERM");
    await waitUntil("the count", async () => (await store.counts("orders").catch(() => undefined))?.pending === 1_000);
    await server.restart("SIGKILL");
    const seen = new Set<string>();
    consume(store, {}, ({ body }) => (seen.add(body.toString()), Promise.resolve({ delivered: true })));
    await waitUntil("the end", isEmpty(store));
    expect(seen.size).toBe(1_000);
  });

  it.each(["SIGTERM", "SIGKILL"] as const)(
    "loses nothing of what is published and delivered while it restarts (%s)",
    async (signal) => {
      await server.start();
      const [publisher, store] = await Promise.all([open(), open()]);
      const accepted: string[] = [];
      const failed: unknown[] = [];
      let publishing = true;
      const publishers = Array.from({ length: 8 }, async (_, lane) => {
        for (let n = 0; publishing; n++) {
          const body = `${lane}-${n}`;
          await publisher.publish("orders", text(body)).then(
            () => accepted.push(body),
            (error: unknown) => failed.push(error),
          );
        }
      });
      const seen = new Map<string, number>();
      const running = new Set<string>();
      consume(store, {}, async ({ body, id }) => {
        if (running.has(id)) throw new Error("it runs already");
        running.add(id);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
        running.delete(id);
        seen.set(body.toString(), (seen.get(body.toString()) ?? 0) + 1);
        return { delivered: true };
      });
      try {
        for (let restart = 0; restart < 3; restart++) {
          const before = accepted.length;
          await waitUntil("progress", () => accepted.length >= before + 200);
          await server.restart(signal);
        }
      } finally {
        publishing = false;
      }
      await Promise.all(publishers);
      await waitUntil("the end", isEmpty(store), 30_000);
      await waitUntil("all deliveries", () => accepted.every((body) => seen.has(body)));
      expect(failed).toEqual([]);
      expect((await store.counts("orders")).deadLetters).toBe(0);
      // each restart may have taken the confirmation of what was under way
      const repeated = [...seen.values()].filter((count) => count > 1).length;
      expect(repeated).toBeLessThanOrEqual(3 * 20);
    },
    2 * MINUTE_MS,
  );

  it("does not make a message run twice at once that outlives the ack wait", async () => {
    await server.start();
    const store = await open();
    await store.publish("orders", text("slow"));
    const attempts: number[] = [];
    let end: (() => void) | undefined;
    consume(store, { maxDeliveries: 2 }, ({ attempt }) => {
      attempts.push(attempt);
      return new Promise((resolve) => (end = () => resolve({ delivered: attempt > 1 ? true : false, reason: "no" })));
    });
    await waitUntil("the delivery", () => end !== undefined);
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, 1.5 * ACK_WAIT_MS));
    await server.start();
    await waitUntil("NATS", async () => (await store.counts("orders").catch(() => undefined))?.inFlight === 1);
    // the server hands it out anew, to the gateway that has it still
    await new Promise((resolve) => setTimeout(resolve, ACK_WAIT_MS));
    expect(attempts).toEqual([1]);
    end!();
    await waitUntil("the second delivery", () => attempts.length === 2);
    expect(attempts).toEqual([1, 2]);
    end!();
    await waitUntil("the end", isEmpty(store));
    expect((await store.counts("orders")).deadLetters).toBe(0);
  });

  it("and comes back empty gets its streams again", async () => {
    await server.start();
    const store = await open();
    const seen: string[] = [];
    consume(store, {}, ({ body }) => (seen.push(body.toString()), Promise.resolve({ delivered: true })));
    await store.publish("orders", text("a"));
    await waitUntil("the delivery", () => seen.length === 1);
    await server.stop();
    await server.wipe();
    await server.start();
    await store.publish("orders", text("b"));
    await waitUntil("the delivery", () => seen.length === 2);
    expect(await store.value("k")).toBeUndefined();
    expect(await store.compareAndSet("k", undefined, "1")).toBe(true);
  });

  it("and comes back finds the settings that a gateway of a later configuration has set", async () => {
    await server.start();
    const earlier = await region.open({ duplicateWindowMs: MINUTE_MS });
    await earlier.publish("orders", text("a"));
    const later = await region.open({ duplicateWindowMs: 2 * MINUTE_MS });
    await later.publish("orders", text("b"));
    await later.close();
    const { connection } = await connected(region.connect());
    const manager = await jetstreamManager(connection);
    // what is made anew shows that the streams were looked after
    await manager.streams.delete(`${region.stream}_dead`);
    await server.restart("SIGTERM");
    await waitUntil("the missing stream", () =>
      manager.streams.info(`${region.stream}_dead`).then(
        () => true,
        () => false,
      ),
    );
    await waitUntil("NATS", async () => (await earlier.counts("orders").catch(() => undefined))?.pending === 2);
    const { config } = await manager.streams.info(region.stream);
    expect(config.duplicate_window).toBe(2 * MINUTE_MS * 1_000_000);
  });

  it("and comes back empty gets no streams from a gateway that leaves", async () => {
    await server.start();
    const leaving = await open();
    await leaving.publish("orders", text("a"));
    leaving.leave();
    await server.stop();
    await server.wipe();
    await server.start();
    await expect(leaving.publish("orders", text("b"))).rejects.toMatchObject({ name: "StoreUnavailableError" });
    const { connection } = await connected(region.connect());
    await expect((await jetstreamManager(connection)).streams.info(region.stream)).rejects.toThrow("stream not found");
    await (await open()).publish("orders", text("c"));
    await leaving.publish("orders", text("d"));
    await waitUntil("both", async () => (await leaving.counts("orders")).pending === 2);
  });

  it("tells why the streams cannot be made, once", async () => {
    await server.start();
    const problems: string[] = [];
    const { connection } = await connected(region.connect());
    const taken = { name: region.stream, subjects: ["something.else"] };
    await connection.request(`$JS.API.STREAM.CREATE.${region.stream}`, JSON.stringify(taken));
    const store = await region.open({ onProblem: ({ message }) => problems.push(message) });
    await expect(store.counts("orders")).rejects.toMatchObject({ name: "StoreUnavailableError" });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      new RegExp(`the streams of ${region.stream} could not be prepared: stream configuration`),
    );
  });

  it("is not waited for by a store that is closed", async () => {
    await server.start();
    const store = await open();
    await store.publish("orders", text("a"));
    let end: (() => void) | undefined;
    const consumer = consume(store, {}, () => new Promise((resolve) => (end = () => resolve({ delivered: true }))));
    await waitUntil("a delivery", () => end !== undefined);
    await server.stop();
    const since = Date.now();
    const stopping = consumer.stop();
    end!();
    await stopping;
    await region.close();
    expect(Date.now() - since).toBeLessThan(10_000);
  });
});
