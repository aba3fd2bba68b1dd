import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { requireTypeScript } from "../typescript.mjs";
import { ApiServer } from "./apiServer.mjs";
import { podProcesses } from "./podProcesses.mjs";

const { Kubectl } = requireTypeScript("test/cluster/support/kubectl.ts");
const machine = requireTypeScript("test/cluster/support/machine.ts");

/** The region of the benchmarks: its name, and the index that picks its addresses, which no test has. */
const [REGION, INDEX] = ["bench", "5"];
const [APP, ENVIRONMENT] = ["bench", "bench"];

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const SCRIPTS = here("../../../test/cluster/machine");
const BENCH_FOLDER = here("../..");

/** The functions, both of the same code: one is at zero when nothing has asked for it for a second, one is always there. */
const FUNCTIONS = [
  { name: "cold", code: "functions/orders", path: "/cold/:orderId", scale: { idle: 1 } },
  { name: "warm", code: "functions/orders", path: "/orders/:orderId", scale: { min: 1, max: 1 } },
];

/** A Kubernetes region of this machine with an app in it; made when a suite asks for it, for all suites that do. */
export class BenchCluster {
  namespace = `${APP}-${ENVIRONMENT}`;
  #stops = [];
  #onSignal = (signal) => {
    // the processes of a region outlive whoever started them
    execFileSync(join(SCRIPTS, "region.sh"), ["down", REGION]);
    process.kill(process.pid, signal);
  };

  /** Why this machine can't run one, or nothing when it can. */
  static problem() {
    return machine.problemWithMachine();
  }

  static async start(progress) {
    const cluster = new BenchCluster();
    try {
      await cluster.#start(progress);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  async #start(progress) {
    progress("cluster: what it runs, built from sources where that has not been done yet");
    await machine.runScript("build.sh");
    if (!(await isRegistryUp())) this.#stops.push(() => machine.runScript("host.sh", "down"));
    await machine.runScript("host.sh", "up");

    progress("cluster: a region of Kubernetes");
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, this.#onSignal);
    this.#stops.push(() => machine.runScript("region.sh", "down", REGION));
    await machine.runScript("region.sh", "up", REGION, INDEX);
    answerAddressesQuickly();
    const state = join(machine.STATE_FOLDER, REGION);
    this.kubeconfig = join(state, "kubeconfig");
    this.addressFolder = join(state, "addresses", "bridge");
    this.kubectl = new Kubectl(this.kubeconfig);
    this.api = new ApiServer(this.kubeconfig);
    this.#stops.push(() => this.api.close());

    progress("cluster: images, gateways and functions");
    await this.#deploy();
    this.gateway = { host: await this.serviceAddress("gateway"), port: 80 };
    for (const name of FUNCTIONS.map(({ name }) => name)) await this.#untilDeployed(name);
  }

  async #deploy() {
    const folder = await mkdtemp(join(tmpdir(), "fullcode-bench-"));
    try {
      await writeFile(join(folder, "Pulumi.yaml"), `name: ${APP}\nruntime: nodejs\n`);
      await writeFile(join(folder, "package.json"), JSON.stringify({ name: APP, private: true }));
      await mkdir(join(folder, "functions"));
      for (const code of new Set(FUNCTIONS.map(({ code }) => code))) {
        await cp(join(BENCH_FOLDER, code), join(folder, code), { recursive: true });
        // what it is compared with is in its image
        await cp(join(BENCH_FOLDER, "servers", "nodeHttp.cjs"), join(folder, code, "nodeHttp.cjs"));
      }
      const args = {
        app: APP,
        environment: ENVIRONMENT,
        kubeconfig: this.kubeconfig,
        registry: `${machine.REGISTRY}/${APP}`,
        nodeImage: machine.NODE_IMAGE,
        natsImage: machine.NATS_IMAGE,
        functions: FUNCTIONS,
      };
      const child = fork(here("deployApp.mjs"), [JSON.stringify(args)], { cwd: folder });
      const [code] = await once(child, "exit");
      if (code !== 0) throw new Error("the benchmarks' app could not be deployed");
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  async #untilDeployed(name) {
    const where = ["--namespace", this.namespace];
    await this.kubectl.run(["wait", ...where, "--for", "condition=Ready", `scaledobject/${name}`, "--timeout", "60s"]);
  }

  /** Reachable from this machine. */
  async serviceAddress(name) {
    const { spec } = await this.api.get(`/api/v1/namespaces/${this.namespace}/services/${name}`);
    return spec.clusterIP;
  }

  /** @param labels - What its pods have, as `name=value,…`. */
  async pods(labels) {
    const { items } = await this.api.get(`${this.podsPath}?labelSelector=${encodeURIComponent(labels)}`);
    return items;
  }

  get podsPath() {
    return `/api/v1/namespaces/${this.namespace}/pods`;
  }

  /** First processes of a pod's containers. */
  processesOf({ metadata }) {
    return podProcesses(`fullcode-${REGION}-pods`, metadata.uid);
  }

  /** The gateways' pods. */
  gateways() {
    return this.pods("app.kubernetes.io/component=gateway");
  }

  async stop() {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
    for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, this.#onSignal);
  }
}

async function isRegistryUp() {
  try {
    return (await fetch(`http://${machine.REGISTRY}/v2/`)).ok;
  } catch {
    return false;
  }
}

/**
 * A pod's address may be asked for before its network is up. The kernel would repeat the question after a second, and an
 * answer that was there would be seen late.
 */
function answerAddressesQuickly() {
  const setting = "net.ipv4.neigh.pods.retrans_time_ms=20";
  execFileSync("ip", ["netns", "exec", `fullcode-${REGION}`, "sysctl", "-qw", setting]);
}
