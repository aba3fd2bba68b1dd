import { status } from "@grpc/grpc-js";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

import { openEmbeddedStore } from "../../../src/gateway/queues/embeddedStore";
import { type MessageStore } from "../../../src/gateway/queues/messageStore";
import { KedaClient } from "../../support/kedaClient";
import { ScalerReplica } from "../../support/scalerReplica";
import { temporaryFolder } from "../../support/temporaryFolder";
import { waitUntil } from "../../support/waitUntil";

const folder = temporaryFolder();
let store: MessageStore;
let storeIsDown: boolean;
let counted: string[];
let replicas: ScalerReplica[];
/** Who is in the list of replicas that may hold invocations. */
let listed: Set<ScalerReplica>;
let extraPeers: string[];
/** Who is being ended. */
let leaving: Set<ScalerReplica>;
let keda: KedaClient;

beforeEach(async () => {
  store = await openEmbeddedStore(folder());
  storeIsDown = false;
  counted = [];
  extraPeers = [];
  leaving = new Set();
  replicas = [newReplica(), newReplica(), newReplica()];
  listed = new Set(replicas);
  await Promise.all(replicas.map((replica) => replica.listen()));
  keda = new KedaClient(replicas[0].address);
});

afterEach(async () => {
  keda.close();
  await Promise.all(replicas.map(({ server }) => server.close()));
  await store.close();
});

function newReplica(): ScalerReplica {
  const replica: ScalerReplica = new ScalerReplica({
    peers: () => [...[...listed].filter((each) => each !== replica).map(({ address }) => address), ...extraPeers],
    leavingPeers: () => [...leaving].map(({ address }) => address),
    store: {
      counts: (queue) => {
        counted.push(queue);
        return storeIsDown ? Promise.reject(new Error("no connection")) : store.counts(queue);
      },
    },
  });
  return replica;
}

function declare(name: string, options?: { concurrency?: number; queues?: string[] }): void {
  for (const replica of replicas) replica.declare(name, options);
}

async function publish(queue: string, count: number): Promise<void> {
  const message = { body: Buffer.from("{}"), contentType: "application/json" };
  await Promise.all(Array.from({ length: count }, () => store.publish(queue, message)));
}

/** Shared answers are a second old at most. */
async function untilSeen(value: number): Promise<void> {
  await waitUntil(`the load is ${value}`, async () => (await keda.look("orders")).value === value, 5_000);
}

/** A server that takes connections and says nothing. */
async function silentServer(): Promise<{ address: string; asked: Promise<unknown>; close: () => void }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  const asked = once(server, "connection");
  await once(server.listen(0, "127.0.0.1"), "listening");
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked, close };
}

describe("the load of a function", () => {
  it("is what all replicas hold and run, and the messages of its queues once", async () => {
    declare("orders", { queues: ["orders", "cron.nightly"] });
    replicas[0].set("orders", { held: 1, running: 2 });
    replicas[1].set("orders", { held: 0, running: 5, instances: ["a"] });
    replicas[2].set("orders", { held: 10, running: 0 });
    await publish("orders", 3);
    await publish("cron.nightly", 1);
    await publish("other", 7);
    expect(await keda.look("orders")).toEqual({ metric: "load", target: 16, value: 22, active: true });
  });

  it("counts messages that are being handled", async () => {
    declare("orders", { queues: ["orders"] });
    await publish("orders", 3);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const consumer = store.consume(
      "orders",
      { maxDeliveries: 5, backoffSeconds: 1, maxInFlight: () => 2 },
      async () => {
        await held;
        return { delivered: true };
      },
    );
    await waitUntil("two are handled", async () => (await store.counts("orders")).inFlight === 2);
    expect(await keda.look("orders")).toMatchObject({ value: 3, active: true });
    release();
    await untilSeen(0);
    await consumer.stop();
  });

  it("is zero, and the function inactive, when there is nothing to do", async () => {
    declare("orders", { queues: ["orders"] });
    for (const replica of replicas) replica.set("orders", { instances: ["a", "b"], idleMs: 11_000 });
    expect(await keda.look("orders")).toMatchObject({ value: 0, active: false });
  });

  it.each([0, 1])("leaves the function active for a while after the last invocation, on replica %i", async (index) => {
    declare("orders");
    replicas[index].set("orders", { idleMs: 5_000 });
    expect(await keda.look("orders")).toMatchObject({ value: 0, active: true });
  });

  it("is asked of each peer and of the store about once a second, however many functions there are", async () => {
    const names = Array.from({ length: 100 }, (_, index) => `orders-${index}`);
    for (const name of names) declare(name, { queues: ["orders"] });
    const start = Date.now();
    await Promise.all([...names, ...names].map((name) => keda.look(name)));
    const seconds = Math.ceil((Date.now() - start) / 1_000);
    // once by the peer itself in each second, to see whether something is held without capacity
    expect(replicas[1].asked.get("orders-0")).toBeLessThanOrEqual(2 * seconds);
    expect(counted.length).toBeLessThanOrEqual(2 * seconds);
  });
});

