import { interleavedRounds, medianRatio, medians } from "../lib/rounds.mjs";
import { RegionFolder } from "../lib/regionFolder.mjs";
import { freePort, ServerProcess } from "../lib/serverProcess.mjs";

const FEW = 5;
const MANY = 5_000;
const CONNECTIONS = 64;
const MAX_RATIO = 1.2;
const REQUESTED = 500;

/** What a request costs where there are 5,000 routes, against 5. */
export async function routes({ generator, quick, stopLater, progress }) {
  const gateways = [];
  for (const count of [MANY, FEW]) gateways.push(await startGateway(count, stopLater));
  progress(`routes: ${MANY} against ${FEW}`);
  const requests = quick ? 10_000 : 30_000;
  const measured = await interleavedRounds(generator, gateways, {
    rounds: quick ? 5 : 9,
    requests,
    warmup: requests,
    connections: CONNECTIONS,
  });
  const [many, few] = gateways.map(({ name }) => measured.get(name));
  return [
    {
      name: `routes, ${CONNECTIONS} connections: ${MANY} / ${FEW}`,
      unit: "µs CPU a request",
      ours: medians(many).cpuMicroseconds,
      baseline: medians(few).cpuMicroseconds,
      ratio: medianRatio(many, few),
      bar: MAX_RATIO,
      details: Object.fromEntries(gateways.map(({ name }) => [name, medians(measured.get(name))])),
    },
  ];
}

async function startGateway(count, stopLater) {
  const port = await freePort();
  const region = await RegionFolder.create({
    port,
    functions: [{ name: "orders", runtime: "nodejs", code: "functions/orders", concurrency: 16 }],
    routes: Array.from({ length: count }, (_, i) => ({ function: "orders", path: `${pathOf(i)}/:orderId` })),
  });
  stopLater(() => region.remove());
  const server = await ServerProcess.start({ args: region.gatewayArguments, port, path: `${pathOf(0)}/1` });
  stopLater(() => server.stop());
  // spread over the whole table, so that neither its first nor its last entries are all that is asked for
  const step = Math.max(1, Math.floor(count / REQUESTED));
  const paths = Array.from({ length: REQUESTED }, (_, i) => `${pathOf((i * step) % count)}/${1000 + i}`);
  return { name: `${count} routes`, pids: [server.pid], port, paths };
}

/** Paths as an API has them: areas, and resources in them. */
function pathOf(i) {
  return `/area-${i % 50}/resource-${Math.floor(i / 50)}/items`;
}
