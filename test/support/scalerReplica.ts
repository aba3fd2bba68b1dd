import { type FunctionLoad, type LocalLoads, type ScaledFunction } from "../../src/gateway/scaling/functionLoad";
import { peerTokens } from "../../src/gateway/scaling/peerToken";
import { ScalerServer, type ScalerServerOptions } from "../../src/gateway/scaling/scalerServer";
import { API_VERSION, functionDocument, type LinkRoots } from "../../src/spec";

const NOTHING: FunctionLoad = { held: 0, running: 0, withoutCapacity: false, idleMs: Infinity, instances: [] };

export const ROOTS: LinkRoots = { current: { generation: 1, secret: Buffer.alloc(32, 1).toString("base64") } };

/** One gateway replica's scaler on loopback, with loads as the test says. */
export class ScalerReplica implements LocalLoads {
  readonly server: ScalerServer;
  readonly logs: string[] = [];
  roots = ROOTS;
  port = 0;
  /** How often the load of each function was asked for. */
  readonly asked = new Map<string, number>();
  private readonly scaled = new Map<string, ScaledFunction>();
  private readonly current = new Map<string, Partial<FunctionLoad>>();

  constructor(options: Pick<ScalerServerOptions, "peers" | "store"> & Partial<ScalerServerOptions>) {
    this.server = new ScalerServer({
      leavingPeers: () => [],
      ...options,
      loads: this,
      tokens: () => peerTokens(this.roots),
      onLog: (level, message) => this.logs.push(`${level}: ${message}`),
    });
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async listen(port = 0): Promise<void> {
    this.port = await this.server.listen({ host: "127.0.0.1", port });
  }

  declare(name: string, { concurrency = 16, queues = [] }: { concurrency?: number; queues?: string[] } = {}): void {
    const document = functionDocument.parse({
      kind: "Function",
      apiVersion: API_VERSION,
      name,
      version: "1",
      runtime: "nodejs",
      concurrency,
    });
    this.scaled.set(name, { document, queues });
  }

  set(name: string, load: Partial<FunctionLoad>): void {
    this.current.set(name, load);
  }

  /** A first invocation waits for a function that has no instance. */
  hold(name: string): void {
    this.set(name, { held: 1, withoutCapacity: true, idleMs: 0 });
    this.server.activate(name);
  }

  functions(): Map<string, ScaledFunction> {
    return this.scaled;
  }

  load(name: string): FunctionLoad | undefined {
    this.asked.set(name, (this.asked.get(name) ?? 0) + 1);
    return this.scaled.has(name) ? { ...NOTHING, ...this.current.get(name) } : undefined;
  }
}
