import type { Delivery, MessageStore } from "../../../src/gateway/queues/messageStore";
import { MessageTooLargeError } from "../../../src/gateway/queues/storeErrors";
import { limits } from "../../../src/spec";
import { waitUntil } from "../../support/waitUntil";
import { deadLettersOf, storeFixture, text } from "./storeFixture";

/**
 * What every message store does, to be called in a describe block of each.
 *
 * @param open - Opens the running test's store; called again after it was closed, it opens the one that it was.
 */
export function behavesAsMessageStore(open: () => Promise<MessageStore>): void {
  const fixture = storeFixture(open);

  describe("publishing and delivering", () => {
    it("delivers messages in the order of publishing, with all they carry", async () => {
      const before = Date.now();
      const [first] = await fixture.publishInOrder("a", "b", "c");
      expect(await fixture.store.counts("orders")).toEqual({ pending: 3, inFlight: 0, deadLetters: 0 });
      const seen: Delivery[] = [];
      fixture.consume((delivery) => {
        seen.push(delivery);
        return Promise.resolve({ delivered: true });
      });
      await fixture.drained();
      expect(seen.map(({ body }) => body.toString())).toEqual(["a", "b", "c"]);
      expect(seen[0]).toMatchObject({ id: first, queue: "orders", attempt: 1, contentType: "text/plain" });
      expect(seen[0].publishedAt).toBeGreaterThanOrEqual(before);
      expect(await fixture.store.counts("orders")).toEqual({ pending: 0, inFlight: 0, deadLetters: 0 });
    });

    it("delivers messages that are published while a consumer waits", async () => {
      const { deliveries } = fixture.record(() => ({ delivered: true }));
      await fixture.publishInOrder("a");
      await fixture.drained();
      await fixture.publishInOrder("b");
      await fixture.drained();
      expect(deliveries).toEqual(["a#1", "b#1"]);
    });

    it("keeps the bodies of any content and up to the limit, and no larger one", async () => {
      const body = Buffer.alloc(limits.MAX_MESSAGE_BYTES, Buffer.from([0, 1, 254, 255]));
      await fixture.store.publish("orders", { body, contentType: "application/octet-stream" });
      await fixture.store.publish("orders", { body: Buffer.alloc(0), contentType: "text/plain" });
      const seen: Buffer[] = [];
      fixture.consume((delivery) => {
        seen.push(delivery.body);
        return Promise.resolve({ delivered: true });
      });
      await fixture.drained();
      expect(seen[0].equals(body)).toBe(true);
      expect(seen[1]).toHaveLength(0);
      const tooLarge = fixture.store.publish("orders", {
        body: Buffer.alloc(body.length + 1),
        contentType: "text/plain",
      });
      await expect(tooLarge).rejects.toThrow(MessageTooLargeError);
      await expect(tooLarge).rejects.toThrow(/6291457 bytes; at most 6291456/);
    });

    it("leases no more messages at a time than there is room for, and more once it is woken", async () => {
      await fixture.publishInOrder("a", "b", "c", "d", "e");
      let room = 2;
      const ends: (() => void)[] = [];
      const started: string[] = [];
      const consumer = fixture.consume(
        ({ body }) => {
          started.push(body.toString());
          return new Promise((resolve) => ends.push(() => resolve({ delivered: true })));
        },
        { maxInFlight: () => room },
      );
      await waitUntil("two deliveries", () => started.length === 2);
      expect(await fixture.store.counts("orders")).toEqual({ pending: 3, inFlight: 2, deadLetters: 0 });
      room = 4;
      consumer.wake();
      await waitUntil("four deliveries", () => started.length === 4);
      expect(await fixture.store.counts("orders")).toMatchObject({ pending: 1, inFlight: 4 });
      ends.shift()!();
      await waitUntil("the last delivery", () => started.length === 5);
      expect(started).toEqual(["a", "b", "c", "d", "e"]);
      ends.forEach((end) => end());
      await fixture.drained();
    });

    it("stops with the pending deliveries ended and the rest kept", async () => {
      await fixture.publishInOrder("a", "b");
      let end: (() => void) | undefined;
      const consumer = fixture.consume(() => new Promise((resolve) => (end = () => resolve({ delivered: true }))));
      await waitUntil("a delivery", () => end !== undefined);
      let stopped = false;
      const stopping = consumer.stop().then(() => (stopped = true));
      await expect(fixture.store.counts("orders")).resolves.toMatchObject({ pending: 1, inFlight: 1 });
      expect(stopped).toBe(false);
      end!();
      await stopping;
      expect(await fixture.store.counts("orders")).toEqual({ pending: 1, inFlight: 0, deadLetters: 0 });
    });

    it("refuses a second consumer of a queue, and what is not a queue's name", async () => {
      const { consumer } = fixture.record(() => ({ delivered: true }));
      expect(() => fixture.record(() => ({ delivered: true }))).toThrow(/"orders" has a consumer already/);
      await consumer.stop();
      expect(() => fixture.record(() => ({ delivered: true }))).not.toThrow();
      await expect(fixture.store.publish("No Name", text("a"))).rejects.toThrow(/"No Name" is not a queue's name/);
    });

    it("keeps queues apart and lists them", async () => {
      await fixture.store.publish("orders", text("a"));
      await fixture.store.publish("orders-2", text("b"));
      await fixture.store.publish("cron.nightly", text("c"));
      const { deliveries } = fixture.record(() => ({ delivered: true }));
      await fixture.drained();
      expect(deliveries).toEqual(["a#1"]);
      expect(await fixture.store.counts("orders-2")).toMatchObject({ pending: 1 });
      expect(await fixture.store.queues()).toEqual(["cron.nightly", "orders", "orders-2"]);
    });
  });

  describe("redelivery", () => {
    it("delivers a failed message again after a pause, and the others meanwhile", async () => {
      await fixture.publishInOrder("poison", "a", "b");
      const times: number[] = [];
      const { deliveries } = fixture.record(
        ({ body, attempt }) => {
          if (body.toString() !== "poison") return { delivered: true };
          times.push(Date.now());
          return attempt < 3 ? { delivered: false, reason: "no" } : { delivered: true };
        },
        { backoffSeconds: 0.2 },
      );
      await fixture.drained();
      expect(deliveries).toEqual(["poison#1", "a#1", "b#1", "poison#2", "poison#3"]);
      expect(times[1] - times[0]).toBeGreaterThanOrEqual(199);
      expect(times[2] - times[1]).toBeGreaterThanOrEqual(399);
    });

    it("keeps attempts and pauses over a restart", async () => {
      await fixture.publishInOrder("a");
      const { deliveries } = fixture.record(() => ({ delivered: false, reason: "no" }), { backoffSeconds: 0.3 });
      await waitUntil("the first delivery's end", async () => {
        const { pending, inFlight } = await fixture.store.counts("orders");
        return deliveries.length === 1 && pending === 1 && inFlight === 0;
      });
      const failedAt = Date.now();
      await fixture.reopen();
      const second = fixture.record(() => ({ delivered: true }));
      await fixture.drained();
      expect(second.deliveries).toEqual(["a#2"]);
      expect(Date.now() - failedAt).toBeGreaterThanOrEqual(200);
    });

    it("gives a returned message back without counting it, before later ones", async () => {
      await fixture.publishInOrder("a", "b");
      let returns = 4;
      const { deliveries } = fixture.record(() => (returns-- > 0 ? { delivered: "returned" } : { delivered: true }), {
        maxDeliveries: 1,
      });
      await fixture.drained();
      expect(deliveries).toEqual(["a#1", "a#1", "a#1", "a#1", "a#1", "b#1"]);
    });

    it("delivers a returned message again soon, though the machine's clock is set back", async () => {
      await fixture.publishAll("a");
      let returns = 1;
      const { deliveries } = fixture.record(() => ({ delivered: returns-- > 0 ? "returned" : true }));
      await waitUntil("it is returned", () => deliveries.length === 1);
      const now = Date.now.bind(Date);
      const clock = jest.spyOn(Date, "now").mockImplementation(() => now() - 3_600_000);
      try {
        await fixture.drained();
      } finally {
        clock.mockRestore();
      }
      expect(deliveries).toEqual(["a#1", "a#1"]);
    });
  });

  describe("dead letters", () => {
    it("are messages that used up their deliveries, with the last reason", async () => {
      const before = Date.now();
      const letters = await fixture.bury("a", "b");
      expect(await fixture.store.counts("orders")).toEqual({ pending: 0, inFlight: 0, deadLetters: 2 });
      const kept = await deadLettersOf(fixture.store);
      expect(kept.map(({ body, attempts, reason }) => `${body.toString()} ${attempts} ${reason}`).sort()).toEqual([
        "a 2 cannot take a",
        "b 2 cannot take b",
      ]);
      expect(kept[0].deadAt).toBeGreaterThanOrEqual(before);
      expect(letters.map(({ id }) => id).sort()).toEqual(kept.map(({ id }) => id).sort());
      expect(await deadLettersOf(fixture.store, "orders", 1)).toHaveLength(1);
      await fixture.reopen();
      expect(await fixture.store.counts("orders")).toMatchObject({ deadLetters: 2 });
    });

    it("come from one delivery that says that none can succeed", async () => {
      await fixture.publishInOrder("a");
      fixture.consume(() => Promise.resolve({ delivered: "never", reason: "foreign" }), { maxDeliveries: 5 });
      await fixture.drained();
      expect(await deadLettersOf(fixture.store)).toMatchObject([{ reason: "foreign", attempts: 1 }]);
    });

    it("come from a delivery that throws, too", async () => {
      await fixture.publishInOrder("a");
      fixture.consume(() => Promise.reject(new Error("the function is gone")), { maxDeliveries: 1 });
      await fixture.drained();
      expect(await deadLettersOf(fixture.store)).toMatchObject([{ reason: "the function is gone", attempts: 1 }]);
    });

    it("can be redriven to the queue's end, all or some, counted anew", async () => {
      const [first] = await fixture.bury("a", "b");
      await fixture.publishInOrder("c");
      expect(await fixture.store.redrive("orders", { ids: [first.id, first.id, "0000000zzz", "x"] })).toEqual({
        count: 1,
        cut: 0,
      });
      expect(await fixture.store.counts("orders")).toEqual({ pending: 2, inFlight: 0, deadLetters: 1 });
      await fixture.reopen();
      const ids: string[] = [];
      const { deliveries } = fixture.record(({ id }) => {
        ids.push(id);
        return { delivered: true };
      });
      await fixture.drained();
      const redriven = first.body.toString();
      expect(deliveries).toEqual(["c#1", `${redriven}#1`]);
      expect(ids[1]).toBe(first.id);
      expect(await fixture.store.redrive("orders")).toEqual({ count: 1, cut: 0 });
      await fixture.drained();
      expect(deliveries).toHaveLength(3);
      expect(await deadLettersOf(fixture.store)).toEqual([]);
    });

    it("are redriven once, however often it is asked at the same time", async () => {
      await fixture.bury("a", "b", "c");
      const redriven = await Promise.all([fixture.store.redrive("orders"), fixture.store.redrive("orders")]);
      expect(redriven.map(({ count }) => count)).toEqual([3, 0]);
      expect(await fixture.store.counts("orders")).toEqual({ pending: 3, inFlight: 0, deadLetters: 0 });
    });

    it("can be purged, all or some", async () => {
      const letters = await fixture.bury("a", "b", "c");
      expect(await fixture.store.purgeDeadLetters("orders", { ids: [letters[1].id] })).toBe(1);
      expect((await deadLettersOf(fixture.store)).map(({ id }) => id)).not.toContain(letters[1].id);
      expect(await fixture.store.purgeDeadLetters("orders")).toBe(2);
      expect(await fixture.store.counts("orders")).toEqual({ pending: 0, inFlight: 0, deadLetters: 0 });
    });
  });

  describe("deduplication", () => {
    const publish = (deduplicationId: string, queue = "orders") =>
      fixture.store.publish(queue, text("a"), { deduplicationId });

    it("drops a second message of the same id and queue, also after a restart", async () => {
      const { id, duplicate } = await publish("1");
      expect(duplicate).toBe(false);
      expect(await publish("1")).toEqual({ id, duplicate: true });
      expect(await publish("1", "other")).toMatchObject({ duplicate: false });
      expect(await publish("2")).toMatchObject({ duplicate: false });
      await fixture.reopen();
      expect(await publish("1")).toEqual({ id, duplicate: true });
      expect(await fixture.store.counts("orders")).toMatchObject({ pending: 2 });
    });

    it("accepts one of many that come at the same time", async () => {
      const results = await Promise.all(Array.from({ length: 20 }, () => publish("x".repeat(5_000))));
      expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(new Set(results.map(({ id }) => id)).size).toBe(1);
      expect(await fixture.store.counts("orders")).toMatchObject({ pending: 1 });
    });

    it("remembers the id of a message that was delivered", async () => {
      await publish("1");
      fixture.record(() => ({ delivered: true }));
      await fixture.drained();
      expect(await publish("1")).toMatchObject({ duplicate: true });
    });
  });

  describe("values", () => {
    it("change only if they are as expected, and stay", async () => {
      expect(await fixture.store.value("k")).toBeUndefined();
      expect(await fixture.store.compareAndSet("k", "0", "1")).toBe(false);
      expect(await fixture.store.compareAndSet("k", undefined, "1")).toBe(true);
      expect(await fixture.store.compareAndSet("k", undefined, "2")).toBe(false);
      const all = Array.from({ length: 10 }, (_, n) => fixture.store.compareAndSet("k", "1", `winner ${n}`));
      const results = await Promise.all(all);
      expect(results.filter(Boolean)).toHaveLength(1);
      await fixture.reopen();
      expect(await fixture.store.value("k")).toBe(`winner ${results.indexOf(true)}`);
    });
  });

  describe("closing", () => {
    it("needs the consumers stopped", async () => {
      const { consumer } = fixture.record(() => ({ delivered: true }));
      await expect(fixture.store.close()).rejects.toThrow(/still has consumers: orders/);
      await consumer.stop();
      await fixture.store.close();
      await expect(fixture.store.publish("orders", text("a"))).rejects.toThrow(/is closed/);
      await expect(fixture.store.counts("orders")).rejects.toThrow(/is closed/);
    });

    it("waits for writes under way", async () => {
      const publishing = fixture.publishAll("a", "b", "c");
      await fixture.store.close();
      await expect(publishing).resolves.toHaveLength(3);
      await fixture.open();
      expect(await fixture.store.counts("orders")).toMatchObject({ pending: 3 });
    });
  });
}
