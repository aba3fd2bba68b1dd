import { createServer, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";

import { freePorts } from "../../support/freePorts";
import { LinkGateway, type LinkGatewayOptions, linkRoots } from "../../support/linkGateway";
import { killLinkGateways, LinkGatewayProcess } from "../../support/linkProcess";
import { PodProcess, removePods } from "../../support/podProcess";
import { waitUntil } from "../../support/waitUntil";

const roots = linkRoots(1);
const SLEEP = `module.exports = async (req, res) => {
  await new Promise((resolve) => setTimeout(resolve, Number(req.query.ms ?? 0)));
  res.send(String(process.pid));
};`;

let gateways: LinkGateway[] = [];
let server: Server | undefined;
const sockets = new Set<Socket>();

afterEach(async () => {
  await removePods();
  killLinkGateways();
  await Promise.all(gateways.map((gateway) => gateway.close()));
  gateways = [];
  for (const socket of sockets) socket.destroy();
  server?.close();
  server = undefined;
});

async function startGateway(options: Partial<LinkGatewayOptions> = {}): Promise<LinkGateway> {
  const gateway = await LinkGateway.start({ roots, functions: { f: { concurrency: 8 } }, ...options });
  gateways.push(gateway);
  return gateway;
}

function startPod(gateway: { address: string }, code = SLEEP): Promise<PodProcess> {
  return PodProcess.start({ function: "f", gateways: gateway.address, roots, code, concurrency: 8 });
}

const introduce = (...all: { address: string; setPeers(addresses: string[]): unknown }[]) =>
  Promise.all(all.map((gateway) => gateway.setPeers(all.map(({ address }) => address))));

test("a gateway that is killed takes its own invocations with it and nothing else", async () => {
  const killed = await LinkGatewayProcess.start({ roots, functions: { f: { concurrency: 8 } } });
  const others = [await startGateway(), await startGateway()];
  await introduce(killed, ...others);
  const pod = await startPod(
    others[0],
    `let running = 0;
    module.exports = async (req, res) => {
      if (req.query.count) return res.send(String(running));
      running++;
      await new Promise((resolve) => {
        setTimeout(resolve, Number(req.query.ms));
        req.signal.addEventListener("abort", () => console.log("aborted: " + req.signal.reason.message));
      });
      console.log("ended");
      res.send(String(process.pid));
    };`,
  );
  const lines = () => others.flatMap((gateway) => gateway.lines.map(({ message }) => message));
  void killed.invoke("f", { query: "ms=1500" });
  const kept = others.map((gateway) => gateway.invoke("f", { query: "ms=1500" }));
  await waitUntil("all run", async () => (await others[0].invoke("f", { query: "count=1" })).body.toString() === "3");
  killed.kill("SIGKILL");
  for (const answer of await Promise.all(kept)) expect(answer.body.toString()).toBe(String(pod.pid));
  // nobody but its handler knows of it any more; what it says goes to another gateway
  await waitUntil("its handler is told, and ends", () =>
    ["aborted: the gateway has gone", "ended"].every((line) => lines().includes(line)),
  );
  expect((await others[1].invoke("f", { query: "ms=0" })).status).toBe(200);
  expect(pod.exitCode).toBeUndefined();
});

/** Far below the back-off that an address that fails again and again has, and long for a machine that is busy. */
const PROMPTLY_MS = 3_000;

test("a gateway that comes back at its address, and one that is announced, are linked to at once", async () => {
  const first = await startGateway();
  await startPod(first);
  await waitUntil("it is linked", () => first.events.length === 1);
  const added = await startGateway();
  added.setPeers([first.address, added.address]);
  let started = performance.now();
  first.setPeers([first.address, added.address]);
  await waitUntil("the new one is linked", () => added.events.length === 1);
  expect(performance.now() - started).toBeLessThan(PROMPTLY_MS);
  expect((await added.invoke("f")).status).toBe(200);

  const { port } = first;
  await waitUntil("the link has lasted", () => performance.now() - started > 1_100);
  await first.close();
  started = performance.now();
  const back = await startGateway({ port });
  await waitUntil("it is linked again", () => back.events.length === 1);
  expect(performance.now() - started).toBeLessThan(PROMPTLY_MS);
  expect((await back.invoke("f")).status).toBe(200);
});

test("one that is no peer any more is not asked again", async () => {
  const [first, second] = [await startGateway(), await startGateway()];
  await introduce(first, second);
  await startPod(first);
  await waitUntil("both are linked", () => second.events.length === 1);
  const { port } = second;
  first.setPeers([first.address]);
  second.setPeers([first.address]);
  await second.close();
  const another = await startGateway({ port });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(another.events).toEqual([]);
  expect((await first.invoke("f")).status).toBe(200);
});

test("a gateway that stops under load: no invocation fails, and the instance stays", async () => {
  const [first, second] = [await startGateway(), await startGateway()];
  await introduce(first, second);
  const pods = await Promise.all([startPod(first), startPod(first)]);
  await waitUntil("all are linked", () => [first, second].every(({ events }) => events.length === 2));
  let stopping = false;
  const load = async (gateway: LinkGateway, isOver: () => boolean) => {
    const statuses: number[] = [];
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        while (!isOver()) statuses.push((await gateway.invoke("f", { query: "ms=3" })).status);
      }),
    );
    return statuses;
  };
  let over = false;
  const all = Promise.all([load(first, () => stopping), load(second, () => over)]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  // a long one runs on the links while they close
  const long = first.invoke("f", { query: "ms=500" });
  await waitUntil("it runs", () => first.dispatcher("f").running > 0);
  stopping = true;
  expect(first.dispatcher("f").heldCount).toBeGreaterThan(0);
  const closing = first.close();
  expect((await long).status).toBe(200);
  await closing;
  await new Promise((resolve) => setTimeout(resolve, 200));
  over = true;
  const [ofFirst, ofSecond] = await all;
  expect(new Set([...ofFirst, ...ofSecond])).toEqual(new Set([200]));
  expect(ofFirst.length).toBeGreaterThan(30);
  expect(first.events.filter((event) => event.startsWith("draining"))).toEqual([]);
  expect(pods.map(({ exitCode }) => exitCode)).toEqual([undefined, undefined]);
  expect((await second.invoke("f")).status).toBe(200);
});

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1"),
);

