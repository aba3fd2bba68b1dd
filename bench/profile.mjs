/**
 * `node bench/profile.mjs [connections] [requests]`: where the gateway and an instance spend their CPU time on a warm
 * function. The profiles stay in `bench/results/`, for the Performance panel of a browser's developer tools.
 */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { selfTimes } from "./lib/cpuProfile.mjs";
import { descendants } from "./lib/cpuTime.mjs";
import { LoadGenerator } from "./lib/loadGenerator.mjs";
import { RegionFolder } from "./lib/regionFolder.mjs";
import { freePort, ServerProcess } from "./lib/serverProcess.mjs";

const SHOWN = 40;
const WARM_UP_REQUESTS = 50_000;
const [connections = 64, requests = 100_000] = process.argv.slice(2).map(Number);
const results = fileURLToPath(new URL("results/profiles", import.meta.url));
const folders = { gateway: join(results, "gateway"), instance: join(results, "instance") };
const recordProfile = fileURLToPath(new URL("servers/recordProfile.cjs", import.meta.url));
const recording = (folder) => ({
  NODE_OPTIONS: `--require=${recordProfile}`,
  PROFILE_FOLDER: folder,
  PROFILE_INTERVAL_MICROSECONDS: "250",
});

await rm(results, { recursive: true, force: true });
for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });

const port = await freePort();
const region = await RegionFolder.create({
  port,
  functions: [{ name: "orders", runtime: "nodejs", code: "functions/orders", concurrency: 16 }],
  routes: [{ function: "orders", path: "/orders/:orderId" }],
  variables: { orders: recording(folders.instance) },
});
const generator = new LoadGenerator();
try {
  const gateway = await ServerProcess.start({
    args: region.gatewayArguments,
    port,
    path: "/orders/1",
    environment: recording(folders.gateway),
  });
  try {
    const load = { port, connections, paths: ["/orders/1", "/orders/2"] };
    await generator.run({ ...load, requests: WARM_UP_REQUESTS });
    for (const pid of descendants(gateway.pid)) process.kill(pid, "SIGUSR2");
    const { perSecond } = await generator.run({ ...load, requests });
    console.log(`${connections} connections, ${requests} requests, ${Math.round(perSecond)} a second`);
  } finally {
    await gateway.stop();
  }
} finally {
  generator.stop();
  await region.remove();
}

for (const [name, folder] of Object.entries(folders)) {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".cpuprofile"));
  const times = selfTimes(files.map((file) => join(folder, file)));
  await writeFile(join(results, `${name}.json`), JSON.stringify(times, undefined, 2));
  const busy = times.reduce((sum, each) => sum + each.milliseconds, 0);
  const perRequest = ((busy * 1000) / requests).toFixed(1);
  console.log(`\n${name}: ${files.length} process(es), ${perRequest} µs busy a request, of which:`);
  for (const { where, share } of times.slice(0, SHOWN))
    console.log(`${(share * 100).toFixed(1).padStart(6)} %  ${where}`);
}
