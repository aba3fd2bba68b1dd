import { type ChildProcess } from "node:child_process";

import { readLines } from "../../link/outputLines";
import { type ProcessGroups, signalGroup, spawnLeader } from "./processGroup";

/** Time that output of a bootstrap that has ended is waited for; a child that left the group may hold the pipes open. */
const OUTPUT_GRACE_MS = 500;

export interface BootstrapEvents {
  onLine(stream: "stdout" | "stderr", line: string): void;
  /** @param description - Completes "the bootstrap …". */
  onExit(description: string, code: number | null): void;
}

export interface BootstrapOptions {
  folder: string;
  environment: Record<string, string>;
  memoryMiB: number;
  /** Is told of the process group while there is one. */
  groups?: ProcessGroups;
}

/** A running bootstrap, in a process group of its own with whatever it starts. */
export class BootstrapProcess {
  private readonly child: ChildProcess;
  private killTimer: NodeJS.Timeout | undefined;
  private killed = false;
  private ended = false;

  /** @throws Error where the operating system does not even try to start it. */
  constructor(
    file: string,
    options: BootstrapOptions,
    private readonly events: BootstrapEvents,
  ) {
    const { folder, environment, groups } = options;
    this.child = spawnLeader(file, [], { folder, environment, groups, mark: "RUNTIME_API_ADDR" });
    const { pid } = this.child;
    for (const stream of ["stdout", "stderr"] as const)
      // a process that could not be made has no streams
      if (this.child[stream]) readLines(this.child[stream], (line) => events.onLine(stream, line));
    this.child.on("error", (error) => {
      if (pid === undefined) this.finish(`could not be started: ${error.message}`, null);
    });
    this.child.once("exit", (code, signal) => {
      clearTimeout(this.killTimer);
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
    signalGroup(this.child.pid, "SIGTERM");
    this.killTimer = setTimeout(() => {
      onKill();
      this.kill();
    }, graceMs);
  }

  kill(): void {
    if (this.ended) return;
    this.killed = true;
    signalGroup(this.child.pid, "SIGKILL");
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
