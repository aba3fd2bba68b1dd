import { join } from "node:path";

import { cronQueueName } from "../../../src/gateway/crons/cronQueueName";
import { CronScheduler } from "../../../src/gateway/crons/cronScheduler";
import { openEmbeddedStore } from "../../../src/gateway/queues/embeddedStore";
import type { MessageStore } from "../../../src/gateway/queues/messageStore";
import { API_VERSION, type CronDocument, limits, parseDocument } from "../../../src/spec";
import { temporaryFolder } from "../../support/temporaryFolder";
import { waitUntil } from "../../support/waitUntil";
import { SimulatedClock } from "./simulatedClock";

const folder = temporaryFolder();
let store: MessageStore;
let clock: SimulatedClock;
let fired: string[];
let logs: string[];
let schedulers: CronScheduler[];

beforeEach(async () => {
  store = await openEmbeddedStore(join(folder(), "store"));
  clock = new SimulatedClock("2025-06-01T00:00:00Z");
  fired = [];
  logs = [];
  schedulers = [];
});

afterEach(async () => {
  await Promise.all(schedulers.map((scheduler) => scheduler.stop()));
  await store.close();
});

function cron(schedule: string, rest: Partial<CronDocument> = {}): CronDocument {
  const document = { kind: "Cron", apiVersion: API_VERSION, name: "nightly", function: "f", schedule, ...rest };
  return parseDocument(document, "test") as CronDocument;
}

function scheduler(of: MessageStore = store): CronScheduler {
  const created = new CronScheduler({
    store: of,
    clock,
    onFire: (name, time) => fired.push(`${name} ${time.toISOString().slice(5, 19)}`),
    onLog: (level, message) => logs.push(`${level} ${message}`),
  });
  schedulers.push(created);
  return created;
}

/** Runs crons until a time, then stops them as a gateway that ends. */
async function runGateway(until: string, ...documents: CronDocument[]): Promise<void> {
  const gateway = scheduler();
  await gateway.update(documents);
  await clock.runTo(until);
  await gateway.stop();
}

/** Delivers what is in a cron's queue and returns the bodies. */
async function messagesOf(name: string): Promise<unknown[]> {
  const bodies: unknown[] = [];
  const queue = cronQueueName(name);
  const consumer = store.consume(
    queue,
    { maxDeliveries: 1, backoffSeconds: 0, maxInFlight: () => 1 },
    ({ body, contentType }) => {
      expect(contentType).toBe("application/json");
      bodies.push(JSON.parse(body.toString()));
      return Promise.resolve({ delivered: true });
    },
  );
  await waitUntil("the queue is empty", async () => {
    const { pending, inFlight } = await store.counts(queue);
    return pending + inFlight === 0;
  });
  await consumer.stop();
  return bodies;
}

describe("firing", () => {
  it("publishes a message for each scheduled time, in the cron's own queue", async () => {
    await runGateway("2025-06-03T12:00:00Z", cron("0 2 * * *", { timezone: "Europe/Istanbul" }));
    expect(fired).toEqual(["nightly 06-01T23:00:00", "nightly 06-02T23:00:00"]);
    expect(await messagesOf("nightly")).toEqual([
      { scheduledTime: "2025-06-01T23:00:00.000Z" },
      { scheduledTime: "2025-06-02T23:00:00.000Z" },
    ]);
    expect(logs).toEqual([]);
  });

  it("fires at the second", async () => {
    await runGateway("2025-06-01T00:01:00Z", cron("*/15 * * * * *"));
    expect(fired.map((line) => line.slice(-8))).toEqual(["00:00:15", "00:00:30", "00:00:45", "00:01:00"]);
  });

  it("fires by real timers too", async () => {
    const real = new CronScheduler({ store, onFire: (name) => fired.push(name) });
    schedulers.push(real);
    await real.update([cron("* * * * * *")]);
    await waitUntil("two firings", () => fired.length >= 2);
    expect(fired.slice(0, 2)).toEqual(["nightly", "nightly"]);
  });

  it("tells the next firings", async () => {
    const gateway = scheduler();
    await gateway.update([cron("0 2 * * *"), cron("30 2 * * 1", { name: "weekly", timezone: "Europe/Berlin" })]);
    expect(gateway.nextFirings()).toEqual(
      new Map([
        ["nightly", "2025-06-01T02:00:00.000Z"],
        ["weekly", "2025-06-02T00:30:00.000Z"],
      ]),
    );
    await clock.runTo("2025-06-01T02:00:00Z");
    expect(gateway.nextFirings().get("nightly")).toBe("2025-06-02T02:00:00.000Z");
  });

  it("fires once each day through changes of the clocks", async () => {
    clock.jumpTo("2025-10-25T12:00:00Z");
    await runGateway("2025-10-27T12:00:00Z", cron("30 2 * * *", { timezone: "Europe/Berlin" }));
    expect(fired).toEqual(["nightly 10-26T00:30:00", "nightly 10-27T01:30:00"]);
    fired = [];
    clock.jumpTo("2026-03-07T12:00:00Z");
    await runGateway("2026-03-09T12:00:00Z", cron("30 2 * * *", { name: "ny", timezone: "America/New_York" }));
    expect(fired).toEqual(["ny 03-08T07:30:00", "ny 03-09T06:30:00"]);
  });

  it("is not repeated by a restart within the hour that the clocks repeat", async () => {
    clock.jumpTo("2025-10-25T12:00:00Z");
    const document = cron("30 2 * * *", { timezone: "Europe/Berlin", missed: "all" });
    for (const until of ["2025-10-26T00:31:00Z", "2025-10-26T01:10:00Z", "2025-10-26T03:00:00Z"])
      await runGateway(until, document);
    expect(fired).toEqual(["nightly 10-26T00:30:00"]);
  });
});