describe("the target", () => {
  it("is the function's concurrency", async () => {
    declare("orders", { concurrency: 3 });
    expect(await keda.spec("orders")).toEqual({ metric: "load", target: 3 });
  });

  it("is what the ScaledObject says, which may come before the function's document", async () => {
    expect(await keda.spec("orders", { concurrency: "7" })).toEqual({ metric: "load", target: 7 });
    declare("orders", { concurrency: 3 });
    expect(await keda.spec("orders", { concurrency: "7" })).toEqual({ metric: "load", target: 7 });
  });

  it.each(["0", "-1", "1.5", "many", ""])("is refused when the ScaledObject says %j", async (concurrency) => {
    declare("orders");
    await expect(keda.spec("orders", { concurrency })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining("concurrency must be a whole number") as string,
    });
  });
});

describe("questions that cannot be answered", () => {
  it("name the function that is not known", async () => {
    const unknown = { code: status.NOT_FOUND, details: expect.stringContaining('function "gone"') as string };
    await expect(keda.spec("gone")).rejects.toMatchObject(unknown);
    await expect(keda.look("gone", { concurrency: "1" })).rejects.toMatchObject(unknown);
  });

  it("say that the function is missing in the trigger's metadata", async () => {
    await expect(keda.spec("orders", { function: "" })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: "ScaledObject shop-production/orders: the trigger's metadata must name its function: function",
    });
  });
});

describe("a peer", () => {
  beforeEach(() => {
    declare("orders");
    for (const [index, replica] of replicas.entries()) replica.set("orders", { held: 1 + index });
  });

  it("that cannot be asked makes the answer an error that names it, until it has left the list", async () => {
    expect(await keda.look("orders")).toMatchObject({ value: 6 });
    await replicas[2].server.close();
    await waitUntil("its loads are asked for in vain", () =>
      keda.look("orders").then(
        ({ value }) => {
          // never a sum of a part
          expect(value).toBe(6);
          return false;
        },
        (error: { code: status; details: string }) => {
          expect(error.code).toBe(status.UNAVAILABLE);
          expect(error.details).toContain(`gateway replica ${replicas[2].address} cannot be asked`);
          return true;
        },
      ),
    );
    listed.delete(replicas[2]);
    expect(await keda.look("orders")).toMatchObject({ value: 3 });
    expect(replicas[0].logs).toEqual([expect.stringMatching(`^warn: gateway replica ${replicas[2].address} cannot`)]);
  });

  it("is asked again when it is back at its address", async () => {
    const { port } = replicas[2];
    await replicas[2].server.close();
    await waitUntil("its loads are asked for in vain", () =>
      keda.look("orders").then(
        () => false,
        () => true,
      ),
    );
    const back = newReplica();
    replicas.push(back);
    back.declare("orders");
    back.set("orders", { held: 20 });
    await back.listen(port);
    await waitUntil("it is counted", () =>
      keda.look("orders").then(
        ({ value }) => value === 23,
        () => false,
      ),
    );
    expect(replicas[0].logs.at(-1)).toMatch(/^info: .* can be asked for its loads again$/);
  });

  it("that does not answer makes the answer an error in about a second", async () => {
    const { address, close } = await silentServer();
    extraPeers = [address];
    const start = Date.now();
    await expect(keda.look("orders")).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining(address) as string,
    });
    expect(Date.now() - start).toBeLessThan(5_000);
    close();
  });

  it("that leaves while it is asked is left out", async () => {
    const { address, asked, close } = await silentServer();
    extraPeers = [address];
    const answer = keda.look("orders");
    await asked;
    extraPeers = [];
    expect(await answer).toMatchObject({ value: 6 });
    close();
  });

  it("that is being ended counts for as long as it answers", async () => {
    listed.delete(replicas[2]);
    leaving.add(replicas[2]);
    replicas[2].server.drain();
    expect(await keda.look("orders")).toMatchObject({ value: 6 });
    await replicas[2].server.close();
    await untilSeen(3);
    expect(replicas[0].logs).toEqual([]);
  });

  it("may not know the function yet", async () => {
    replicas[0].declare("new");
    replicas[0].set("new", { held: 2 });
    expect(await keda.look("new")).toMatchObject({ value: 2, active: true });
  });
});

