/**
 * Side-by-side benchmarks. Exits with 1 when a bar is missed. What the figures mean: docs/guide/performance.md.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { SharedCluster } from "./lib/cluster/sharedCluster.mjs";
import { environment } from "./lib/environment.mjs";
import { LoadGenerator } from "./lib/loadGenerator.mjs";
import { parseOptions } from "./lib/options.mjs";
import { judge, printDetails, printTable, writeResults } from "./lib/report.mjs";
import { clusterCold } from "./suites/clusterCold.mjs";
import { clusterFunctions } from "./suites/clusterFunctions.mjs";
import { clusterWarm } from "./suites/clusterWarm.mjs";
import { cold } from "./suites/cold.mjs";
import { memory } from "./suites/memory.mjs";
import { routes } from "./suites/routes.mjs";
import { runtimeApi } from "./suites/runtimeApi.mjs";
import { warm } from "./suites/warm.mjs";

const SUITES = { warm, cold, memory, routes, "runtime-api": runtimeApi };
const CLUSTER_SUITES = {
  "cluster-cold": clusterCold,
  "cluster-warm": clusterWarm,
  "cluster-functions": clusterFunctions,
};
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const options = parseOptions(process.argv.slice(2), Object.keys(SUITES), Object.keys(CLUSTER_SUITES));
if (options.help) {
  console.log(options.usage);
} else {
  if (!existsSync(here("../dist/gateway/gateway.js"))) throw new Error("dist/ is missing: run `npm run build` first");
  const missed = await run();
  if (missed > 0) {
    console.log(`${missed} bar${missed === 1 ? " was" : "s were"} missed`);
    process.exitCode = 1;
  }
}

async function run() {
  const where = environment();
  console.log(`${where.cores} × ${where.cpu}, Node.js ${where.node}, Linux ${where.kernel}, commit ${where.commit}\n`);
  const rows = [];
  const cluster = new SharedCluster(progress);
  try {
    for (const name of options.only) rows.push(...(await runSuite(name, cluster)).map(judge));
  } finally {
    await cluster.stop();
  }
  console.log();
  printTable(rows);
  printDetails(rows);
  console.log(`written to ${await writeResults(here("results"), where, rows)}`);
  return rows.filter(({ ok }) => ok === false).length;
}

/** Whatever a suite has started is stopped before the next one begins; but for the cluster, which takes minutes. */
async function runSuite(name, cluster) {
  const generator = new LoadGenerator();
  const stops = [() => generator.stop()];
  try {
    return await { ...SUITES, ...CLUSTER_SUITES }[name]({
      generator,
      quick: options.quick,
      peers: options.peers,
      stopLater: (stop) => stops.push(stop),
      cluster: () => cluster.get(),
      progress,
    });
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

function progress(message) {
  console.log(`… ${message}`);
}
