import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** Processes of a test that print a line for each thing they do; ended with SIGKILL. */
export class ChildScripts {
  readonly #children: ChildProcess[] = [];

  /** Starts a script with Node.js; `lines` grows with its whole lines of output. */
  start(script: string, args: (string | number)[], shellPrefix = ""): { child: ChildProcess; lines: string[] } {
    const command = [process.execPath, script, ...args.map(String)];
    const child = spawn("/bin/sh", ["-c", `${shellPrefix} exec "$@"`, "sh", ...command], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#children.push(child);
    const lines: string[] = [];
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop()!;
      lines.push(...parts);
    });
    return { child, lines };
  }

  /** Ends a child with SIGKILL and waits until its output has been read. */
  async end(child: ChildProcess): Promise<void> {
    if (child.stdout!.closed) return;
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  }

  async endAll(): Promise<void> {
    await Promise.all(this.#children.splice(0).map((child) => this.end(child)));
  }
}
