import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildSync } from "esbuild";

import { type LinkGatewayRequest } from "./children/linkGateway";
import { type Call, type LinkGatewayOptions } from "./linkGateway";

type Question = LinkGatewayRequest extends infer Each ? (Each extends unknown ? Omit<Each, "id"> : never) : never;

export interface ProcessAnswer {
  status: number;
  text: string;
  errorType: string | undefined;
}

let bundle: string | undefined;
const running = new Set<LinkGatewayProcess>();

/** A `LinkGateway` in a process of its own: for tests that kill it, or stop it for a while. */
export class LinkGatewayProcess {
  address = "";
  private readonly child: ChildProcess;
  private readonly open = new Map<number, (result: unknown) => void>();
  private lastId = 0;

  private constructor([command, ...args]: string[]) {
    bundle ??= build();
    this.child = spawn(command, [...args, bundle], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.child.on("message", ({ id, result }: { id: number; result: unknown }) => {
      this.open.get(id)?.(result);
      this.open.delete(id);
    });
    running.add(this);
  }

  /** @param command - That runs the process; Node.js itself by default. */
  static async start(options: LinkGatewayOptions, command = [process.execPath]): Promise<LinkGatewayProcess> {
    const gateway = new LinkGatewayProcess(command);
    gateway.address = (await gateway.ask({ start: options })) as string;
    return gateway;
  }

  /** Never resolves when the process is killed before there is an answer. */
  invoke(functionName: string, call: Omit<Call, "body"> & { bodyBytes?: number } = {}): Promise<ProcessAnswer> {
    return this.ask({ invoke: { functionName, call } }) as Promise<ProcessAnswer>;
  }

  async setPeers(addresses: string[]): Promise<void> {
    await this.ask({ setPeers: addresses });
  }

  /** What instances did, see `LinkGateway.events`. */
  events(): Promise<string[]> {
    return this.ask({ events: true }) as Promise<string[]>;
  }

  /** Invocations that its instances run. */
  running(functionName: string): Promise<number> {
    return this.ask({ running: functionName }) as Promise<number>;
  }

  async close(): Promise<void> {
    await this.ask({ close: true });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  private ask(question: Question): Promise<unknown> {
    const id = ++this.lastId;
    return new Promise((resolve) => {
      this.open.set(id, resolve);
      this.child.send({ id, ...question });
    });
  }
}

/** Ends all of them, and removes what they were run from. */
export function killLinkGateways(): void {
  for (const gateway of running) gateway.kill("SIGKILL");
  running.clear();
  if (bundle !== undefined) rmSync(dirname(bundle), { recursive: true });
  bundle = undefined;
}

function build(): string {
  const outfile = join(mkdtempSync(join(tmpdir(), "fullcode-gateway-")), "linkGateway.cjs");
  buildSync({
    entryPoints: [join(__dirname, "children", "linkGateway.ts")],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
  });
  return outfile;
}
