import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { RegionFolder } from "../lib/regionFolder.mjs";
import { residentMiB } from "../lib/residentMemory.mjs";
import { freePort, ServerProcess } from "../lib/serverProcess.mjs";
import { median } from "../lib/statistics.mjs";

const SERVER = fileURLToPath(new URL("../servers/nodeHttp.cjs", import.meta.url));
const FUNCTIONS = 50;
const ROUTES = 500;
const MAX_MIB = 90;
const SAMPLES = 5;

/**
 * Resident memory of a gateway process with 500 routes to 50 functions that has nothing to do: it has answered one
 * request, whose instance has ended. Beside it, a bare node:http server that has answered one request.
 */
export async function memory({ stopLater, progress }) {
  progress(`memory: ${ROUTES} routes to ${FUNCTIONS} functions`);
  const port = await freePort();
  const region = await RegionFolder.create({
    port,
    functions: Array.from({ length: FUNCTIONS }, (_, i) => ({
      name: `orders-${i}`,
      runtime: "nodejs",
      code: "functions/orders",
      concurrency: 16,
      scale: { idleSeconds: 0.5 },
    })),
    routes: Array.from({ length: ROUTES }, (_, i) => ({
      function: `orders-${i % FUNCTIONS}`,
      path: `/r${i}/:orderId`,
    })),
  });
  stopLater(() => region.remove());
  const gateway = await ServerProcess.start({ args: region.gatewayArguments, port, path: "/r0/1" });
  stopLater(() => gateway.stop());
  const bare = await ServerProcess.start({ args: [SERVER], port: await freePort(), path: "/orders/1" });
  stopLater(() => bare.stop());
  const ours = [];
  const baseline = [];
  for (let i = 0; i < SAMPLES; i++) {
    await sleep(1_000);
    ours.push(residentMiB(gateway.pid));
    baseline.push(residentMiB(bare.pid));
  }
  return [
    {
      name: `memory: idle gateway with ${ROUTES} routes / node:http`,
      unit: "MiB",
      ours: median(ours),
      baseline: median(baseline),
      ratio: median(ours) / median(baseline),
      bar: MAX_MIB,
      barOf: "ours",
    },
  ];
}
