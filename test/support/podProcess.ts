import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

import { type InstanceConfig } from "../../src/link/instanceConfig";
import { linkToken } from "../../src/link/linkToken";
import { type LinkRoots } from "../../src/spec";
import { codeFolder, type FileSpec, removeCodeFolders } from "./codeFolder";
import { freePorts } from "./freePorts";
import { call, type CallAnswer } from "./httpClient";
import { REPOSITORY } from "./project";
import { childrenOf } from "./processes";
import { waitUntil } from "./waitUntil";

export interface PodOptions {
  function: string;
  /** `name:port` of the gateways. */
  gateways: string;
  roots: LinkRoots;
  /** Source of `src/index.js`, or all files. */
  code: string | Record<string, FileSpec>;
  /** @default "custom" where the code has a `bootstrap` */
  runtime?: "nodejs" | "custom";
  concurrency?: number;
  timeoutSeconds?: number;
  /** @default the current one */
  generation?: number;
  /** @default the one that the function's instances have */
  token?: string;
  /** Name of the pod. */
  name?: string;
  /** More of the instance's configuration. */
  config?: Partial<InstanceConfig>;
  /** Command that runs the process, as its arguments; Node.js itself by default. */
  command?: string[];
}

const pods = new Set<PodProcess>();
let created = 0;

/** An instance as a pod has it: the runtime of `dist/` in a process of its own, linked over TCP. */
export class PodProcess {
  exitCode: number | null | undefined;
  signal: NodeJS.Signals | null = null;
  output = "";
  readonly codeFolder: string;
  private readonly child: ChildProcess;

  private constructor(
    readonly name: string,
    private readonly probePort: number,
    options: PodOptions,
  ) {
    const files = typeof options.code === "string" ? { "src/index.js": options.code } : options.code;
    const { runtime = "bootstrap" in files ? "custom" : "nodejs" } = options;
    this.codeFolder = codeFolder(files);
    const generation = options.generation ?? options.roots.current.generation;
    const root = [options.roots.current, options.roots.previous].find((each) => each?.generation === generation);
    const config: InstanceConfig = {
      cluster: { gateways: options.gateways, generation, probePort },
      function: options.function,
      version: "v1",
      codeFolder: this.codeFolder,
      concurrency: options.concurrency ?? 1,
      timeoutSeconds: options.timeoutSeconds ?? 30,
      initSeconds: 20,
      memoryMiB: 256,
      cpuCores: 1,
      responseBytes: 6 * 1024 * 1024,
      app: {
        appName: "shop",
        environmentName: "production",
        environmentType: "production",
        apiBaseUrl: "https://shop.example.com",
        queueBaseUrl: "http://gateway.shop-test.svc/queues",
        region: "eu",
      },
      ...options.config,
    };
    const secret = Buffer.from(root?.secret ?? "", "base64");
    const main = join(REPOSITORY, "dist/runtime", runtime === "custom" ? "agent" : "node", "main.js");
    const [command, ...args] = [...(options.command ?? [process.execPath]), main];
    this.child = spawn(command, args, {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        FULLCODE_INSTANCE: JSON.stringify(config),
        FULLCODE_LINK_TOKEN: options.token ?? linkToken(secret, options.function),
        FULLCODE_POD_NAME: name,
      },
      stdio: ["ignore", "pipe", "pipe"],
      // a container's first process leads a group of its own
      detached: true,
    });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on("data", (data: Buffer) => (this.output += data.toString()));
    this.child.on("close", (code, signal) => {
      this.exitCode = code;
      this.signal = signal;
    });
    pods.add(this);
  }

  static async start(options: PodOptions): Promise<PodProcess> {
    const [probePort] = await freePorts(1);
    return new PodProcess(options.name ?? `${options.function}-${++created}`, probePort, options);
  }

  get pid(): number {
    return this.child.pid!;
  }

  probe(path: string): Promise<CallAnswer> {
    return call(`http://127.0.0.1:${this.probePort}${path}`);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async ended(timeoutMs?: number): Promise<number | null> {
    await waitUntil(`${this.name} ends`, () => this.exitCode !== undefined, timeoutMs);
    return this.exitCode!;
  }
}

/** Ends all pods and removes their code. */
export async function removePods(): Promise<void> {
  for (const pod of pods) {
    if (pod.exitCode === undefined)
      for (const { pid } of [{ pid: pod.pid }, ...childrenOf(pod.pid)])
        try {
          // a bootstrap leads a group of its own, as its agent does; in a container they end together
          process.kill(-pid, "SIGKILL");
        } catch {
          // it has ended in this moment
        }
    await pod.ended();
  }
  pods.clear();
  removeCodeFolders();
}
