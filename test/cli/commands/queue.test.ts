import { join } from "node:path";

import { connect } from "@nats-io/transport-node";

import { serveAdminApi } from "../../../src/gateway/admin/adminApi";
import { AdminServer } from "../../../src/gateway/admin/adminServer";
import { type GatewayStatus } from "../../../src/gateway/gatewayOptions";
import { LogBook } from "../../../src/gateway/logs/logBook";
import { type MessageStore } from "../../../src/gateway/queues/messageStore";
import { runCli, stopCliProcesses } from "../../support/cliProcess";
import { NatsRegion } from "../../support/natsRegion";
import { describeWithNats, NatsServer } from "../../support/natsServer";
import { writeFiles } from "../../support/project";
import { temporaryFolder } from "../../support/temporaryFolder";
import { waitUntil } from "../../support/waitUntil";

const MAX_PAYLOAD = 64 * 1024;
const LABEL = "production/eu";

const folder = temporaryFolder();
const cli = (...args: string[]) => runCli(["queue", ...args], { cwd: folder() });

/** Serves the admin API of a region's queues, and writes where it is as a gateway does. */
async function serve(store: MessageStore): Promise<AdminServer> {
  const admin = new AdminServer();
  serveAdminApi(admin, {
    region: () => {
      throw new Error("no route of this test needs it");
    },
    status: () => Promise.resolve({ queues: [], crons: [] } as unknown as GatewayStatus),
    find: () => undefined,
    hasQueue: () => true,
    store,
    logs: new LogBook(join(folder(), "log.jsonl"), undefined),
    history: () => Promise.resolve([]),
  });
  const address = { adminUrl: await admin.listen(), token: admin.token };
  await writeFiles(folder(), {
    "Pulumi.yaml": "name: shop\nruntime: nodejs\n",
    "index.js": "",
    [`.fullcode/dev/${LABEL}/region.json`]: "{}",
    [`.fullcode/dev/${LABEL}/state/gateway.json`]: JSON.stringify(address),
  });
  return admin;
}

describeWithNats("dead letters that NATS has no room for as they were", () => {
  let server: NatsServer;
  let region: NatsRegion;
  let store: MessageStore;
  let admin: AdminServer;

  beforeEach(async () => {
    server = await NatsServer.start({ maxPayload: String(MAX_PAYLOAD) });
    region = new NatsRegion(server);
    store = await region.open();
    admin = await serve(store);
  });
  afterEach(async () => {
    await stopCliProcesses();
    await admin.close();
    await region.close();
    await server.remove();
  });

  test("are marked as cut, and only whole ones are redriven", async () => {
    await store.publish("orders", { body: Buffer.from("whole"), contentType: "text/plain" });
    const client = await connect({ servers: server.url });
    client.publish(region.subject("orders"), "x".repeat(MAX_PAYLOAD));
    await client.drain();
    await waitUntil("both are there", async () => (await store.counts("orders")).pending === 2);
    const options = { maxDeliveries: 1, backoffSeconds: 1, maxInFlight: () => 1 };
    const consumer = store.consume("orders", options, () => Promise.resolve({ delivered: false, reason: "no" }));
    await waitUntil("both are dead", async () => (await store.counts("orders")).deadLetters === 2);
    await consumer.stop();

    const { stdout } = await cli("list", "orders", "--json");
    const [whole, cut] = JSON.parse(stdout) as { id: string }[];
    expect(whole).not.toHaveProperty("uncutBytes");
    expect(cut).toMatchObject({ uncutBytes: MAX_PAYLOAD });
    expect((await cli("list", "orders")).stdout).toMatch(/ whole\n.* \(cut\) x+\n$/);

    const redriven = await cli("redrive", "orders", "--json");
    expect([redriven.exitCode, JSON.parse(redriven.stdout)]).toEqual([1, [{ region: LABEL, count: 1, cut: 1 }]]);
    expect(redriven.output).toContain(`warning: Region ${LABEL}: 1 dead letter was not redriven`);
    expect(await store.counts("orders")).toEqual({ pending: 1, inFlight: 0, deadLetters: 1 });

    const named = await cli("redrive", "orders", cut.id);
    expect([named.exitCode, named.stdout]).toEqual([1, expect.stringMatching(/ 0\n$/)]);
    expect((await cli("purge", "orders", cut.id)).exitCode).toBe(0);
    expect((await cli("redrive", "orders", cut.id)).output).toContain("no dead letter with such an id");
  });
});
