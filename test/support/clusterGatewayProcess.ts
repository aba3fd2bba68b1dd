import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { buildSync } from "esbuild";

import { type LogRecord } from "../../src/gateway/gatewayOptions";
import { type LinkRoots } from "../../src/spec";
import { type ApiServer } from "./apiServer";
import { type ClusterGatewayRequest } from "./children/clusterGateway";
import { freePorts } from "./freePorts";
import { call, type CallAnswer } from "./httpClient";
import { linkRoots } from "./linkGateway";
import { REPOSITORY } from "./project";

export interface ClusterGatewayProcessOptions {
  /** A folder of the test's own: for the gateway's files. */
  folder: string;
  roots?: LinkRoots;
  caFile?: string;
}

let bundle: string | undefined;
const running = new Set<ClusterGatewayProcess>();
// once for all tests of a file: it takes seconds
afterAll(() => {
  if (bundle !== undefined) rmSync(dirname(bundle), { recursive: true });
});

/** The gateway of a `kubernetes()` region in a process of its own. */
export class ClusterGatewayProcess {
  readonly logs: LogRecord[] = [];
  /** What it wrote to its error output. */
  errors = "";
  readonly exited: Promise<number | null>;

  private constructor(
    private readonly child: ChildProcess,
    readonly ports: ClusterGatewayRequest["ports"],
  ) {
    createInterface({ input: child.stdout! }).on("line", (line) => this.logs.push(JSON.parse(line) as LogRecord));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.errors += text));
    this.exited = once(child, "close").then(([code]) => code as number | null);
    running.add(this);
  }

  /** @returns as soon as there is a process; it may not listen yet. */
  static async start(
    apiServer: ApiServer,
    { folder, roots = linkRoots(1), caFile }: ClusterGatewayProcessOptions,
  ): Promise<ClusterGatewayProcess> {
    const [http, published, link, admin, scaler, probe] = await freePorts(6);
    const ports = { http, published, link, admin, scaler, probe };
    const request: ClusterGatewayRequest = { apiServer: apiServer.url, ports, roots, folder, caFile };
    bundle ??= build();
    const child = spawn(process.execPath, [bundle, JSON.stringify(request)], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, NODE_PATH: join(REPOSITORY, "node_modules") },
    });
    return new ClusterGatewayProcess(child, ports);
  }

  /** What it logged about itself, e.g. `warn: …`. */
  get notes(): string[] {
    return this.logs.filter(({ source }) => source === "gateway").map(({ level, message }) => `${level}: ${message}`);
  }

  /** Why it is not ready; undefined when it is. */
  async unreadyReason(): Promise<string | undefined> {
    try {
      const { status, text } = await call(`http://127.0.0.1:${this.ports.probe}/ready`);
      return status === 200 ? undefined : text.trim();
    } catch {
      return "it does not answer";
    }
  }

  call(path: string): Promise<CallAnswer> {
    return call(`http://127.0.0.1:${this.ports.http}${path}`);
  }

  /** Reads nothing more of what it logs: the next line cannot be written. */
  closeLog(): void {
    this.child.stdout!.destroy();
  }

  /** Makes something in it fail that nobody awaits. */
  fail(): void {
    this.child.send("fail");
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** Ends all of them with SIGKILL. */
export async function killClusterGateways(): Promise<void> {
  for (const gateway of running) {
    gateway.kill("SIGKILL");
    await gateway.exited;
  }
  running.clear();
}

function build(): string {
  const outfile = join(mkdtempSync(join(tmpdir(), "fullcode-gateway-")), "clusterGateway.cjs");
  buildSync({
    entryPoints: [join(__dirname, "children", "clusterGateway.ts")],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    external: ["lmdb", "esbuild"],
  });
  return outfile;
}
