import { descendants } from "../lib/cpuTime.mjs";
import { RegionFolder } from "../lib/regionFolder.mjs";
import { interleavedRounds, medianRatio, medians } from "../lib/rounds.mjs";
import { freePort, ServerProcess } from "../lib/serverProcess.mjs";

const PATHS = Array.from({ length: 50 }, (_, i) => `/orders/${1000 + i}`);
const OVER_LOCAL = 1.5;

/** A warm Node.js function on a cluster, gateways and one pod, against a local region's gateway and one instance. */
export async function clusterWarm({ cluster: startCluster, generator, quick, stopLater, progress }) {
  const cluster = await startCluster();
  if (cluster === undefined) return [];
  const gateways = (await cluster.gateways()).flatMap((pod) => cluster.processesOf(pod));
  const instances = (await cluster.pods("fullcode/function=warm")).flatMap((pod) => cluster.processesOf(pod));
  const contenders = [
    await startLocal(stopLater),
    { name: "cluster", pids: [...gateways, ...instances], partPids: instances, ...cluster.gateway, paths: PATHS },
  ];
  const rows = [];
  for (const [connections, requests] of [
    [64, quick ? 10_000 : 30_000],
    [1, quick ? 4_000 : 10_000],
  ]) {
    progress(`cluster-warm: ${connections} connection${connections === 1 ? "" : "s"}`);
    const rounds = quick ? 5 : 9;
    const options = { rounds, requests, warmup: requests, connections };
    rows.push(...rowsOf(await interleavedRounds(generator, contenders, options), connections));
  }
  return rows;
}

function rowsOf(measured, connections) {
  const [ours, local] = [measured.get("cluster"), measured.get("local")];
  const title = `warm on a cluster, ${connections} connection${connections === 1 ? "" : "s"}`;
  const row = (what, left, right) => ({
    name: `${title}: ${what}`,
    unit: "µs CPU a request",
    ours: medians(left).cpuMicroseconds,
    baseline: medians(right).cpuMicroseconds,
    ratio: medianRatio(left, right),
  });
  const instanceOnly = (rounds) => rounds.map((round) => ({ ...round, cpuMicroseconds: round.partMicroseconds }));
  return [
    {
      ...row("cluster / local", ours, local),
      bar: connections === 64 ? OVER_LOCAL : undefined,
      details: { cluster: medians(ours), local: medians(local) },
    },
    row("cluster / local, the instance alone", instanceOnly(ours), instanceOnly(local)),
  ];
}

async function startLocal(stopLater) {
  const port = await freePort();
  const scale = { min: 1, max: 1 };
  const region = await RegionFolder.create({
    port,
    functions: [{ name: "warm", runtime: "nodejs", code: "functions/orders", concurrency: 16, scale }],
    routes: [{ function: "warm", path: "/orders/:orderId" }],
  });
  stopLater(() => region.remove());
  const server = await ServerProcess.start({ args: region.gatewayArguments, port, path: PATHS[0] });
  stopLater(() => server.stop());
  const instances = descendants(server.pid).slice(1);
  return { name: "local", pids: [server.pid], partPids: instances, port, paths: PATHS };
}
