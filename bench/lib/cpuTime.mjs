import { readdirSync, readFileSync } from "node:fs";

const TICK_MICROSECONDS = 10_000;

/**
 * CPU time of a process and all of its descendants, in microseconds.
 *
 * Running threads are read from the scheduler's own account, which counts nanoseconds (`/proc/<pid>/task/<tid>/schedstat`);
 * `utime` and `stime` of the same processes count ticks of 10 ms. Children that have ended, and were waited for by a
 * process that still runs, are added from its `cutime` and `cstime`, in ticks.
 *
 * @throws Error where there is no such account: the benchmarks need Linux.
 */
export function cpuMicroseconds(pid) {
  let total = 0;
  for (const each of descendants(pid)) total += liveMicroseconds(each) + reapedMicroseconds(each);
  return total;
}

/** A process and all of its descendants, those in other process groups included. */
export function descendants(pid) {
  const found = [pid];
  for (const each of found) for (const thread of list(`/proc/${each}/task`)) found.push(...childrenOf(each, thread));
  return found;
}

function childrenOf(pid, thread) {
  const text = read(`/proc/${pid}/task/${thread}/children`);
  return text.split(" ").filter(Boolean).map(Number);
}

function liveMicroseconds(pid) {
  let nanoseconds = 0;
  for (const thread of list(`/proc/${pid}/task`)) {
    const [onCpu] = read(`/proc/${pid}/task/${thread}/schedstat`).split(" ");
    nanoseconds += Number(onCpu);
  }
  return nanoseconds / 1000;
}

function reapedMicroseconds(pid) {
  const stat = read(`/proc/${pid}/stat`);
  // the command's name may hold spaces; what follows its closing bracket begins with field 3
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [userTicks, systemTicks] = [fields[13], fields[14]];
  return (Number(userTicks ?? 0) + Number(systemTicks ?? 0)) * TICK_MICROSECONDS;
}

/** Threads and processes may end between listing and reading; they count as nothing. */
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ESRCH") return "";
    throw error;
  }
}

function list(folder) {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ESRCH") return [];
    throw error;
  }
}
