import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
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

/** Says why this machine can't run a cluster, or nothing when it can. */
export function problemWithMachine(): string | undefined {
  if (process.platform !== "linux") return "regions are made of Linux' network namespaces";
  if (process.getuid?.() !== 0) return "regions are made by root";
  const packages = missingPackages();
  if (packages.length > 0) return `run: apt-get install -y ${packages.join(" ")}`;
  return undefined;
}

/** Debian's packages of the programs that the scripts run, as far as they are not installed. */
function missingPackages(): string[] {
  const folders = `${process.env.PATH}:/usr/sbin:/sbin`.split(":");
  const lines = readFileSync(join(SCRIPTS, "packages.txt"), "utf8").trim().split("\n");
  const needed = lines.map((line) => line.split(" "));
  return needed
    .filter(([program]) => !folders.some((folder) => existsSync(resolve(folder, program))))
    .map(([, name]) => name);
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

/** Starts it again; an API server answers when this returns. */
export async function startProcess(region: string, name: "apiserver" | "controllers" | "kubelet"): Promise<void> {
  await run(join(SCRIPTS, "region.sh"), ["start", region, name]);
}
