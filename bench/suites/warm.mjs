import { fileURLToPath } from "node:url";

import { interleavedRounds, medianRatio, medians } from "../lib/rounds.mjs";
import { RegionFolder } from "../lib/regionFolder.mjs";
import { freePort, ServerProcess } from "../lib/serverProcess.mjs";

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const PATHS = Array.from({ length: 50 }, (_, i) => `/orders/${1000 + i}`);

const OVER_NODE_HTTP = 2.5;
const OVER_FUNCTIONS_FRAMEWORK = 0.5;

/** A warm Node.js function against raw node:http and against functions-framework. */
export async function warm({ generator, quick, stopLater, progress }) {
  const servers = await startAll(stopLater);
  const rows = [];
  for (const [connections, requests] of quick
    ? [
        [64, 10_000],
        [1, 4_000],
      ]
    : [
        [64, 30_000],
        [1, 10_000],
      ]) {
    progress(`warm: ${connections} connection${connections === 1 ? "" : "s"}`);
    const measured = await interleavedRounds(generator, servers, {
      rounds: 5,
      requests,
      warmup: requests,
      connections,
    });
    rows.push(...rowsOf(measured, connections));
  }
  return rows;
}

function rowsOf(measured, connections) {
  const ours = measured.get("fullcode");
  // the bars are for a machine that is busy; a single connection is shown for what it is
  const bar = (limit) => (connections === 64 ? limit : undefined);
  const against = (baseline, limit) => ({
    name: `warm, ${connections} connection${connections === 1 ? "" : "s"}: fullcode / ${baseline}`,
    unit: "µs CPU a request",
    ours: medians(ours).cpuMicroseconds,
    baseline: medians(measured.get(baseline)).cpuMicroseconds,
    ratio: medianRatio(ours, measured.get(baseline)),
    bar: bar(limit),
    details: { fullcode: medians(ours), [baseline]: medians(measured.get(baseline)) },
  });
  return [against("node:http", OVER_NODE_HTTP), against("functions-framework", OVER_FUNCTIONS_FRAMEWORK)];
}

async function startAll(stopLater) {
  const path = PATHS[0];
  const start = async (name, options) => {
    const server = await ServerProcess.start({ path, ...options });
    stopLater(() => server.stop());
    return { name, pids: [server.pid], port: server.port, paths: PATHS };
  };
  const port = await freePort();
  const region = await RegionFolder.create({
    port,
    functions: [{ name: "orders", runtime: "nodejs", code: "functions/orders", concurrency: 16 }],
    routes: [{ function: "orders", path: "/orders/:orderId" }],
  });
  stopLater(() => region.remove());
  return [
    await start("node:http", { args: [here("servers/nodeHttp.cjs")], port: await freePort() }),
    await start("fullcode", { args: region.gatewayArguments, port }),
    await start("functions-framework", {
      args: [
        here("../node_modules/.bin/functions-framework"),
        "--target=handler",
        `--source=${here("functions/orders-for-functions-framework")}`,
      ],
      port: await freePort(),
    }),
  ];
}
