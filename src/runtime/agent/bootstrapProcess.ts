import { type ChildProcess, spawn } from "node:child_process";

import { readLines } from "../../link/outputLines";
import { signalGroup } from "./processGroup";

/** Time that output of a bootstrap that has ended is waited for; a child that left the group may hold the pipes open. */
const OUTPUT_GRACE_MS = 500;

export interface BootstrapEvents {
  onLine(stream: "stdout" | "stderr", line: string): void;
  /** @param description - Completes "the bootstrap …". */
  onExit(description: string, code: number | null): void;
}

/** A running bootstrap and its children. */
export class BootstrapProcess {
  private readonly child: ChildProcess;
  private killTimer: NodeJS.Timeout | undefined;
  private killed = false;
  private ended = false;

  constructor(
    file: string,
    options: { folder: string; environment: Record<string, string>; memoryMiB: number },
    private readonly events: BootstrapEvents,
  ) {
    this.child = spawn(file, [], {
      cwd: options.folder,
      env: options.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of ["stdout", "stderr"] as const)
      readLines(this.child[stream]!, (line) => events.onLine(stream, line));
    this.child.once("error", (error) => this.finish(`could not be started: ${error.message}`, null));
    this.child.once("exit", (code, signal) => {
      clearTimeout(this.killTimer);
      // what it started may not outlive it, nor answer in its place
      signalGroup("SIGKILL");
      const description = describeExit(code, signal, this.killed, options.memoryMiB);
      const late = setTimeout(() => this.finish(description, code), OUTPUT_GRACE_MS);
      this.child.once("close", () => {
        clearTimeout(late);
        this.finish(description, code);
      });
    });
  }

  /** Asks the bootstrap and its children to end, and ends them when they have not after a while. */
  end(graceMs: number, onKill: () => void): void {
    if (this.ended || this.killTimer !== undefined) return;
    this.signal("SIGTERM");
    this.killTimer = setTimeout(() => {
      onKill();
      this.kill();
    }, graceMs);
  }

  kill(): void {
    if (this.ended) return;
    this.killed = true;
    this.signal("SIGKILL");
  }

  private signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
    signalGroup(signal);
  }

  private finish(description: string, code: number | null): void {
    if (this.ended) return;
    this.ended = true;
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
    this.events.onExit(description, code);
  }
}

const HINTS_BY_CODE: Record<number, string> = {
  126: " (a command that it runs is not executable)",
  127: " (a command that it runs is not installed here)",
};

function describeExit(code: number | null, signal: NodeJS.Signals | null, killed: boolean, memoryMiB: number): string {
  if (signal === null) return `exited with code ${code}${HINTS_BY_CODE[code ?? 0] ?? ""}`;
  if (signal === "SIGKILL" && !killed)
    return `was ended by SIGKILL (as when it uses more than its memory of ${memoryMiB} MiB)`;
  if (signal === "SIGILL") return "was ended by SIGILL (as when it is built for a newer processor)";
  return `was ended by ${signal}`;
}
