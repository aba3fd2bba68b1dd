import { setTimeout as sleep } from "node:timers/promises";

import { ScalerPolls } from "../lib/cluster/scalerPolls.mjs";
import { cpuMicroseconds } from "../lib/cpuTime.mjs";
import { firstAnswer } from "../lib/firstAnswer.mjs";
import { residentMiB } from "../lib/residentMemory.mjs";
import { median } from "../lib/statistics.mjs";

const FUNCTIONS = 300;
const GATEWAY_PORT = 8080;
const SCALER_PORT = 9090;
/** KEDA's, as regions have it. */
const POLLING_MS = 5_000;
const SAMPLES = 10;
const SAMPLE_MS = 3_000;
const CHANGES = 15;
const MAX_MB = 250;
const MAX_LIVE_MS = 2_000;
const BYTES_PER_MIB = 1024 * 1024;

/**
 * Gateways of a region with 300 functions and 300 routes, whose scaler is asked for all of them: their memory, what the
 * questions cost, and how long it takes until a changed document is served by every gateway.
 */
export async function clusterFunctions({ cluster: startCluster, generator, quick, stopLater, progress }) {
  const cluster = await startCluster();
  if (cluster === undefined) return [];
  const gateways = (await cluster.gateways()).map((pod) => ({
    host: pod.status.podIP,
    pid: onlyOne(cluster.processesOf(pod)),
  }));
  const before = await sampled(gateways, 3);

  progress(`cluster-functions: ${FUNCTIONS} functions`);
  const names = Array.from({ length: FUNCTIONS }, (_, i) => `orders-${i}`);
  const documents = names.flatMap((name, i) => [functionDocument(name), routeDocument(name, `/r${i}/:orderId`)]);
  const changing = routeDocument("warm", "/changing-0/:orderId", "changing");
  await apply(cluster, [...documents, changing], stopLater);
  const polls = await ScalerPolls.start({
    address: `${await cluster.serviceAddress("gateway-scaler")}:${SCALER_PORT}`,
    functions: names,
    intervalMs: POLLING_MS,
  });
  stopLater(() => polls.stop());
  // a gateway that has been at work keeps more memory than one that has not
  await generator.run({
    ...cluster.gateway,
    paths: ["/orders/1"],
    requests: quick ? 10_000 : 50_000,
    connections: 64,
  });
  await polls.answered();
  const after = await sampled(gateways, SAMPLES);
  const { answered, failure } = await polls.answered();
  if (failure !== undefined) throw new Error(`the scaler was asked in vain: ${failure}`);
  const expected = (FUNCTIONS * SAMPLES * SAMPLE_MS) / POLLING_MS;
  if (answered < expected / 2) throw new Error(`the scaler has answered ${answered} of ${expected} questions`);

  progress(`cluster-functions: ${CHANGES} changes`);
  const live = [];
  for (let change = 1; change <= CHANGES; change++) live.push(await changeDocument(cluster, gateways, change));
  return rowsOf(before, after, live);
}

function onlyOne(pids) {
  if (pids.length !== 1) throw new Error(`a gateway's pod has ${pids.length} processes`);
  return pids[0];
}

function rowsOf(before, after, live) {
  const title = `${FUNCTIONS} functions on a cluster`;
  return [
    {
      name: `${title}: a gateway's memory / with 2 functions`,
      unit: "MB",
      ours: after.megabytes,
      baseline: before.megabytes,
      ratio: after.megabytes / before.megabytes,
      bar: MAX_MB,
      barOf: "ours",
    },
    {
      name: `${title}: all gateways' CPU time while KEDA asks`,
      unit: "ms a second",
      ours: after.cpuMilliseconds,
      baseline: before.cpuMilliseconds,
      ratio: after.cpuMilliseconds / before.cpuMilliseconds,
    },
    {
      name: `${title}: a changed document is served everywhere, slowest of ${live.length}`,
      unit: "ms",
      ours: Math.max(...live),
      bar: MAX_LIVE_MS,
      barOf: "ours",
      all: live,
    },
    { name: `${title}: a changed document is served everywhere, median`, unit: "ms", ours: median(live) },
  ];
}

/** Of the gateway with the most, the median of its memory; of all of them, the median of their CPU time. */
async function sampled(gateways, samples) {
  const memory = gateways.map(() => []);
  const cpu = [];
  for (let sample = 0; sample < samples; sample++) {
    const used = charged(gateways);
    const started = performance.now();
    await sleep(SAMPLE_MS);
    cpu.push((charged(gateways) - used) / (performance.now() - started));
    for (const [i, { pid }] of gateways.entries()) memory[i].push(residentMiB(pid));
  }
  return {
    megabytes: (Math.max(...memory.map(median)) * BYTES_PER_MIB) / 1e6,
    // µs a millisecond are ms a second
    cpuMilliseconds: median(cpu),
  };
}

const charged = (gateways) => gateways.reduce((sum, { pid }) => sum + cpuMicroseconds(pid), 0);

/** From sending the change to the API server until each gateway has answered at the new path. */
async function changeDocument(cluster, gateways, change) {
  const { metadata, data } = configMap(cluster, routeDocument("warm", `/changing-${change}/:orderId`, "changing"));
  const started = performance.now();
  const [, ...served] = await Promise.all([
    cluster.api.patch(`/api/v1/namespaces/${cluster.namespace}/configmaps/${metadata.name}`, { data }),
    ...gateways.map(({ host }) => firstAnswer(host, GATEWAY_PORT, `/changing-${change}/1`)),
  ]);
  return Math.max(...served) - started;
}

async function apply(cluster, documents, stopLater) {
  const items = documents.map((document) => configMap(cluster, document));
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  await cluster.kubectl.run(["apply", "--server-side", "--filename", "-"], { input, timeoutMs: 600_000 });
  stopLater(() => cluster.kubectl.run(["delete", "--filename", "-"], { input, timeoutMs: 600_000 }));
}

function configMap({ namespace }, document) {
  const kind = document.kind.toLowerCase();
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `${kind}-${document.name}`, namespace, labels: { "fullcode/document": kind } },
    data: { "document.json": JSON.stringify({ apiVersion: "fullcode/v1", ...document }) },
  };
}

function functionDocument(name) {
  const image = `registry.example.com/bench/${name}@sha256:${"0".repeat(64)}`;
  return { kind: "Function", name, version: "1", runtime: "nodejs", image, concurrency: 16 };
}

function routeDocument(functionName, path, name = functionName) {
  return { kind: "Route", name, function: functionName, method: "GET", path };
}
