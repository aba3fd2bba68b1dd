import { execFileSync } from "node:child_process";

export interface RunningProcess {
  pid: number;
  parent: number;
  command: string;
}

/** All processes but those that have ended and are only waited for. */
export function runningProcesses(): RunningProcess[] {
  const text = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,args="], { encoding: "utf8" });
  return text
    .trim()
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line)!)
    .filter(([, , , state]) => !state.startsWith("Z"))
    .map(([, pid, parent, , command]) => ({ pid: Number(pid), parent: Number(parent), command }));
}

export function childrenOf(parent: number): RunningProcess[] {
  return runningProcesses().filter((each) => each.parent === parent);
}

export function isRunning(pid: number): boolean {
  return runningProcesses().some((each) => each.pid === pid);
}