describe("firings that were missed", () => {
  const outage = async (missed: CronDocument["missed"], schedule = "0 * * * *", until = "2025-06-01T05:30:00Z") => {
    await runGateway("2025-06-01T01:30:00Z", cron(schedule, { missed }));
    clock.jumpTo(until);
    fired = [];
    await runGateway(until, cron(schedule, { missed }));
    return fired.map((line) => line.slice(-8));
  };

  it("are left out with skip", async () => {
    expect(await outage("skip")).toEqual([]);
    expect(logs).toEqual(['warn cron "nightly": missed 4 firings while no gateway ran; fires 0 now (missed: "skip")']);
    await runGateway("2025-06-01T06:00:00Z", cron("0 * * * *"));
    expect(fired).toEqual(["nightly 06-01T06:00:00"]);
    expect(logs).toHaveLength(1);
  });

  it("are made up for by the newest with latest, once", async () => {
    expect(await outage("latest")).toEqual(["05:00:00"]);
    await runGateway("2025-06-01T05:40:00Z", cron("0 * * * *", { missed: "latest" }));
    expect(fired).toHaveLength(1);
  });

  it("need no making up when the newest is on time", async () => {
    expect(await outage("latest", "0 * * * *", "2025-06-01T05:00:30Z")).toEqual(["05:00:00"]);
  });

  it("are all made up for with all, in their order", async () => {
    expect(await outage("all")).toEqual(["02:00:00", "03:00:00", "04:00:00", "05:00:00"]);
    const bodies = (await messagesOf("nightly")) as { scheduledTime: string }[];
    expect(bodies.map(({ scheduledTime }) => scheduledTime.slice(11, 13))).toEqual(["01", "02", "03", "04", "05"]);
  });

  it("are the newest ones when there are too many for all", async () => {
    expect(await outage("all", "*/10 * * * * *", "2025-06-01T12:00:00Z")).toHaveLength(limits.MAX_MISSED_FIRINGS + 7);
    expect(fired.at(-1)).toBe("nightly 06-01T12:00:00");
    expect(logs.at(-1)).toMatch(/missed more than 1000 firings .* fires 1007 now/);
  });

  it("do not count when the gateway was away for a moment", async () => {
    expect(await outage("skip", "* * * * *", "2025-06-01T01:31:10Z")).toEqual(["01:31:00"]);
    expect(logs).toEqual([]);
  });

  it("count for a machine that slept as well", async () => {
    const gateway = scheduler();
    await gateway.update([cron("0 * * * *"), cron("0 * * * *", { name: "caught-up", missed: "latest" })]);
    clock.jumpTo("2025-06-01T08:20:00Z");
    await clock.runTo("2025-06-01T08:21:00Z");
    expect(fired).toEqual(["caught-up 06-01T08:00:00"]);
    await clock.runTo("2025-06-01T09:00:00Z");
    expect(fired.slice(1).sort()).toEqual(["caught-up 06-01T09:00:00", "nightly 06-01T09:00:00"]);
  });

  it("include those before the first firing ever, but none before the cron was there", async () => {
    await runGateway("2025-06-01T01:00:00Z", cron("0 2 * * *", { missed: "all" }));
    clock.jumpTo("2025-06-02T08:00:00Z");
    await runGateway("2025-06-02T08:00:00Z", cron("0 2 * * *", { missed: "all" }));
    expect(fired).toEqual(["nightly 06-01T02:00:00", "nightly 06-02T02:00:00"]);
    await runGateway("2025-06-02T08:00:00Z", cron("0 3 * * *", { name: "new", missed: "all" }));
    expect(fired).toHaveLength(2);
  });
});

describe("a clock that is corrected", () => {
  it("does not fire again for times that come twice", async () => {
    const gateway = scheduler();
    await gateway.update([cron("*/10 * * * *")]);
    await clock.runTo("2025-06-01T01:00:00Z");
    expect(fired).toHaveLength(6);
    clock.jumpTo("2025-06-01T00:30:00Z");
    await clock.runTo("2025-06-01T01:10:00Z");
    expect(fired.slice(6)).toEqual(["nightly 06-01T01:10:00"]);
  });

  it("does not silence a cron until a time far ahead", async () => {
    clock.jumpTo("2035-01-01T00:00:00Z");
    await runGateway("2035-01-01T02:00:00Z", cron("0 2 * * *"));
    clock.jumpTo("2025-06-01T00:00:00Z");
    await runGateway("2025-06-01T02:00:00Z", cron("0 2 * * *"));
    expect(fired).toEqual(["nightly 01-01T02:00:00", "nightly 06-01T02:00:00"]);
    expect(logs.at(-1)).toMatch(/fired last at 2035-01-01T02:00:00.000Z, later than now/);
  });
});

