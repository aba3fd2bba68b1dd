import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the kernel lists processes: one hierarchy of control groups, or one a controller. */
const HIERARCHIES = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];

/** What holds a pod's network, and is none of its containers. */
const SANDBOX = "pause";

/**
 * First processes of the containers of a pod, as this machine numbers them.
 *
 * @param group - Control group of the node's pods.
 * @param uid - The pod's.
 */
export function podProcesses(group, uid) {
  const root = HIERARCHIES.map((each) => join(each, group)).find(existsSync);
  if (root === undefined) throw new Error(`there is no control group ${group}`);
  const folder = foldersBelow(root).find((each) => each.endsWith(`/pod${uid}`));
  if (folder === undefined) throw new Error(`there is no control group of the pod ${uid} below ${root}`);
  const pids = foldersBelow(folder).flatMap((each) => linesOf(join(each, "cgroup.procs")).map(Number));
  return pids.filter((pid) => !pids.includes(parentOf(pid)) && linesOf(`/proc/${pid}/comm`)[0] !== SANDBOX);
}

function foldersBelow(folder) {
  const own = readdirSync(folder, { withFileTypes: true }).filter((each) => each.isDirectory());
  return [folder, ...own.flatMap(({ name }) => foldersBelow(join(folder, name)))];
}

function linesOf(file) {
  return readFileSync(file, "utf8").split("\n").filter(Boolean);
}

function parentOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}