(hasIPv6 ? test : test.skip)("a gateway with an address of either family is linked to once", async () => {
  const gateway = await startGateway({ host: "::" });
  const { port } = gateway;
  gateway.setPeers([`127.0.0.1:${port}`, `[0:0:0:0:0:0:0:1]:${port}`, `[::1]:${port}`]);
  const pods = await Promise.all(["127.0.0.1", "[::1]"].map((host) => startPod({ address: `${host}:${port}` })));
  await waitUntil("both are linked", () => gateway.events.length === 2);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect([...gateway.events].sort()).toEqual(pods.map(({ name }) => `linked ${name}`).sort());
});

test("a dead address among the peers delays nobody", async () => {
  // accepts, and says nothing
  server = createServer((socket) => sockets.add(socket)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server!.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const [free] = await freePorts(1);
  const [first, second] = [await startGateway(), await startGateway()];
  const peers = [`127.0.0.1:${port}`, `127.0.0.1:${free}`, first.address, second.address];
  first.setPeers(peers);
  second.setPeers(peers);
  const started = performance.now();
  const pod = await startPod(first);
  for (const gateway of [first, second]) expect((await gateway.invoke("f")).status).toBe(200);
  expect(performance.now() - started).toBeLessThan(3_000);
  // the silent one is given up and asked again
  await waitUntil("it is asked again", () => sockets.size >= 2);
  const note = `fullcode: the gateway at 127.0.0.1:${free} cannot be linked to: connect ECONNREFUSED`;
  expect(pod.output.split(note)).toHaveLength(2);
});

test("an instance waits for gateways that are not there yet, and keeps what its code says until then", async () => {
  const [port] = await freePorts(1);
  const pod = await startPod({ address: `localhost:${port}` }, `console.log("loaded"); ${SLEEP}`);
  await waitUntil("it says so", () => pod.output.includes("cannot be linked to"));
  const gateway = await startGateway({ port });
  expect((await gateway.invoke("f")).status).toBe(200);
  expect(gateway.lines.map(({ message }) => message)).toContain("loaded");
});

test("a name that cannot be resolved is asked again, and the pod's output says so", async () => {
  const pod = await startPod({ address: "gateways.invalid:7080" });
  await waitUntil("it says so", () => /the gateways cannot be found: .*gateways\.invalid/.test(pod.output));
  expect(pod.exitCode).toBeUndefined();
  pod.kill("SIGTERM");
  expect(await pod.ended()).toBe(0);
});

test("the root secret is rotated without a link that ends", async () => {
  const before = linkRoots(1);
  const gateway = await startGateway({ roots: before });
  const start = (generation: number, of = gateway.roots) =>
    PodProcess.start({
      function: "f",
      gateways: gateway.address,
      roots: of,
      generation,
      code: SLEEP,
      name: `f-${generation}`,
    });
  await start(1);
  await waitUntil("it is linked", () => gateway.events.length === 1);
  gateway.roots = { current: linkRoots(2).current, previous: before.current };
  await start(2);
  await waitUntil("that of the new generation is linked too", () => gateway.events.length === 2);
  // of which no pod is left that would have to link again
  gateway.roots = { current: gateway.roots.current };
  const pids = await Promise.all(
    Array.from({ length: 16 }, () => gateway.invoke("f", { query: "ms=50" }).then(({ body }) => body.toString())),
  );
  expect(new Set(pids).size).toBe(2);
  expect([gateway.events, gateway.refusals]).toEqual([["linked f-1", "linked f-2"], []]);
});

test("an instance with a wrong key is refused, and learns where to look", async () => {
  const gateway = await startGateway();
  const pod = await PodProcess.start({
    function: "f",
    gateways: gateway.address,
    roots: linkRoots(1),
    code: SLEEP,
  });
  await waitUntil("it says so", () => pod.output.includes("the two have different keys"));
  expect(gateway.refusals[0]).toMatch(/function "f" and does not have its key of generation 1; .* restart/);
  expect(gateway.events).toEqual([]);
});