describe("updates", () => {
  it("stop removed crons, start new ones and leave the others alone", async () => {
    const gateway = scheduler();
    const kept = cron("*/10 * * * *", { name: "kept" });
    await gateway.update([kept, cron("*/10 * * * *", { name: "removed" })]);
    await clock.runTo("2025-06-01T00:10:00Z");
    await gateway.update([{ ...kept, function: "g" }, cron("*/5 * * * *", { name: "added" })]);
    expect(clock.timers).toBe(2);
    await clock.runTo("2025-06-01T00:20:00Z");
    expect([...fired].sort()).toEqual([
      "added 06-01T00:15:00",
      "added 06-01T00:20:00",
      "kept 06-01T00:10:00",
      "kept 06-01T00:20:00",
      "removed 06-01T00:10:00",
    ]);
    await gateway.update([]);
    expect(clock.timers).toBe(0);
    expect(gateway.nextFirings().size).toBe(0);
  });

  it("apply a changed policy to a running cron", async () => {
    const gateway = scheduler();
    await gateway.update([cron("0 * * * *", { missed: "skip" })]);
    await gateway.update([cron("0 * * * *", { missed: "latest" })]);
    clock.jumpTo("2025-06-01T05:30:00Z");
    await clock.runTo("2025-06-01T05:30:00Z");
    expect(fired).toEqual(["nightly 06-01T05:00:00"]);
  });

  it("never fire a changed schedule for the past, nor one that comes back", async () => {
    const all = { missed: "all" } as const;
    await runGateway("2025-06-01T00:30:00Z", cron("*/10 * * * *", all));
    fired = [];
    clock.jumpTo("2025-06-01T02:00:30Z");
    await runGateway("2025-06-01T02:01:00Z", cron("*/5 * * * *", all));
    await runGateway("2025-06-01T02:02:00Z", cron("*/5 * * * *", { ...all, timezone: "Europe/Berlin" }));
    await runGateway("2025-06-01T02:03:00Z", cron("*/10 * * * *", all));
    expect(fired).toEqual([]);
  });

  it("take a cron that was removed and comes back for a new one", async () => {
    const gateway = scheduler();
    const document = cron("*/10 * * * *", { missed: "all" });
    await gateway.update([document]);
    await gateway.update([]);
    clock.jumpTo("2025-06-01T12:05:00Z");
    await gateway.update([document]);
    await clock.runTo("2025-06-01T12:10:00Z");
    expect(fired).toEqual(["nightly 06-01T12:10:00"]);
  });
});

describe("exactly one message a firing", () => {
  it("with several gateways on one store", async () => {
    const gateways = [scheduler(), scheduler(), scheduler()];
    await Promise.all(gateways.map((gateway) => gateway.update([cron("*/10 * * * *")])));
    await clock.runTo("2025-06-01T02:00:00Z");
    expect(fired).toHaveLength(12);
    expect(await messagesOf("nightly")).toHaveLength(12);
  });

  it("with a crash between publishing and recording", async () => {
    const document = cron("*/10 * * * *");
    const crashing: MessageStore = Object.create(store, {
      compareAndSet: { value: () => Promise.reject(new Error("the process ended here")) },
      publish: { value: store.publish.bind(store) },
      value: { value: store.value.bind(store) },
    }) as MessageStore;
    await runGateway("2025-06-01T00:05:00Z", document);
    const crashed = scheduler(crashing);
    await crashed.update([document]);
    await clock.runTo("2025-06-01T00:10:00Z");
    await crashed.stop();
    expect(logs.at(-1)).toMatch(/error cron "nightly": could not record a firing .*the process ended here/);
    await runGateway("2025-06-01T00:10:30Z", document);
    expect(fired).toEqual(["nightly 06-01T00:10:00"]);
    expect(await messagesOf("nightly")).toEqual([{ scheduledTime: "2025-06-01T00:10:00.000Z" }]);
  });

  it("with a store that fails for a while", async () => {
    let failing = true;
    const publish: MessageStore["publish"] = (...args) =>
      failing ? Promise.reject(new Error("no space left")) : store.publish(...args);
    const flaky: MessageStore = Object.create(store, {
      publish: { value: publish },
      compareAndSet: { value: store.compareAndSet.bind(store) },
      value: { value: store.value.bind(store) },
    }) as MessageStore;
    await scheduler(flaky).update([cron("*/10 * * * *")]);
    await clock.runTo("2025-06-01T00:10:12Z");
    expect(fired).toEqual([]);
    expect(logs).toHaveLength(3);
    failing = false;
    await clock.runTo("2025-06-01T00:20:00Z");
    expect(fired).toEqual(["nightly 06-01T00:10:00", "nightly 06-01T00:20:00"]);
  });
});
