import { openEmbeddedStore } from "../../../src/gateway/queues/embeddedStore";
import type { MessageStore } from "../../../src/gateway/queues/messageStore";
import { redeliveryPause } from "../../../src/gateway/queues/redeliveryPause";
import { StoreInUseError } from "../../../src/gateway/queues/storeErrors";
import { limits } from "../../../src/spec";
import { temporaryFolder } from "../../support/temporaryFolder";
import { waitUntil } from "../../support/waitUntil";
import { behavesAsMessageStore } from "./messageStoreBehaviour";
import { storeFixture, text } from "./storeFixture";

const folder = temporaryFolder();

describe("the embedded store", () => behavesAsMessageStore(() => openEmbeddedStore(folder())));

it("doubles the pause between deliveries up to its limit", () => {
  expect([1, 2, 3, 4].map((attempt) => redeliveryPause(1, attempt))).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(redeliveryPause(1, 100)).toBe(limits.MAX_REDELIVERY_BACKOFF_SECONDS * 1_000);
  expect(redeliveryPause(0, 100)).toBe(0);
});

describe("deduplication", () => {
  let store: MessageStore;
  const open = async (options: Parameters<typeof openEmbeddedStore>[1]) => {
    store = await openEmbeddedStore(folder(), options);
  };
  const publish = (deduplicationId: string) => store.publish("orders", text("a"), { deduplicationId });

  afterEach(() => store.close());

  it("forgets ids after a day", async () => {
    let now = Date.now();
    await open({ now: () => now });
    await publish("1");
    now += limits.DEDUPLICATION_HOURS * 3_600_000;
    expect(await publish("1")).toMatchObject({ duplicate: true });
    now += 1;
    expect(await publish("1")).toMatchObject({ duplicate: false });
    await publish("2");
    expect(await publish("1")).toMatchObject({ duplicate: true });
  });

  it("forgets the oldest ids when there are too many", async () => {
    await open({ deduplicationIds: 3 });
    for (const id of ["1", "2", "3", "4"]) await publish(id);
    await store.close();
    await open({ deduplicationIds: 3 });
    expect(await publish("4")).toMatchObject({ duplicate: true });
    expect(await publish("2")).toMatchObject({ duplicate: true });
    expect(await publish("1")).toMatchObject({ duplicate: false });
  });
});

describe("an open folder", () => {
  const fixture = storeFixture(() => openEmbeddedStore(folder()));

  it("can be opened again after it was closed, and only then", async () => {
    await expect(openEmbeddedStore(folder())).rejects.toThrow(StoreInUseError);
    await expect(openEmbeddedStore(folder())).rejects.toThrow(/in use by this process/);
    await fixture.reopen();
    expect(await fixture.store.counts("orders")).toMatchObject({ pending: 0 });
  });

  it("takes 100,000 messages without slowing down", async () => {
    const { store } = fixture;
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
    const { deliveries, consumer } = fixture.record(() => ({ delivered: true }), { maxInFlight: () => 500 });
    await waitUntil("5,000 deliveries", () => deliveries.length >= 5_000, 30_000);
    await consumer.stop();
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / deliveries.length).toBeLessThan(2_000);
  });
});
