import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const SCRIPTS = join(__dirname, "..", "machine");

/** Where the scripts keep what they build, and what they run: test/cluster/machine/paths.sh. */
export const CACHE_FOLDER = process.env.TEST_CLUSTER_CACHE ?? join(homedir(), ".cache", "fullcode-test-cluster");
export const STATE_FOLDER = process.env.TEST_CLUSTER_STATE ?? "/var/lib/fullcode-test-cluster";

/** The images that the registry has from the start. */
export const NODE_IMAGE = "localhost:5000/node:20";
export const NATS_IMAGE = "localhost:5000/nats:2";
/** The registry, which has one address on this machine and in all regions. */
export const REGISTRY = "localhost:5000";

/** Programs that the scripts run and no one else has installed by chance. */
const COMMANDS = {
  dockerd: "docker.io",
  "docker-registry": "docker-registry",
  debootstrap: "debootstrap",
  containerd: "containerd",
  runc: "runc",
  etcd: "etcd-server",
  iptables: "iptables",
  socat: "socat",
  ip: "iproute2",
  openssl: "openssl",
  curl: "curl",
};

/** Says why this machine can't run a cluster, or nothing when it can. */
export function problemWithMachine(): string | undefined {
  if (process.platform !== "linux") return "regions are made of Linux' network namespaces";
  if (process.getuid?.() !== 0) return "regions are made by root";
  const folders = `${process.env.PATH}:/usr/sbin:/sbin`.split(":");
  const missing = Object.entries(COMMANDS).filter(
    ([command]) => !folders.some((each) => existsSync(join(each, command))),
  );
  if (!existsSync("/usr/lib/cni/bridge")) missing.push(["bridge", "containernetworking-plugins"]);
  if (missing.length > 0) return `run: apt-get install -y ${missing.map(([, name]) => name).join(" ")}`;
  return undefined;
}

/** Runs a script with its output shown. */
export async function runScript(script: "build.sh" | "host.sh" | "region.sh", ...args: string[]): Promise<void> {
  const child = spawn(join(SCRIPTS, script), args, { stdio: ["ignore", "inherit", "inherit"] });
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("exit", resolve));
  if (code !== 0) throw new Error(`test/cluster/machine/${script} ${args.join(" ")} ended with ${code}`);
}

/** Ends a process of a region at once, as a machine that lost power would. */
export async function stopProcess(region: string, name: "apiserver" | "controllers" | "kubelet"): Promise<void> {
  await run(join(SCRIPTS, "region.sh"), ["stop", region, name]);
}

/** Starts it again. */
export async function startProcess(region: string, name: "apiserver" | "controllers" | "kubelet"): Promise<void> {
  await run(join(SCRIPTS, "region.sh"), ["start", region, name]);
}
