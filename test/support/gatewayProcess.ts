import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { type TestRegion } from "./region";

const SCRIPT = join(__dirname, "children", "gateway.cjs");

/** A gateway in a process of its own, from `dist/`: for tests that kill it. */
export class GatewayProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    readonly exited: Promise<number | null>,
    /** What it wrote to its error output. */
    readonly errors: readonly string[],
  ) {}

  /** @throws Error with what the process wrote when it ends before it serves. */
  static async start(
    region: TestRegion,
    options: { watchCode?: boolean; port?: number } = {},
  ): Promise<GatewayProcess> {
    if (!existsSync(join(__dirname, "../../dist/gateway/gateway.js")))
      throw new Error("these tests start processes from dist/: run `npm run build` first");
    const given = { folder: region.folder, projectFolder: region.projectFolder, port: 0, ...options };
    const child = spawn(process.execPath, [SCRIPT, JSON.stringify(given)], { stdio: ["ignore", "pipe", "pipe"] });
    const errors: string[] = [];
    child.stderr.setEncoding("utf8").on("data", (text: string) => errors.push(text));
    const exited = once(child, "close").then(([code]) => code as number | null);
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([once(lines, "line"), exited]);
    if (!Array.isArray(first)) throw new Error(`the gateway ended with code ${first}: ${errors.join("")}`);
    return new GatewayProcess(child, first[0] as string, exited, errors);
  }

  get pid(): number {
    return this.child.pid!;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** @returns the exit code; null after a SIGKILL. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }
}
