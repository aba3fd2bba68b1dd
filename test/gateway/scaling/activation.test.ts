import { status } from "@grpc/grpc-js";

import { openEmbeddedStore } from "../../../src/gateway/queues/embeddedStore";
import { type MessageStore } from "../../../src/gateway/queues/messageStore";
import { type ActivationWatch, KedaClient } from "../../support/kedaClient";
import { ScalerReplica } from "../../support/scalerReplica";
import { temporaryFolder } from "../../support/temporaryFolder";
import { waitUntil } from "../../support/waitUntil";

const folder = temporaryFolder();
let store: MessageStore;
let replicas: ScalerReplica[];
/** KEDA, connected to the first replica, or to the next when that does not take connections. */
let keda: KedaClient;

beforeEach(async () => {
  store = await openEmbeddedStore(folder());
  replicas = Array.from({ length: 3 }, () => {
    const replica: ScalerReplica = new ScalerReplica({
      peers: () => replicas.filter((each) => each !== replica).map(({ address }) => address),
      store,
    });
    return replica;
  });
  await Promise.all(replicas.map((replica) => replica.listen()));
  declare("orders");
  keda = new KedaClient(...replicas.map(({ address }) => address));
});

afterEach(async () => {
  jest.restoreAllMocks();
  keda.close();
  await Promise.all(replicas.map(({ server }) => server.close()));
  await store.close();
});

function declare(name: string, queues: string[] = []): void {
  for (const replica of replicas) replica.declare(name, { queues });
}

