import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A process, told apart from a later one that was given the same id. */
export interface ProcessIdentity {
  pid: number;
  /** When the process started, in the operating system's own words; empty where that can't be found out. */
  started: string;
}

export function currentProcess(): ProcessIdentity {
  return { pid: process.pid, started: startOf(process.pid) ?? "" };
}

/** Says whether the process still runs. A zombie does not, and neither does another process with its id. */
export function isRunning(identity: ProcessIdentity): boolean {
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const started = startOf(identity.pid);
  if (started === undefined) return false;
  return started === "" || identity.started === "" || started === identity.started;
}

/** `undefined` for a zombie, an empty string where the start can't be found out. */
function startOf(pid: number): string | undefined {
  try {
    if (process.platform === "win32") return "";
    if (process.platform !== "linux")
      return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // proc_pid_stat(5): the name in parentheses may contain anything; the state follows it, the start time is field 22.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : `${bootId}/${fields[19]}`;
  } catch {
    return "";
  }
}
