import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { DEPLOYMENTS_FILE, GATEWAY_FILE, LOG_FILE, STATE_FOLDER } from "../spec";
import { AdminServer } from "./admin/adminServer";
import { DeploymentHistory } from "./deploymentHistory";
import { FolderSource } from "./documents/folderSource";
import { type Gateway, type GatewayOptions } from "./gatewayOptions";
import { InstancePool } from "./instances/instancePool";
import { GroupGuard } from "./instances/groupGuard";
import { Launcher } from "./instances/launcher";
import { LocalAgents } from "./instances/localAgents";
import { LinkServer } from "./instances/linkServer";
import { LogBook } from "./logs/logBook";
import { openEmbeddedStore } from "./queues/embeddedStore";
import { type MessageStore } from "./queues/messageStore";
import { RegionGateway } from "./regionGateway";

export type { Gateway, GatewayOptions, GatewayStatus, LogRecord } from "./gatewayOptions";

/** A folder without a valid `region.json`. */
export class NoRegionError extends Error {
  override readonly name = "NoRegionError";
  constructor(folder: string, problems: readonly string[]) {
    super(`${folder} holds no region: ${problems.join("; ") || "region.json is missing"}`.replaceAll(/\s*\n\s*/g, " "));
  }
}

/**
 * Serves a region's folder: its endpoints, queues and crons.
 *
 * @throws NoRegionError when the folder has no valid `region.json`; Error when the port is taken, or when another gateway serves it.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const state = join(options.folder, STATE_FOLDER);
  await mkdir(state, { recursive: true, mode: 0o700 });
  const logs = new LogBook(join(state, LOG_FILE), options.onLog);
  const store = await openEmbeddedStore(join(state, "messages"));
  const gateway = new LocalGateway(options, state, logs, store);
  try {
    await gateway.start();
    return gateway;
  } catch (error) {
    await gateway.stop();
    throw error;
  }
}

/** The gateway of a `local()` region: functions are child processes, queues are in an embedded store. */
class LocalGateway extends RegionGateway {
  private readonly source: FolderSource;
  private readonly admin: AdminServer;
  private readonly rootSecret = randomBytes(32);
  private links: LinkServer | undefined;
  private groups: GroupGuard | undefined;
  private agents: LocalAgents | undefined;
  private launcher: Launcher | undefined;

  constructor(
    private readonly options: GatewayOptions,
    private readonly state: string,
    logs: LogBook,
    store: MessageStore,
  ) {
    const admin = new AdminServer();
    super({
      ports: [{ host: options.host ?? "127.0.0.1", port: () => this.port, side: "both" }],
      logs,
      store,
      history: new DeploymentHistory(join(state, DEPLOYMENTS_FILE)),
      admin,
      supply: (document, region, events) => new InstancePool(document, region, this.launcher!, events),
      watched: options.watchCode === true ? (document) => this.launcher!.codeFolder(document) : undefined,
      room: (host, share) => host.messageRoomToGrow(share),
      testersOnly: options.testersOnly ?? false,
    });
    this.admin = admin;
    this.source = new FolderSource(
      options.folder,
      ({ documents, secretsChanged }) => this.apply(documents, secretsChanged),
      (level, message) => logs.note(level, message),
    );
  }

  async start(): Promise<void> {
    const { folder, projectFolder } = this.options;
    const { rootSecret } = this;
    this.links = await LinkServer.listen({
      rootSecret,
      find: (hello) => {
        const host = this.hosts.get(hello.function);
        if (host?.isAwaited(hello) !== true) return undefined;
        return { events: host.linkEvents, admit: (link) => host.admit(link) };
      },
      onRefused: (message) => this.note("warn", `a link was refused: ${message}`),
    });
    const { links } = this;
    const groups = new GroupGuard((message) => this.note("warn", message));
    this.groups = groups;
    const agents = new LocalAgents({ connect: () => links.connect(), groups });
    this.agents = agents;
    this.launcher = new Launcher({
      folder,
      projectFolder,
      linkAddress: links.address,
      // instances that a function always has are started before the gateway listens
      gatewayUrl: () => this.url || `http://localhost:${this.port}`,
      rootSecret,
      agents,
      groups,
    });
    await this.source.start();
    if (!this.hasRegion) throw new NoRegionError(folder, this.documents.problems);
    const port = await this.endpoints.listen();
    this.url = `http://localhost:${port}`;
    const adminUrl = await this.admin.listen();
    this.serving = true;
    await this.startTriggers();
    const address = { pid: process.pid, url: this.url, adminUrl, token: this.admin.token };
    await writeFile(join(this.state, GATEWAY_FILE), JSON.stringify(address), { mode: 0o600 });
  }

  /** 0 for any that is free. */
  private get port(): number {
    return this.options.port ?? this.region.port ?? 0;
  }

  reload(): Promise<void> {
    return this.source.reload();
  }

  protected stopSources(): Promise<void> {
    return this.source.stop();
  }

  protected async closeLinks(): Promise<void> {
    await this.links?.close();
    this.groups?.close();
    await this.agents?.close();
  }

  protected override afterClose(): Promise<void> {
    return rm(join(this.state, GATEWAY_FILE), { force: true });
  }
}
