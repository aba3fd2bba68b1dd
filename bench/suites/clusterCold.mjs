import { setTimeout as sleep } from "node:timers/promises";

import { bareDeployment } from "../lib/cluster/bareDeployment.mjs";
import { newAddress } from "../lib/cluster/newAddress.mjs";
import { firstAnswer } from "../lib/firstAnswer.mjs";
import { singleRequest } from "../lib/singleRequest.mjs";
import { median } from "../lib/statistics.mjs";

const FUNCTION = "cold";
const FUNCTION_LABELS = `fullcode/function=${FUNCTION}`;
const FUNCTION_PATH = "/cold/1000";
const BARE_PATH = "/orders/1000";
const MAX_MORE_MS = 400;

const NO_PODS_MS = 120_000;
/** What the end of a pod leaves behind, in the kubelet and in the autoscaler, is done by then. */
const QUIET_MS = 2_000;

/**
 * The first request to a function at zero on a cluster, against a Deployment of the same image with a plain `node:http`
 * server that is patched from 0 to 1 replicas. Ours is timed from sending the request to the gateways' Service to its
 * answer; the other from sending the patch to the first answer from the pod's own address, asked for all the time from
 * the moment at which the pod has it. What its Service's callers wait for is shown beside it.
 */
export async function clusterCold({ cluster: startCluster, quick, stopLater, progress }) {
  const cluster = await startCluster();
  if (cluster === undefined) return [];
  const deployment = await cluster.api.get(
    `/apis/apps/v1/namespaces/${cluster.namespace}/deployments/function-${FUNCTION}`,
  );
  const bare = await applyBare(cluster, deployment, stopLater);

  const pairs = quick ? 10 : 20;
  progress(`cluster-cold: ${pairs} pairs`);
  const all = { ours: [], bare: [] };
  // the first pair pulls the image, and does not count
  for (let pair = 0; pair <= pairs; pair++) {
    const contenders = [
      ["bare", () => bareStart(cluster, bare)],
      ["ours", () => functionStart(cluster)],
    ];
    if (pair % 2 === 1) contenders.reverse();
    for (const [name, start] of contenders) {
      const times = await start();
      if (pair > 0) all[name].push(times);
    }
  }
  return rowsOf(all);
}

function rowsOf({ ours, bare }) {
  const row = (name, left, right) => ({
    name: `cold start on a cluster${name}`,
    unit: "ms",
    ours: median(left),
    baseline: median(right),
    ratio: median(left.map((each, i) => each / right[i])),
    difference: median(left.map((each, i) => each - right[i])),
    pairs: left.map((each, i) => [each, right[i]]),
  });
  const of = (all, key) => all.map((each) => each[key]);
  const answers = of(ours, "answered");
  return [
    { ...row(": fullcode / bare Deployment", answers, of(bare, "answered")), bar: MAX_MORE_MS, barOf: "difference" },
    row(": fullcode / bare Deployment behind its Service", answers, of(bare, "servedByService")),
    row(", of which until there is a pod", of(ours, "created"), of(bare, "created")),
    row(", of which until the pod has its network", of(ours, "addressed"), of(bare, "addressed")),
  ];
}

async function applyBare(cluster, deployment, stopLater) {
  const { objects, ...bare } = bareDeployment(deployment, BARE_PATH);
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
  await cluster.kubectl.run(["apply", "--server-side", "--filename", "-"], { input });
  stopLater(() => cluster.kubectl.run(["delete", "--filename", "-"], { input }));
  return { ...bare, service: await cluster.serviceAddress("bare") };
}

async function bareStart(cluster, { labels, port, service }) {
  const scale = (replicas) =>
    cluster.api.patch(`/apis/apps/v1/namespaces/${cluster.namespace}/deployments/bare/scale`, { spec: { replicas } });
  const times = await timed(cluster, labels, async (address) => {
    const [, answered, servedByService] = await Promise.all([
      scale(1),
      address.then((host) => firstAnswer(host, port, BARE_PATH)),
      firstAnswer(service, port, BARE_PATH),
    ]);
    return { answered, servedByService };
  });
  await scale(0);
  return times;
}

function functionStart(cluster) {
  const { host, port } = cluster.gateway;
  return timed(cluster, FUNCTION_LABELS, async () => {
    await singleRequest(port, FUNCTION_PATH, host);
    return { answered: performance.now() };
  });
}

/** Times in ms since the call of `start` on, which is made when there is no pod. */
async function timed(cluster, labels, start) {
  await untilNoPod(cluster, labels);
  let isCreated = () => undefined;
  const created = new Promise((resolve) => (isCreated = () => resolve(performance.now())));
  const path = `${cluster.podsPath}?labelSelector=${encodeURIComponent(labels)}`;
  const endWatch = await cluster.api.watch(path, ({ type }) => {
    if (type === "ADDED") isCreated();
  });
  const { address, stop } = newAddress(cluster.addressFolder);
  try {
    const started = performance.now();
    const addressed = address.then(() => performance.now());
    // on a busy machine the event may come behind the pod's first answer
    const times = { ...(await start(address)), created: await created, addressed: await addressed };
    const [pod] = await cluster.pods(labels);
    // it is known to the API server some time after it answers
    if (pod.status.podIP !== undefined && pod.status.podIP !== (await address))
      throw new Error(`the pod that was timed is not ${pod.metadata.name}`);
    return Object.fromEntries(Object.entries(times).map(([name, time]) => [name, time - started]));
  } finally {
    stop();
    endWatch();
  }
}

async function untilNoPod(cluster, labels) {
  const deadline = performance.now() + NO_PODS_MS;
  while ((await cluster.pods(labels)).length > 0) {
    if (performance.now() > deadline) throw new Error(`there are still pods of ${labels} after ${NO_PODS_MS / 1000} s`);
    await sleep(100);
  }
  await sleep(QUIET_MS);
}
