import { type ChildProcess, spawn } from "node:child_process";

/** Sends a signal to a process that leads a group, and to whatever of the group there is. */
export function signalGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  // a process that could not be started
  if (leader === undefined) return;
  try {
    process.kill(-leader, signal);
  } catch (error) {
    // nobody is left, or only what has become another user's, which is not for us to end
    if (!["ESRCH", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Process groups that must not outlive this process. */
export interface ProcessGroups {
  /** A process is about to be started whose environment has this entry, `NAME=value`. */
  expect(entry: string): void;
  /** The process that was expected leads the group of this id; undefined when it could not be started. */
  add(group: number | undefined): void;
  remove(group: number): void;
}

export interface LeaderOptions {
  folder: string;
  environment: NodeJS.ProcessEnv;
  /** Is told of the process group while there is one. */
  groups?: ProcessGroups;
  /** Variable whose value no other process has. */
  mark: string;
}

/**
 * Starts a process that leads a group of its own, without input.
 *
 * @throws Error where the operating system does not even try.
 */
export function spawnLeader(
  command: string,
  args: string[],
  { folder, environment, groups, mark }: LeaderOptions,
): ChildProcess {
  groups?.expect(`${mark}=${environment[mark]}`);
  let child: ChildProcess | undefined;
  try {
    child = spawn(command, args, {
      cwd: folder,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
  } finally {
    groups?.add(child?.pid);
  }
  child.once("exit", () => {
    // what it started may not outlive it, nor answer in its place
    signalGroup(child.pid, "SIGKILL");
    groups?.remove(child.pid!);
  });
  return child;
}
