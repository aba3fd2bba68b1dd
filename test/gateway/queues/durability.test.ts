import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { openEmbeddedStore } from "../../../src/gateway/queues/embeddedStore";
import type { MessageStore } from "../../../src/gateway/queues/messageStore";
import { currentProcess, isRunning } from "../../../src/gateway/queues/processIdentity";
import { ChildScripts } from "../../support/childScripts";
import { temporaryFolder } from "../../support/temporaryFolder";
import { waitUntil } from "../../support/waitUntil";
import { deadLettersOf } from "./storeFixture";

const folder = temporaryFolder();
const children = new ChildScripts();
let stores: MessageStore[];

beforeAll(() => {
  if (!existsSync(join(__dirname, "../../../dist/gateway/queues/embeddedStore.js")))
    throw new Error("these tests start processes from dist/: run `npm run build` first");
});

beforeEach(() => {
  stores = [];
});

afterEach(async () => {
  await children.endAll();
  await Promise.all(stores.map((store) => store.close()));
});

/** Starts a script of children/. */
function start(script: string, args: (string | number)[], shellPrefix = "") {
  return children.start(join(__dirname, "children", script), args, shellPrefix);
}

async function open(): Promise<MessageStore> {
  const store = await openEmbeddedStore(folder());
  stores.push(store);
  return store;
}

/** Delivers everything and returns the bodies by id. */
async function drain(store: MessageStore): Promise<Map<string, Buffer>> {
  const bodies = new Map<string, Buffer>();
  const options = { maxDeliveries: 5, backoffSeconds: 0, maxInFlight: () => 200 };
  const consumer = store.consume("orders", options, ({ id, body }) => {
    bodies.set(id, body);
    return Promise.resolve({ delivered: true });
  });
  await waitUntil("the queue is empty", async () => {
    const { pending, inFlight } = await store.counts("orders");
    return pending + inFlight === 0;
  });
  await consumer.stop();
  return bodies;
}

function acceptedOf(lines: string[]): [id: string, number: string][] {
  return lines
    .map((line) => line.split(" "))
    .filter(([word]) => word === "accepted")
    .map(([, id, number]) => [id, number]);
}

describe("a process that is killed", () => {
  it.each([200, 2_000, 6_000])("keeps every message it has accepted (killed after %i)", async (count) => {
    const { child, lines } = start("publish.cjs", [folder(), 300]);
    await waitUntil(`${count} accepted messages`, () => lines.length >= count);
    await children.end(child);
    const accepted = acceptedOf(lines);
    expect(accepted.length).toBeGreaterThanOrEqual(count);

    const store = await open();
    const { pending } = await store.counts("orders");
    expect(pending).toBeGreaterThanOrEqual(accepted.length);
    const bodies = await drain(store);
    expect(bodies.size).toBe(pending);
    for (const [id, number] of accepted) expect(bodies.get(id)?.toString().split(";")[0]).toBe(number);
  });

  it("holds no lease, but has counted the deliveries it began", async () => {
    const store = await open();
    const bodies = ["a", "b", "c", "d"];
    for (const body of bodies) await store.publish("orders", { body: Buffer.from(body), contentType: "text/plain" });
    await store.close();
    stores.pop();

    const seen: string[] = [];
    for (const attempt of [1, 2]) {
      const { child, lines } = start("consume.cjs", [folder(), 3]);
      await waitUntil("three deliveries", () => lines.length === 3);
      await children.end(child);
      expect(lines.map((line) => line.split(" ")[2])).toEqual(Array<string>(3).fill(String(attempt)));
      seen.push(...lines.map((line) => line.split(" ")[1]));
    }
    expect(seen.slice(0, 3).sort()).toEqual(seen.slice(3).sort());

    const reopened = await open();
    expect(await reopened.counts("orders")).toEqual({ pending: 4, inFlight: 0, deadLetters: 0 });
    const attempts: [string, number][] = [];
    const options = { maxDeliveries: 2, backoffSeconds: 0, maxInFlight: () => 4 };
    const consumer = reopened.consume("orders", options, ({ body, attempt }) => {
      attempts.push([body.toString(), attempt]);
      return Promise.resolve({ delivered: true });
    });
    await waitUntil("the queue is empty", async () => (await reopened.counts("orders")).deadLetters === 3);
    await consumer.stop();
    expect(attempts).toEqual([["d", 1]]);
    expect(await deadLettersOf(reopened)).toMatchObject(
      ["a", "b", "c"].map((body) => ({
        body: Buffer.from(body),
        attempts: 2,
        reason: "the gateway ended during delivery 2",
      })),
    );
  });
});

describe("a folder that another process has open", () => {
  it("is refused until that process ends, however it ends", async () => {
    const { child, lines } = start("openStore.cjs", [folder()]);
    await waitUntil("the other process's store", () => lines.includes("opened"));
    await expect(openEmbeddedStore(folder())).rejects.toMatchObject({
      name: "StoreInUseError",
      message: expect.stringContaining(`is in use by process ${child.pid}`) as string,
    });
    await children.end(child);
    await open();
    const third = start("openStore.cjs", [folder()]);
    await waitUntil("the third process's answer", () => third.lines.length === 1);
    expect(third.lines[0]).toMatch(new RegExp(`^StoreInUseError: .* in use by process ${process.pid};`));
  });

  it("goes to one of many that take over from a dead one at the same time", async () => {
    const first = start("openStore.cjs", [folder()]);
    await waitUntil("the first process's store", () => first.lines.includes("opened"));
    await children.end(first.child);
    const others = Array.from({ length: 4 }, () => start("openStore.cjs", [folder()]));
    await waitUntil("all answers", () => others.every(({ lines }) => lines.length === 1));
    expect(others.filter(({ lines }) => lines[0] === "opened")).toHaveLength(1);
    expect(others.filter(({ lines }) => lines[0].startsWith("StoreInUseError"))).toHaveLength(3);
  });

  it("is not kept by a process that was given the dead one's id", () => {
    const self = currentProcess();
    expect(isRunning(self)).toBe(true);
    expect(isRunning({ ...self, started: "at another time" })).toBe(false);
    expect(isRunning({ pid: 2 ** 22 + 1, started: "" })).toBe(false);
  });
});

describe("a full disk", () => {
  it("rejects what does not fit, and loses nothing that was accepted", async () => {
    // A limit on the size of files, in blocks of 512 bytes: a write beyond it fails as it does on a full disk.
    const { child, lines } = start("publish.cjs", [folder(), 20_000], "ulimit -f 8192;");
    await once(child, "close");
    const rejected = lines.find((line) => line.startsWith("rejected"));
    expect(rejected).toMatch(/^rejected StoreWriteError: message store in .*: could not write to disk \(.+\)/);
    expect(lines.at(-1)).toBe("closed");
    const accepted = acceptedOf(lines);
    expect(accepted.length).toBeGreaterThan(64);

    const store = await open();
    const bodies = await drain(store);
    expect([...bodies.keys()].sort()).toEqual(accepted.map(([id]) => id).sort());
    for (const [id, number] of accepted) expect(bodies.get(id)?.toString().split(";")[0]).toBe(number);
  });
});
