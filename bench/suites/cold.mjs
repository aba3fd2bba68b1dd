import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { plainEnvironment } from "../lib/plainEnvironment.mjs";
import { RegionFolder } from "../lib/regionFolder.mjs";
import { freePort, ServerProcess } from "../lib/serverProcess.mjs";
import { singleRequest } from "../lib/singleRequest.mjs";
import { median } from "../lib/statistics.mjs";
import { untilNoInstance } from "../lib/untilNoInstance.mjs";

const SERVER = fileURLToPath(new URL("../servers/nodeHttp.cjs", import.meta.url));
const PATH = "/orders/1000";
const OVER_NODE = 1.6;
const IDLE_SECONDS = 0.3;

/** The first request to a function without instances, against a bare Node.js process that answers one request. */
export async function cold({ quick, stopLater, progress }) {
  const port = await freePort();
  const region = await RegionFolder.create({
    port,
    functions: [
      {
        name: "orders",
        runtime: "nodejs",
        code: "functions/orders",
        concurrency: 16,
        scale: { idleSeconds: IDLE_SECONDS },
      },
    ],
    routes: [{ function: "orders", path: "/orders/:orderId" }],
  });
  stopLater(() => region.remove());
  const gateway = await ServerProcess.start({ args: region.gatewayArguments, port, path: PATH });
  stopLater(() => gateway.stop());

  const pairs = quick ? 10 : 25;
  progress(`cold: ${pairs} pairs`);
  const ours = [];
  const bare = [];
  // the first pair fills the page cache and compiles what the gateway needs; it does not count
  for (let pair = 0; pair <= pairs; pair++) {
    const bareMs = await bareStart();
    await untilNoInstance(region);
    const oursMs = await coldStart(port);
    if (pair === 0) continue;
    ours.push(oursMs);
    bare.push(bareMs);
  }
  return [
    {
      name: "cold start: fullcode / bare node process",
      unit: "ms to the first answer",
      ours: median(ours),
      baseline: median(bare),
      ratio: median(ours.map((each, i) => each / bare[i])),
      bar: OVER_NODE,
      pairs: ours.map((each, i) => [each, bare[i]]),
    },
  ];
}

async function coldStart(port) {
  const started = performance.now();
  await singleRequest(port, PATH);
  return performance.now() - started;
}

/** From the spawn on; the process says by its output at which port it listens, so nothing is polled. */
async function bareStart() {
  const started = performance.now();
  const child = spawn(process.execPath, [SERVER], {
    stdio: ["ignore", "pipe", "inherit"],
    env: plainEnvironment(),
  });
  const [port] = await once(child.stdout, "data");
  await singleRequest(Number(port), PATH);
  const elapsed = performance.now() - started;
  child.kill("SIGKILL");
  await once(child, "close");
  return elapsed;
}
