import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";

import { plainEnvironment } from "../lib/plainEnvironment.mjs";
import { RegionFolder } from "../lib/regionFolder.mjs";
import { freePort, ServerProcess } from "../lib/serverProcess.mjs";
import { singleRequest } from "../lib/singleRequest.mjs";
import { median } from "../lib/statistics.mjs";
import { untilNoInstance } from "../lib/untilNoInstance.mjs";

const PATH = "/orders/1000";
const MAX_MORE_MS = 30;

/** The first request to a Go function without instances, against the same executable up to its first poll. */
export async function goColdStart({ folder, quick, stopLater, progress }) {
  const port = await freePort();
  const scale = { idleSeconds: 0.3 };
  const region = await RegionFolder.create({
    port,
    functions: [{ name: "orders", runtime: "custom", code: folder, concurrency: 1, scale }],
    routes: [{ function: "orders", path: "/orders/:orderId" }],
  });
  stopLater(() => region.remove());
  const gateway = await ServerProcess.start({ args: region.gatewayArguments, port, path: PATH });
  stopLater(() => gateway.stop());

  const pairs = quick ? 10 : 20;
  progress(`runtime-api: cold start of the Go bootstrap, ${pairs} pairs`);
  const ours = [];
  const bare = [];
  for (let pair = 0; pair <= pairs; pair++) {
    const bareMs = await untilFirstPoll(join(folder, "bootstrap"));
    await untilNoInstance(region);
    const started = performance.now();
    await singleRequest(port, PATH);
    const oursMs = performance.now() - started;
    if (pair === 0) continue;
    ours.push(oursMs);
    bare.push(bareMs);
  }
  return {
    name: "cold start: Go bootstrap / its process alone",
    unit: "ms",
    ours: median(ours),
    baseline: median(bare),
    ratio: median(ours.map((each, i) => each / bare[i])),
    difference: median(ours.map((each, i) => each - bare[i])),
    bar: MAX_MORE_MS,
    barOf: "difference",
    pairs: ours.map((each, i) => [each, bare[i]]),
  };
}

/** From the spawn of the executable to its first request, to a runtime API that never answers. */
async function untilFirstPoll(bootstrap) {
  const api = createServer();
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
  const started = performance.now();
  const child = spawn(bootstrap, [], {
    stdio: "ignore",
    env: { ...plainEnvironment(), RUNTIME_API_ADDR: `127.0.0.1:${api.address().port}` },
  });
  await once(api, "request");
  const elapsed = performance.now() - started;
  child.kill("SIGKILL");
  await once(child, "close");
  api.closeAllConnections();
  api.close();
  return elapsed;
}
