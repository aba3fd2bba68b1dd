import { cronQueueName } from "../../../src/gateway/crons/cronQueueName";
import { CronScheduler } from "../../../src/gateway/crons/cronScheduler";
import type { MessageConsumer, MessageStore } from "../../../src/gateway/queues/messageStore";
import { API_VERSION, type CronDocument, parseDocument } from "../../../src/spec";
import { NatsRegion } from "../../support/natsRegion";
import { describeWithNats, NatsServer } from "../../support/natsServer";
import { waitUntil } from "../../support/waitUntil";
import { SimulatedClock } from "./simulatedClock";

const START = Date.parse("2025-06-01T00:00:00Z");
const SECOND_MS = 1_000;
/** The cron of these tests fires every ten seconds. */
const INTERVAL_MS = 10 * SECOND_MS;
const DUPLICATE_WINDOW_MS = 1_000;

const at = (firings: number) => new Date(START + firings * INTERVAL_MS).toISOString();
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A gateway as far as crons are concerned: a store over its own connection, and its own clock. */
interface CronGateway {
  store: MessageStore;
  clock: SimulatedClock;
  scheduler: CronScheduler;
}

describeWithNats("crons of several gateways on JetStream", () => {
  let server: NatsServer;
  let region: NatsRegion;
  let gateways: CronGateway[];
  let fired: string[];
  let logs: string[];
  let delivered: string[];
  let consumers: MessageConsumer[];

  beforeEach(async () => {
    server = await NatsServer.start();
    region = new NatsRegion(server);
    gateways = [];
    fired = [];
    logs = [];
    delivered = [];
    consumers = [];
  });
  afterEach(async () => {
    await Promise.all(gateways.map(({ scheduler }) => scheduler.stop()));
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    await region.close();
    await server.remove();
  });

  function cron(missed: CronDocument["missed"] = "skip"): CronDocument {
    const document = { kind: "Cron", apiVersion: API_VERSION, name: "nightly", function: "f", missed };
    return parseDocument({ ...document, schedule: "*/10 * * * * *" }, "test") as CronDocument;
  }

  async function startGateway(now: string, document = cron()): Promise<CronGateway> {
    const store = await region.open({ duplicateWindowMs: DUPLICATE_WINDOW_MS });
    const clock = new SimulatedClock(now);
    const scheduler = new CronScheduler({
      store,
      clock,
      onFire: (_, time) => fired.push(time.toISOString()),
      onLog: (level, message) => logs.push(`${level} ${message}`),
    });
    const gateway = { store, clock, scheduler };
    gateways.push(gateway);
    await scheduler.update([document]);
    return gateway;
  }

  async function stopGateway(gateway: CronGateway): Promise<void> {
    gateways = gateways.filter((each) => each !== gateway);
    await gateway.scheduler.stop();
  }

  /** Lets time pass for all gateways beside each other. */
  async function runTo(time: string): Promise<void> {
    await Promise.all(gateways.map(({ clock }) => clock.runTo(time)));
  }

  /** Delivers firings as they come, like the gateway's triggers. */
  function deliver({ store }: CronGateway): void {
    const options = { maxDeliveries: 3, backoffSeconds: 0, maxInFlight: () => 4 };
    const consumer = store.consume(cronQueueName("nightly"), options, ({ body }) => {
      delivered.push((JSON.parse(body.toString()) as { scheduledTime: string }).scheduledTime);
      return Promise.resolve({ delivered: true });
    });
    consumers.push(consumer);
  }

  async function expectFirings(from: number, to: number): Promise<void> {
    const expected = Array.from({ length: to - from }, (_, n) => at(from + n + 1));
    await waitUntil("the deliveries", () => delivered.length >= expected.length);
    const { store } = gateways[0];
    await waitUntil("an empty queue", async () => (await store.counts(cronQueueName("nightly"))).pending === 0);
    expect([...delivered].sort()).toEqual(expected);
    expect([...fired].sort()).toEqual(expected);
  }

  it("fire 200 times once each, with one gateway restarted half-way", async () => {
    const first = await startGateway(at(0));
    const second = await startGateway(at(0));
    deliver(first);
    deliver(second);
    for (let n = 20; n <= 100; n += 20) await runTo(at(n));
    await stopGateway(second);
    await runTo(at(110));
    await startGateway(at(110));
    for (let n = 120; n <= 200; n += 20) await runTo(at(n));
    await expectFirings(0, 200);
    expect(logs).toEqual([]);
  });

  it("fire once each though the server forgets their ids, in an outage of all gateways", async () => {
    await startGateway(at(0), cron("all"));
    await startGateway(at(0), cron("all"));
    await runTo(at(20));
    const stopped = [...gateways];
    for (const gateway of stopped) await stopGateway(gateway);
    await sleep(1.5 * DUPLICATE_WINDOW_MS);
    // both catch up beside each other
    const [first] = await Promise.all([startGateway(at(100), cron("all")), startGateway(at(100), cron("all"))]);
    await runTo(at(120));
    deliver(first);
    await expectFirings(0, 120);
  });

  it("fire once each though the server itself was away for longer than it remembers ids", async () => {
    const first = await startGateway(at(0), cron("all"));
    const second = await startGateway(at(0), cron("all"));
    deliver(first);
    deliver(second);
    await runTo(at(20));
    await server.stop();
    const running = runTo(at(21));
    await sleep(1.5 * DUPLICATE_WINDOW_MS);
    await server.start();
    await running;
    await runTo(at(40));
    await expectFirings(0, 40);
  });
});
