import { join } from "node:path";

import { StoredHistory } from "../../../src/gateway/cluster/storedHistory";
import { openEmbeddedStore } from "../../../src/gateway/queues/embeddedStore";
import { type MessageStore } from "../../../src/gateway/queues/messageStore";
import { API_VERSION, type FunctionDocument, functionDocument } from "../../../src/spec";
import { describeWithNats, NatsServer } from "../../support/natsServer";
import { NatsRegion } from "../../support/natsRegion";
import { temporaryFolder } from "../../support/temporaryFolder";

const folder = temporaryFolder();
let store: MessageStore;
const problems: string[] = [];
beforeEach(async () => {
  store = await openEmbeddedStore(join(folder(), "messages"));
  problems.length = 0;
});
afterEach(() => store.close());

const history = () => new StoredHistory(store, (message) => problems.push(message));

function version(name: string, version: string): FunctionDocument {
  return functionDocument.parse({
    kind: "Function",
    apiVersion: API_VERSION,
    name,
    version,
    runtime: "nodejs",
    concurrency: 1,
  });
}

const said = async () =>
  (await history().all()).map(({ function: name, version, status }) => [name, version, status].join(" "));

test("what several gateways report is kept once, in order", async () => {
  const gateways = [history(), history(), history()];
  for (const each of ["1", "2"]) {
    for (const gateway of gateways) for (const name of ["orders", "stock"]) gateway.deployed(version(name, each));
  }
  await Promise.all(gateways.map((gateway) => gateway.close()));
  expect(await said()).toEqual(["orders 1 deployed", "stock 1 deployed", "orders 2 deployed", "stock 2 deployed"]);
  expect(problems).toEqual([]);
});

test("a gateway that restarts adds nothing, a failure and a new version do", async () => {
  for (let restart = 0; restart < 2; restart++) {
    const gateway = history();
    gateway.deployed(version("orders", "1"));
    await gateway.close();
  }
  const last = history();
  last.failed(version("orders", "1"), "x".repeat(2_000));
  last.failed(version("orders", "1"), "the bootstrap has exited 4 times in a row");
  last.deployed(version("orders", "2"));
  await last.close();
  expect(await said()).toEqual(["orders 1 deployed", "orders 1 failed", "orders 2 deployed"]);
  expect((await history().all())[1].error).toHaveLength(500);
});

test("gateways that start add nothing to a version that has failed, and another version in between begins it anew", async () => {
  const report = async (each: string, error?: string) => {
    const gateway = history();
    gateway.deployed(version("orders", each));
    if (error !== undefined) gateway.failed(version("orders", each), error);
    await gateway.close();
  };
  await report("1", "it exits");
  const first = await history().all();
  await report("1", "it exits");
  await report("1");
  expect(await history().all()).toEqual(first);
  await report("1", "it hangs");
  expect(await history().all()).toEqual(first);
  const now = Date.now();
  jest.spyOn(Date, "now").mockImplementation(() => now + 60_000);
  await report("2");
  jest.spyOn(Date, "now").mockImplementation(() => now + 120_000);
  await report("1");
  jest.restoreAllMocks();
  expect((await said()).slice(2)).toEqual(["orders 2 deployed", "orders 1 deployed"]);
});

test("the newest records are kept", async () => {
  const gateway = history();
  for (let i = 0; i < 600; i++) gateway.deployed(version("orders", `v${i}`));
  await gateway.close();
  const lines = await said();
  expect(lines).toHaveLength(500);
  expect(lines.at(-1)).toBe("orders v599 deployed");
});

test("a history of another version of the gateway is begun anew", async () => {
  await store.compareAndSet("deployments", undefined, '{"not":"a list"}');
  const gateway = history();
  gateway.deployed(version("orders", "1"));
  await gateway.close();
  expect(await said()).toEqual(["orders 1 deployed"]);
});

describeWithNats("a server that takes only small messages", () => {
  test("gets as many of the newest records as it takes", async () => {
    const server = await NatsServer.start({ maxPayload: "128KB" });
    const region = new NatsRegion(server);
    try {
      const small = await region.open();
      const gateway = new StoredHistory(small, (message) => problems.push(message));
      await small.value("deployments");
      for (let i = 0; i < 600; i++) gateway.failed(version("orders", `v${i}`), "€".repeat(500));
      await gateway.close();
      const all = await new StoredHistory(small, () => undefined).all();
      expect(all.length).toBeGreaterThan(30);
      expect(all.at(-1)).toMatchObject({ version: "v599", error: "€".repeat(500) });
      expect(problems).toEqual([]);
    } finally {
      await region.close();
      await server.remove();
    }
  });
});