describe("a store that cannot be asked", () => {
  beforeEach(() => {
    declare("orders");
    declare("both", { queues: ["orders"] });
    replicas[1].set("orders", { held: 4 });
    replicas[1].set("both", { held: 4 });
  });

  it("does not matter to functions without queues", async () => {
    storeIsDown = true;
    expect(await keda.look("orders")).toMatchObject({ value: 4 });
  });

  it("counts as it did last, so that the rest of the load is followed", async () => {
    await publish("orders", 3);
    expect(await keda.look("both")).toMatchObject({ value: 7 });
    storeIsDown = true;
    replicas[1].set("both", { held: 6 });
    await waitUntil("the other part has changed", async () => (await keda.look("both")).value === 9, 5_000);
    await waitUntil("it is reported", () => replicas[0].logs.length > 0);
    expect(replicas[0].logs).toEqual([
      expect.stringMatching('^warn: the messages of queue "orders" cannot be counted: no connection'),
    ]);
    storeIsDown = false;
    await waitUntil("it is asked again", async () => {
      await keda.look("both");
      return replicas[0].logs.length === 2;
    });
    expect(replicas[0].logs[1]).toBe("info: the messages of queues can be counted again");
  });

  it("makes the answer an error that names the queue when it never could", async () => {
    storeIsDown = true;
    await expect(keda.look("both")).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: 'the messages of queue "orders" cannot be counted: no connection',
    });
  });
});

describe("instances of peers", () => {
  beforeEach(() => {
    declare("orders");
    declare("mail");
  });

  it("are linked here too when all of them are", async () => {
    replicas[0].set("orders", { instances: ["a", "b", "c"] });
    replicas[1].set("orders", { instances: ["a", "b"] });
    replicas[2].set("orders", { instances: ["c"] });
    expect(await replicas[0].server.linkedLikePeers()).toBe(true);
    expect(await replicas[1].server.linkedLikePeers()).toBe(false);
  });

  it("are missing until the last of any function is linked", async () => {
    replicas[1].set("orders", { instances: ["a"] });
    replicas[2].set("mail", { instances: ["m"] });
    expect(await replicas[0].server.linkedLikePeers()).toBe(false);
    replicas[0].set("orders", { instances: ["a"] });
    expect(await replicas[0].server.linkedLikePeers()).toBe(false);
    replicas[0].set("mail", { instances: ["m"] });
    expect(await replicas[0].server.linkedLikePeers()).toBe(true);
  });

  it("are not known of a peer that cannot be asked", async () => {
    await replicas[2].server.close();
    expect(await replicas[0].server.linkedLikePeers()).toBe(false);
    listed.delete(replicas[2]);
    expect(await replicas[0].server.linkedLikePeers()).toBe(true);
  });
});
