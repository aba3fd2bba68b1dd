import { readFileSync } from "node:fs";

/** Resident memory of one process, in MiB. */
export function residentMiB(pid) {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match[1]) / 1024;
}
