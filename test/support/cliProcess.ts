import { spawn } from "node:child_process";
import { join } from "node:path";

import { REPOSITORY } from "./project";
import { waitUntil } from "./waitUntil";

const MAIN = join(REPOSITORY, "dist/cli/main.js");
const running = new Set<CliProcess>();

/** A `fullcode` command in a process group of its own, as a terminal starts it. */
export class CliProcess {
  /** What it has printed, to both streams. */
  output = "";
  stdout = "";
  exitCode: number | null | undefined;
  private readonly child;

  constructor(args: string[], options: { cwd: string; env?: NodeJS.ProcessEnv }) {
    const env = { ...process.env, NO_COLOR: "1", ...options.env };
    this.child = spawn(process.execPath, [MAIN, ...args], { cwd: options.cwd, env, detached: true });
    this.child.stdin.end();
    this.child.stdout.on("data", (data: Buffer) => {
      this.stdout += data.toString();
      this.output += data.toString();
    });
    this.child.stderr.on("data", (data: Buffer) => (this.output += data.toString()));
    this.child.on("close", (code) => (this.exitCode = code));
    running.add(this);
  }

  /** Resolves when the output matches. */
  async prints(pattern: string | RegExp): Promise<void> {
    const has = () => (typeof pattern === "string" ? this.output.includes(pattern) : pattern.test(this.output));
    await waitUntil(`output matches ${pattern}`, () => has() || this.exitCode !== undefined).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.output}`);
    });
    if (!has()) throw new Error(`the command ended without printing ${pattern}:\n${this.output}`);
  }

  /** Signals the whole group, as Ctrl-C in a terminal does. */
  interrupt(signal: NodeJS.Signals = "SIGINT"): void {
    process.kill(-this.child.pid!, signal);
  }

  /** Resolves with the exit code. */
  async ended(): Promise<number | null> {
    await waitUntil("the command ends", () => this.exitCode !== undefined);
    running.delete(this);
    return this.exitCode!;
  }
}

/** Runs a command to its end. */
export async function runCli(args: string[], options: { cwd: string; env?: NodeJS.ProcessEnv }): Promise<CliProcess> {
  const command = new CliProcess(args, options);
  await command.ended();
  return command;
}

/** Ends what a failed test has left running. */
export async function stopCliProcesses(): Promise<void> {
  for (const command of running) {
    if (command.exitCode === undefined) command.interrupt("SIGKILL");
    await command.ended();
  }
}
