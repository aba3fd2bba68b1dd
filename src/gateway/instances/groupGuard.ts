import { type ChildProcess, spawn } from "node:child_process";
import { type Socket } from "node:net";

import { type ProcessGroups } from "../../runtime/agent/processGroup";

/** Pause before a guard that has ended is replaced. */
const RESTART_MS = 250;

/**
 * Reads which process groups there are, and ends them with SIGKILL when its input ends. A process that was about to be
 * started then is found by its environment, where there is a /proc.
 */
const SCRIPT = `
groups=' '
expected=
while read -r what value; do
  case $what in
    expect) expected=$value ;;
    add) expected= groups="$groups$value " ;;
    remove) groups="\${groups%% $value *} \${groups#* $value }" ;;
  esac
done
for group in $groups; do kill -9 "-$group"; done
[ -z "$expected" ] && exit
sleep 0.2
for file in /proc/[0-9]*/environ; do
  pid=\${file#/proc/}
  pid=\${pid%/environ}
  tr '\\0' '\\n' <"$file" | grep -qxF -e "$expected" && kill -9 "-$pid"
done
`;

/**
 * Ends process groups when this process ends without having done so itself: when it is killed, say. A shell does it that
 * waits for the end of a pipe, the other end of which nobody has but this process.
 */
export class GroupGuard implements ProcessGroups {
  private readonly groups = new Set<number>();
  private shell: ChildProcess | undefined;
  private restartTimer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly onProblem: (message: string) => void) {}

  /** Starts it ahead of its first group, which then need not wait for that. */
  start(): void {
    if (this.shell !== undefined || this.closed) return;
    const shell = spawn("/bin/sh", ["-c", SCRIPT], {
      cwd: "/",
      env: { PATH: process.env.PATH },
      stdio: ["pipe", "ignore", "ignore"],
      // a Ctrl-C in a terminal goes to all of a group, and is for the gateway to act on
      detached: true,
    });
    this.shell = shell;
    const onEnd = (reason: string) => {
      if (this.shell !== shell) return;
      this.shell = undefined;
      this.onProblem(
        `the shell that ends instances when the gateway is killed ${reason}; it is started again as long as there are any`,
      );
      if (this.groups.size > 0) this.restartTimer = setTimeout(() => this.start(), RESTART_MS).unref();
    };
    shell.on("error", (error) => onEnd(`could not be started: ${error.message}`));
    shell.on("exit", (code, signal) => onEnd(`has ended (${signal ?? `code ${code}`})`));
    // that it has gone is said once, by its exit
    shell.stdin?.on("error", () => undefined);
    // it keeps no gateway from ending
    shell.unref();
    (shell.stdin as Socket | null)?.unref();
    for (const group of this.groups) this.tell(`add ${group}`);
  }

  expect(entry: string): void {
    this.start();
    this.tell(`expect ${entry}`);
  }

  add(group: number | undefined): void {
    if (group !== undefined) this.groups.add(group);
    this.tell(`add ${group ?? ""}`);
  }

  remove(group: number): void {
    if (this.groups.delete(group)) this.tell(`remove ${group}`);
  }

  /** There are no groups any more. */
  close(): void {
    this.closed = true;
    clearTimeout(this.restartTimer);
    const { shell } = this;
    this.shell = undefined;
    shell?.stdin?.end();
  }

  private tell(line: string): void {
    this.shell?.stdin?.write(`${line}\n`);
  }
}