/** A stream that has reached the first replica: it is told of a look, which came after it on the same connection. */
async function watch(name: string): Promise<ActivationWatch> {
  const opened = keda.watch(name);
  await keda.spec(name, { concurrency: "1" });
  return opened;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function publish(queue: string): Promise<unknown> {
  return store.publish(queue, { body: Buffer.from("{}"), contentType: "application/json" });
}

describe("work without capacity", () => {
  it.each([0, 2])("is told at once when replica %i holds it", async (index) => {
    const latencies: number[] = [];
    for (const name of ["a", "b", "c", "d", "e"]) {
      declare(name);
      const { activations } = await watch(name);
      const heldAt = Date.now();
      replicas[index].hold(name);
      await waitUntil(`"${name}" is activated`, () => activations.length > 0);
      latencies.push(activations[0] - heldAt);
    }
    // the median: a machine may be busy for a moment
    expect(latencies.toSorted((a, b) => a - b)[2]).toBeLessThan(100);
  });

  it.each([0, 2])("is told again every second while replica %i holds it", async (index) => {
    const { activations, inactivations } = await watch("orders");
    replicas[index].hold("orders");
    await waitUntil("it was told four times", () => activations.length >= 4);
    const pauses = activations.slice(1).map((time, i) => time - activations[i]);
    // the first repetition comes with the next look, which is some part of a second away
    for (const each of pauses.slice(1)) expect(each).toBeGreaterThan(500);
    replicas[index].set("orders", { running: 1, instances: ["a"] });
    const told = activations.length;
    await pause(2_500);
    expect(activations.length).toBeLessThanOrEqual(told + 1);
    expect(inactivations).toBe(0);
  });

  it("is told to a stream that is opened while it is held", async () => {
    replicas[0].hold("orders");
    const openedAt = Date.now();
    const { activations } = keda.watch("orders");
    await waitUntil("it was told", () => activations.length > 0);
    expect(activations[0] - openedAt).toBeLessThan(900);
  });

  it("is told once a second, however many invocations are held", async () => {
    const { activations } = await watch("orders");
    const end = Date.now() + 2_200;
    while (Date.now() < end) {
      for (let i = 0; i < 100; i++) replicas[1].hold("orders");
      await pause(5);
    }
    expect(activations.length).toBeGreaterThanOrEqual(2);
    expect(activations.length).toBeLessThanOrEqual(6);
  });

  it("is not told for other functions", async () => {
    declare("mail");
    const mail = await watch("mail");
    const orders = await watch("orders");
    replicas[1].hold("orders");
    await waitUntil("it was told", () => orders.activations.length > 1);
    expect(mail.activations).toEqual([]);
  });

  it("is told through each of hundreds of streams on one connection", async () => {
    const names = Array.from({ length: 400 }, (_, index) => `orders-${index}`);
    for (const name of names) declare(name);
    const watches = names.map((name) => keda.watch(name));
    await keda.spec("orders", { concurrency: "1" });
    for (const name of names) replicas[1].hold(name);
    await waitUntil("all were told", () => watches.every(({ activations }) => activations.length > 0));
    expect(watches.flatMap(({ ends }) => ends)).toEqual([]);
  });
});

describe("messages", () => {
  beforeEach(() => declare("mail", ["mail", "newsletters"]));

  it("in the queue of an idle function are told within about a second", async () => {
    const { activations } = await watch("mail");
    await pause(1_500);
    expect(activations).toEqual([]);
    await publish("newsletters");
    const publishedAt = Date.now();
    await waitUntil("it was told", () => activations.length > 0);
    expect(activations[0] - publishedAt).toBeLessThan(2_000);
    await waitUntil("it was told again", () => activations.length > 2);
  });

  it("in the queue of a function with an instance are left to the looks", async () => {
    for (const replica of replicas) replica.set("mail", { instances: ["a"] });
    const { activations } = await watch("mail");
    await publish("mail");
    await pause(2_500);
    expect(activations).toEqual([]);
    expect(await keda.look("mail")).toMatchObject({ value: 1, active: true });
  });
});

describe("streams", () => {
  it("for a function whose document has not come yet are refused, and opened again", async () => {
    const { activations, ends } = await watch("new");
    await waitUntil("it is refused", () => ends.length > 0);
    declare("new");
    replicas[1].hold("new");
    await waitUntil("it was told", () => activations.length > 0);
    expect(ends).toEqual([status.NOT_FOUND]);
  });

  it("for one function more than KEDA needs keep out neither KEDA nor other functions", async () => {
    declare("mail");
    const mail = await watch("mail");
    const idle = Array.from({ length: 20 }, () => keda.watch("orders"));
    const { activations, ends } = await watch("orders");
    await waitUntil("most are ended", () => idle.filter((each) => each.ends.length > 0).length === 13);
    expect(idle.flatMap((each) => each.ends)).toEqual(Array.from({ length: 13 }, () => status.OK));
    replicas[1].hold("orders");
    replicas[1].hold("mail");
    await waitUntil("both were told", () => activations.length > 0 && mail.activations.length > 0);
    expect([...ends, ...mail.ends]).toEqual([]);
  });

  it("without the name of a function are refused", async () => {
    const { ends } = keda.watch("");
    await waitUntil("it has ended", () => ends.length > 0);
    expect(ends).toEqual([status.INVALID_ARGUMENT]);
  });

  it("end well when the server closes, which answers nothing more", async () => {
    const { ends } = await watch("orders");
    await Promise.all(replicas.map(({ server }) => server.close()));
    await waitUntil("it has ended", () => ends.length > 0);
    expect(ends).toEqual([status.OK]);
    await expect(keda.look("orders")).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  it("move to another replica when one drains, which goes on to be counted and to tell", async () => {
    const { activations, ends } = await watch("orders");
    replicas[0].server.drain();
    await waitUntil("it has ended", () => ends.length > 0);
    expect(ends).toEqual([status.OK]);
    // a Service leads elsewhere from now on
    const elsewhere = new KedaClient(replicas[1].address);
    const again = elsewhere.watch("orders");
    await elsewhere.spec("orders", { concurrency: "1" });
    replicas[0].hold("orders");
    await waitUntil("it was told", () => again.activations.length > 0);
    expect(await elsewhere.look("orders")).toMatchObject({ value: 1, active: true });
    expect(activations).toEqual([]);
    elsewhere.close();
  });

  it("are opened again after they ended", async () => {
    const { activations, ends } = await watch("orders");
    await replicas[0].server.close();
    const [, second, third] = replicas;
    replicas = [second, third];
    await waitUntil("it has ended", () => ends.length > 0);
    second.hold("orders");
    await waitUntil("it was told by the other", () => activations.length > 0);
    expect(ends).toEqual([status.OK]);
  });

  it("that are old are ended well once the function has an instance, so that KEDA's pauses begin anew", async () => {
    const { ends } = await watch("orders");
    const now = performance.now.bind(performance);
    jest.spyOn(performance, "now").mockImplementation(() => now() + 601_000);
    await pause(1_500);
    expect(ends).toEqual([]);
    replicas[0].set("orders", { instances: ["a"] });
    await waitUntil("it has ended", () => ends.length > 0);
    expect(ends).toEqual([status.OK]);
  });
});
