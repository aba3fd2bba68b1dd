import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

import { freePorts } from "./freePorts";
import { waitUntil } from "./waitUntil";

const binary = findBinary();

/**
 * Declares tests that need a NATS server, which is the program that NATS_SERVER names, `nats-server` on PATH, or the one
 * that was built for the test cluster. Skips them, and says so, where there is none.
 */
export const describeWithNats: jest.Describe = binary === undefined ? describe.skip : describe;

if (binary === undefined)
  console.warn("SKIPPED: tests of NATS need `nats-server` on PATH or its path in NATS_SERVER (nats.io/download)");

export interface NatsServerOptions {
  /** @default that of the platform's own server */
  maxPayload?: string;
  user?: string;
  password?: string;
  /** Subjects that the user may publish to, and subscribe to. @default all */
  allow?: { publish: string[]; subscribe: string[] };
  /** Makes it one of several servers. */
  cluster?: { name: string; port: number; routes: number[] };
}

/** A NATS server with JetStream that keeps its port and its files while it is stopped and started. */
export class NatsServer {
  readonly port: number;
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
  }

  /** Prepares a server that is yet to be started. */
  static async prepare(options: NatsServerOptions = {}): Promise<NatsServer> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), "fullcode-nats-")));
    const server = new NatsServer(folder, (await freePorts(1))[0]);
    await server.configure(options);
    return server;
  }

  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = await NatsServer.prepare(options);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Process id while it runs. */
  get pid(): number {
    return this.#child!.pid!;
  }

  /** Writes the configuration that the next start reads. */
  async configure({ maxPayload = "8MB", user, password, allow, cluster }: NatsServerOptions): Promise<void> {
    const lines = [
      `listen: "127.0.0.1:${this.port}"`,
      `max_payload: ${maxPayload}`,
      `jetstream { store_dir: ${JSON.stringify(join(this.#folder, "data"))} }`,
    ];
    if (user !== undefined) {
      const permissions = allow === undefined ? "" : `, permissions: ${JSON.stringify(allow)}`;
      lines.push(`authorization { users: [{ user: "${user}", password: "${password}"${permissions} }] }`);
    }
    if (cluster !== undefined) {
      const routes = cluster.routes.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
      lines.push(`server_name: ${cluster.name}`);
      lines.push(`cluster { name: test, listen: "127.0.0.1:${cluster.port}", routes: [${routes}] }`);
    }
    await writeFile(join(this.#folder, "nats.conf"), lines.join("\n"));
  }

  async start(): Promise<void> {
    const child = spawn(binary!, ["-c", join(this.#folder, "nats.conf")], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (log += chunk));
    await waitUntil("the NATS server listens", async () => {
      if (child.exitCode !== null) throw new Error(`nats-server ended: ${log}`);
      return log.includes("Server is ready") && (await accepts(this.port));
    });
  }

  /** Ends the process as an orderly shutdown, or as a crash. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  async restart(signal?: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.stop(signal);
    await this.start();
  }

  /** Deletes all that is kept, as the loss of a volume. */
  async wipe(): Promise<void> {
    await rm(join(this.#folder, "data"), { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    await this.stop("SIGKILL");
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Starts servers that form a cluster; streams can have as many replicas. */
export async function startNatsCluster(size: number): Promise<NatsServer[]> {
  const routes = await freePorts(size);
  const servers = await Promise.all(
    routes.map((port, index) => NatsServer.prepare({ cluster: { name: `nats-${index}`, port, routes } })),
  );
  await Promise.all(servers.map((server) => server.start()));
  return servers;
}

function findBinary(): string | undefined {
  const built = join(homedir(), ".cache", "fullcode-test-cluster", "nats-server");
  const candidates = [process.env.NATS_SERVER, "nats-server", built].filter((path) => path !== undefined);
  return candidates.find(
    (path) => (!path.includes("/") || existsSync(path)) && spawnSync(path, ["--version"]).status === 0,
  );
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    }).on("error", () => resolve(false));
  });
}
