import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/**
 * Sends a signal to all processes of this one's group but itself: the bootstrap and what it has started, also where the
 * parent has gone. Does nothing when somebody else leads the group, and its members are not ours to end.
 */
export function signalGroup(signal: NodeJS.Signals): void {
  for (const pid of otherMembers()) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

function otherMembers(): number[] {
  const groups = process.platform === "linux" ? groupsFromProc() : groupsFromPs();
  if (groups.get(process.pid) !== process.pid) return [];
  return [...groups].filter(([pid, group]) => group === process.pid && pid !== process.pid).map(([pid]) => pid);
}

/** Process id → group id. */
function groupsFromProc(): Map<number, number> {
  const groups = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      // pid (command) state parent group …; the command may hold spaces and parentheses
      groups.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]));
    } catch {
      // it has ended since the folder was read
    }
  }
  return groups;
}

function groupsFromPs(): Map<number, number> {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,pgid="], { encoding: "utf8" }).trim().split("\n");
  return new Map(lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]));
}
