import type { MessageConsumer } from "../../../src/gateway/queues/messageStore";
import { NatsRegion } from "../../support/natsRegion";
import { describeWithNats, type NatsServer, startNatsCluster } from "../../support/natsServer";
import { waitUntil } from "../../support/waitUntil";
import { text } from "./storeFixture";

const MINUTE_MS = 60_000;

describeWithNats("three NATS servers", () => {
  let servers: NatsServer[];
  let region: NatsRegion;
  let consumers: MessageConsumer[];

  beforeEach(async () => {
    servers = await startNatsCluster(3);
    region = new NatsRegion(...servers);
    consumers = [];
  });
  afterEach(async () => {
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    await region.close();
    await Promise.all(servers.map((server) => server.remove()));
  });

  it.each(["SIGTERM", "SIGKILL"] as const)(
    "go on with two of them while each is restarted in turn (%s)",
    async (signal) => {
      const [publisher, ...stores] = await Promise.all([1, 2, 3].map(() => region.open({ replicas: 3 })));
      const accepted: string[] = [];
      const failed: unknown[] = [];
      let publishing = true;
      const publishers = Array.from({ length: 4 }, async (_, lane) => {
        for (let n = 0; publishing; n++) {
          const body = `${lane}-${n}`;
          await publisher.publish("orders", text(body)).then(
            () => accepted.push(body),
            (error: unknown) => failed.push(error),
          );
        }
      });
      const seen = new Set<string>();
      const options = { maxDeliveries: 5, backoffSeconds: 0.01, maxInFlight: () => 10 };
      for (const store of stores)
        consumers.push(
          store.consume("orders", options, ({ body }) => {
            seen.add(body.toString());
            return Promise.resolve({ delivered: true });
          }),
        );
      try {
        for (const server of servers) {
          const before = accepted.length;
          await waitUntil("progress", () => accepted.length >= before + 100, MINUTE_MS);
          await server.stop(signal);
          const without = accepted.length;
          await waitUntil("progress without it", () => accepted.length >= without + 100, MINUTE_MS);
          await server.start();
        }
      } finally {
        publishing = false;
      }
      await Promise.all(publishers);
      await waitUntil("all deliveries", () => accepted.every((body) => seen.has(body)), MINUTE_MS);
      await waitUntil(
        "the count",
        async () => (await publisher.counts("orders").catch(() => undefined))?.pending === 0,
        MINUTE_MS,
      );
      expect(failed).toEqual([]);
      expect((await publisher.counts("orders")).deadLetters).toBe(0);
    },
    3 * MINUTE_MS,
  );
});
