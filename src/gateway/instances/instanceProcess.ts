import { type ChildProcess } from "node:child_process";

import { INSTANCE_CONFIG_VARIABLE } from "../../link/instanceConfig";
import { readLines } from "../../link/outputLines";
import { type ProcessGroups, signalGroup, spawnLeader } from "../../runtime/agent/processGroup";
import { type RunningInstance, type RunningInstanceEvents } from "./runningInstance";

export interface InstanceCommand {
  command: string;
  args: string[];
  environment: Record<string, string>;
  folder: string;
  groups: ProcessGroups;
}

const KEPT_LINES = 20;
/** Time for the last output of a process that has ended; a child of its own may have the other end and keep it open. */
const OUTPUT_GRACE_MS = 500;

/** An instance in Node.js: a child process, in a process group of its own with whatever it starts. */
export class InstanceProcess implements RunningInstance {
  private readonly child: ChildProcess;
  private readonly lastErrors: string[] = [];
  private killTimer: NodeJS.Timeout | undefined;
  private exited = false;

  constructor(command: InstanceCommand, events: RunningInstanceEvents) {
    this.child = spawnLeader(command.command, command.args, { ...command, mark: INSTANCE_CONFIG_VARIABLE });
    const onEnd = (description: string) => {
      if (this.exited) return;
      this.exited = true;
      clearTimeout(this.killTimer);
      events.onExit(description);
    };
    this.child.on("error", (error) => onEnd(`could not be started: ${error.message}`));
    for (const stream of ["stdout", "stderr"] as const)
      // a process that could not be made has no streams
      if (this.child[stream])
        readLines(this.child[stream], (line) => {
          if (stream === "stderr" && this.lastErrors.push(line) > KEPT_LINES) this.lastErrors.shift();
          events.onOutput(stream, line);
        });
    this.child.on("exit", () => {
      setTimeout(() => {
        this.child.stdout?.destroy();
        this.child.stderr?.destroy();
      }, OUTPUT_GRACE_MS).unref();
    });
    this.child.on("close", (code, signal) =>
      onEnd(signal === null ? `exited with code ${code}` : `was ended by ${signal}`),
    );
  }

  get errorOutput(): string {
    return this.lastErrors.join("\n");
  }

  end(graceMs: number): void {
    if (this.exited || this.killTimer !== undefined) return;
    // the first process alone, as in a pod: what it supervises ends when its invocations have
    this.child.kill("SIGTERM");
    this.killTimer = setTimeout(() => this.kill(), graceMs);
    this.killTimer.unref();
  }

  kill(): void {
    signalGroup(this.child.pid, "SIGKILL");
  }
}
