import { LinkGateway, linkRoots } from "../../support/linkGateway";
import { PodProcess, type PodOptions, removePods } from "../../support/podProcess";
import { waitUntil } from "../../support/waitUntil";

const roots = linkRoots(1);
let gateways: LinkGateway[] = [];

afterEach(async () => {
  await removePods();
  await Promise.all(gateways.map((gateway) => gateway.close()));
});

async function startGateways(count: number, concurrency: number, timeoutSeconds = 30): Promise<LinkGateway[]> {
  const functions = { f: { concurrency, timeoutSeconds } };
  gateways = await Promise.all(Array.from({ length: count }, () => LinkGateway.start({ roots, functions })));
  for (const gateway of gateways) gateway.setPeers(gateways.map(({ address }) => address));
  return gateways;
}

async function startPod(options: Partial<PodOptions> & Pick<PodOptions, "code">): Promise<PodProcess> {
  const pod = await PodProcess.start({ function: "f", gateways: gateways[0].address, roots, ...options });
  await waitUntil("all have the instance", () => gateways.every(({ events }) => events.includes(`linked ${pod.name}`)));
  return pod;
}

const SLEEP = `module.exports = async (req, res) => {
  await new Promise((resolve) => setTimeout(resolve, Number(req.query.ms ?? 0)));
  res.send(String(process.pid));
};`;

test("SIGTERM under the load of three gateways: what runs is finished, the rest goes elsewhere, nothing fails", async () => {
  await startGateways(3, 4);
  const [leaving, staying] = [
    await startPod({ code: SLEEP, concurrency: 4 }),
    await startPod({ code: SLEEP, concurrency: 4 }),
  ];
  let over = false;
  const statuses = new Set<number>();
  const pids = new Set<string>();
  const load = gateways.flatMap((gateway) =>
    Array.from({ length: 20 }, async () => {
      while (!over) {
        const { status, body } = await gateway.invoke("f", { query: "ms=5" });
        statuses.add(status);
        pids.add(body.toString());
      }
    }),
  );
  await waitUntil("both work", () => pids.size === 2);
  const long = gateways[2].dispatcher("f").live.length;
  expect(long).toBe(2);
  leaving.kill("SIGTERM");
  expect(await leaving.ended()).toBe(0);
  pids.clear();
  await waitUntil("the other one goes on", () => pids.size > 0);
  over = true;
  await Promise.all(load);
  expect([...statuses]).toEqual([200]);
  expect([...pids]).toEqual([String(staying.pid)]);
  for (const { events } of gateways)
    expect(events.filter((event) => event.endsWith(leaving.name)).slice(1)).toEqual([
      `draining ${leaving.name}`,
      `closed ${leaving.name}`,
    ]);
});

test("an instance that leaves finishes what takes long, however long its gateway has nothing to say", async () => {
  await startGateways(2, 1);
  const pod = await startPod({ code: SLEEP });
  const long = gateways[0].invoke("f", { query: "ms=4500" });
  await waitUntil("it runs", () => gateways[0].dispatcher("f").running === 1);
  pod.kill("SIGTERM");
  expect((await long).body.toString()).toBe(String(pod.pid));
  expect(await pod.ended()).toBe(0);
});

test("SIGTERM again and again at the moment when invocations arrive: none is lost", async () => {
  await startGateways(3, 2);
  for (let round = 0; round < 8; round++) {
    const pod = await startPod({ code: SLEEP, concurrency: 2 });
    const answers = gateways.flatMap((gateway) =>
      Array.from({ length: 4 }, () => gateway.invoke("f", { query: `ms=${round}` })),
    );
    await new Promise((resolve) => setTimeout(resolve, round));
    pod.kill("SIGTERM");
    const next = await startPod({ code: SLEEP, concurrency: 2 });
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    expect(await pod.ended()).toBe(0);
    next.kill("SIGTERM");
    expect(await next.ended()).toBe(0);
  }
});

test("one gateway that lets it go, after a timeout that its handler does not heed, is enough: it leaves everywhere and asks to be started again", async () => {
  await startGateways(3, 4, 1);
  const pod = await startPod({ code: SLEEP, concurrency: 4, timeoutSeconds: 1 });
  const late = gateways[0].invoke("f", { query: "ms=2600" });
  expect((await late).status).toBe(504);
  await new Promise((resolve) => setTimeout(resolve, 600));
  const sibling = gateways[1].invoke("f", { query: "ms=800" });
  expect((await sibling).body.toString()).toBe(String(pod.pid));
  expect(await pod.ended()).toBe(1);
  for (const { events } of gateways.slice(1)) expect(events).toContain(`draining ${pod.name}`);
});

test("a handler that goes on after its timeout does not keep its pod", async () => {
  await startGateways(2, 2, 0.5);
  const pod = await startPod({
    code: "module.exports = () => new Promise(() => {})",
    concurrency: 2,
    timeoutSeconds: 0.5,
  });
  expect((await gateways[0].invoke("f")).status).toBe(504);
  expect(await pod.ended(10_000)).toBe(1);
});

test("nor does one whose gateway has gone, and could not say that its time was over", async () => {
  await startGateways(2, 1, 0.5);
  const pod = await startPod({
    code: 'module.exports = () => { console.log("started"); return new Promise(() => {}); }',
    timeoutSeconds: 0.5,
  });
  void gateways[1].invoke("f");
  await waitUntil("it runs", () => gateways[1].lines.length === 1);
  gateways[1].dispatcher("f").live[0].destroy();
  expect(await pod.ended(15_000)).toBe(1);
  expect(gateways[0].lines.map(({ message }) => message).join()).toContain("though its time is over");
});

test("an uncaught error replaces the instance; what the other gateways run on it is finished", async () => {
  await startGateways(2, 4);
  const pod = await startPod({
    code: `module.exports = async (req, res) => {
      if (req.query.wrong) setTimeout(() => { throw new Error("lost") });
      await new Promise((resolve) => setTimeout(resolve, 400));
      res.send("fine");
    };`,
    concurrency: 4,
  });
  const sibling = gateways[1].invoke("f");
  await waitUntil("it runs", () => gateways[1].dispatcher("f").running === 1);
  expect((await gateways[0].invoke("f", { query: "wrong=1" })).failure).toBe("lost");
  expect((await sibling).body.toString()).toBe("fine");
  expect(await pod.ended()).toBe(1);
});

test("an instance that is told to end before it has found a gateway, or loaded its code, ends", async () => {
  await startGateways(1, 1);
  const loading = await startPod({
    code: {
      "package.json": '{"type":"module"}',
      "src/index.js": "await new Promise((resolve) => setTimeout(resolve, 60_000))",
    },
  });
  loading.kill("SIGTERM");
  expect(await loading.ended(5_000)).toBe(0);
});

test("code that does not load is answered for, for longer than a container's back-off remembers", async () => {
  await startGateways(2, 1);
  const pod = await startPod({ code: "throw new RangeError('broken')" });
  for (const gateway of gateways) {
    const { status, failure } = await gateway.invoke("f");
    expect([status, failure]).toEqual([500, "broken"]);
    expect(gateway.events).toContain(`broken ${pod.name} RangeError`);
  }
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(pod.exitCode).toBeUndefined();
  expect((await pod.probe("/ready")).status).toBe(200);
  const late = await LinkGateway.start({ roots, functions: { f: {} } });
  gateways.push(late);
  gateways[0].setPeers([...gateways.map(({ address }) => address)]);
  await waitUntil("a gateway that comes later is told too", () =>
    late.events.includes(`broken ${pod.name} RangeError`),
  );
});
