import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";

/** Where the figures come from: they mean little without it. */
export function environment() {
  const all = cpus();
  return {
    time: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    v8: process.versions.v8,
    kernel: release(),
    cores: all.length,
    cpu: all[0]?.model.trim() ?? "unknown",
    memoryMiB: Math.round(totalmem() / 1024 / 1024),
    loadAverageBefore: loadavg().map((each) => Number(each.toFixed(2))),
  };
}

function commit() {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" }).trim();
  } catch {
    // a downloaded archive has no history
    return "unknown";
  }
}
