import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import {
  DEPLOYMENTS_FILE,
  type FunctionDocument,
  GATEWAY_FILE,
  LOG_FILE,
  type RegionDocument,
  STATE_FOLDER,
} from "../spec";
import { serveAdminApi } from "./admin/adminApi";
import { AdminServer } from "./admin/adminServer";
import { CronScheduler } from "./crons/cronScheduler";
import { DeploymentHistory } from "./deploymentHistory";
import { type DocumentSet, idleReason } from "./documents/documentSet";
import { type FolderChange, FolderSource } from "./documents/folderSource";
import { EndpointServer } from "./endpoints/endpointServer";
import { FunctionHost } from "./functions/functionHost";
import { MessageTriggers } from "./functions/messageTriggers";
import { type Gateway, type GatewayOptions, type GatewayStatus } from "./gatewayOptions";
import { Launcher } from "./instances/launcher";
import { LinkServer } from "./instances/linkServer";
import { GatewayError } from "./invocations/gatewayError";
import { type Invocation } from "./invocations/invocation";
import { LogBook } from "./logs/logBook";
import { type MessageStore } from "./queues/messageStore";
import { openEmbeddedStore } from "./queues/embeddedStore";
import { publishRequest } from "./queues/publishRequest";

export type { Gateway, GatewayOptions, GatewayStatus, LogRecord } from "./gatewayOptions";

const NO_DOCUMENTS: DocumentSet = { region: undefined, functions: [], routes: [], queues: [], crons: [], problems: [] };
const STOPPING = new GatewayError(503, "Stopping", "the gateway is stopping", 1);

/**
 * Serves a region's folder: its endpoints, queues and crons.
 *
 * @throws Error when the folder has no valid `region.json`, when the port is taken, or when another gateway serves it.
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
class LocalGateway implements Gateway {
  private readonly functions = new Map<string, FunctionHost>();
  private readonly source: FolderSource;
  private readonly endpoints: EndpointServer;
  private readonly admin = new AdminServer();
  private readonly triggers: MessageTriggers;
  private readonly crons: CronScheduler;
  private readonly history: DeploymentHistory;
  private readonly rootSecret = randomBytes(32);
  private links: LinkServer | undefined;
  private launcher: Launcher | undefined;
  private documents = NO_DOCUMENTS;
  private serving = false;
  private stopping: Promise<void> | undefined;
  url = "";

  constructor(
    private readonly options: GatewayOptions,
    private readonly state: string,
    private readonly logs: LogBook,
    private readonly store: MessageStore,
  ) {
    const find = (name: string) => this.functions.get(name);
    this.history = new DeploymentHistory(join(state, DEPLOYMENTS_FILE));
    this.source = new FolderSource(
      options.folder,
      (change) => this.apply(change),
      (message) => logs.note("error", message),
    );
    this.endpoints = new EndpointServer({
      host: options.host ?? "127.0.0.1",
      port: () => options.port ?? this.region.port ?? 0,
      find,
      publish: (request, response, queue, requestId) => {
        if (!this.hasQueue(queue)) throw new GatewayError(404, "QueueNotFound", `there is no queue "${queue}"`);
        publishRequest(request, response, queue, store, requestId);
      },
    });
    this.triggers = new MessageTriggers({
      store,
      find,
      onDeadLetter: (trigger, letter) =>
        logs.add({
          time: Date.now(),
          level: "error",
          source: "gateway",
          function: trigger.function,
          message: `${trigger.kind.toLowerCase()} "${trigger.name}": message ${letter.id} is now in the dead-letter queue after ${letter.attempts} deliveries: ${letter.reason}`,
        }),
      onProblem: (message) => logs.note("error", message),
    });
    this.crons = new CronScheduler({ store, onLog: (level, message) => logs.note(level, message) });
    serveAdminApi(this.admin, {
      region: () => this.region,
      status: () => this.status(),
      find,
      hasQueue: (queue) => this.hasQueue(queue),
      store,
      logs,
    });
  }

  async start(): Promise<void> {
    this.links = await LinkServer.listen({
      rootSecret: this.rootSecret,
      find: (hello) => {
        const host = this.functions.get(hello.function);
        if (host?.isAwaited(hello) !== true) return undefined;
        return { events: host.linkEvents, admit: (link) => host.admit(link) };
      },
      onRefused: (message) => this.logs.note("warn", `a link was refused: ${message}`),
    });
    this.launcher = new Launcher({
      folder: this.options.folder,
      projectFolder: this.options.projectFolder,
      linkAddress: this.links.address,
      rootSecret: this.rootSecret,
    });
    await this.source.start();
    if (this.documents.region === undefined)
      throw new Error(
        `${this.options.folder} holds no region: ${this.documents.problems.join("; ") || "region.json is missing"}`,
      );
    const port = await this.endpoints.listen();
    this.url = `http://localhost:${port}`;
    const adminUrl = await this.admin.listen();
    this.serving = true;
    await this.startTriggers();
    const address = { pid: process.pid, url: this.url, adminUrl, token: this.admin.token };
    await writeFile(join(this.state, GATEWAY_FILE), JSON.stringify(address), { mode: 0o600 });
  }

  async status(): Promise<GatewayStatus> {
    const { documents } = this;
    const firings = this.crons.nextFirings();
    return {
      region: this.region,
      url: this.url,
      pid: process.pid,
      functions: [...this.functions.values()].map((host) => host.status()),
      routes: documents.routes.map(({ name, method, path, function: target }) => ({
        name,
        method,
        path,
        function: target,
      })),
      queues: await Promise.all(
        documents.queues.map(async ({ name, queue, function: target }) => ({
          name,
          queue,
          function: target,
          ...(await this.store.counts(queue)),
        })),
      ),
      crons: documents.crons.map(({ name, schedule, timezone, function: target }) => ({
        name,
        schedule,
        timezone,
        function: target,
        nextFiring: firings.get(name) ?? null,
      })),
      problems: documents.problems,
    };
  }

  reload(): Promise<void> {
    return this.source.reload();
  }

  stop(): Promise<void> {
    this.stopping ??= this.stopInOrder();
    return this.stopping;
  }

  /** What brings work in stops first, then what does it, then what keeps it. */
  private async stopInOrder(): Promise<void> {
    await this.source.stop();
    await this.crons.stop();
    const drained = this.triggers.stop();
    if (this.serving) await this.endpoints.close();
    await drained;
    await Promise.all([...this.functions.values()].map((host) => host.stop(STOPPING)));
    await this.links?.close();
    if (this.serving) await this.admin.close();
    await rm(join(this.state, GATEWAY_FILE), { force: true });
    await this.store.close();
    await this.history.close();
    await this.logs.close();
  }

  private get region(): RegionDocument {
    return this.documents.region!;
  }

  private hasQueue(queue: string): boolean {
    return this.documents.queues.some((document) => document.queue === queue);
  }

  private async apply({ documents, secretsChanged }: FolderChange): Promise<void> {
    const { region } = documents;
    for (const problem of documents.problems)
      if (!this.documents.problems.includes(problem)) this.logs.note("error", problem);
    // the folder of a region that is being removed empties file by file; what is served is served until the end
    if (region === undefined) {
      this.documents = { ...this.documents, problems: documents.problems };
      return;
    }
    const idle = idleReason(documents);
    const wasIdle = this.documents.region === undefined ? undefined : idleReason(this.documents);
    if (this.options.testersOnly !== true && idle !== undefined && idle !== wasIdle)
      this.logs.note("warn", `region ${region.name}: ${idle}`);
    this.documents = documents;
    this.updateFunctions(documents.functions, region, secretsChanged);
    this.endpoints.update(documents.routes, region, (message) => {
      documents.problems.push(message);
      this.logs.note("error", message);
    });
    if (this.serving) await this.startTriggers();
  }

  private updateFunctions(documents: FunctionDocument[], region: RegionDocument, secretsChanged: boolean): void {
    const names = new Set(documents.map(({ name }) => name));
    for (const [name, host] of this.functions)
      if (!names.has(name)) {
        this.functions.delete(name);
        void host.stop(new GatewayError(503, "FunctionRemoved", `function "${name}" was removed`));
      }
    for (const document of documents) {
      const host = this.functions.get(document.name);
      if (host?.current.version !== document.version) this.history.deployed(document);
      if (host === undefined) this.functions.set(document.name, this.newHost(document, region));
      else host.update(document, region, secretsChanged);
    }
  }

  private newHost(document: FunctionDocument, region: RegionDocument): FunctionHost {
    return new FunctionHost(
      document,
      region,
      this.launcher!,
      {
        onLog: (record) => this.logs.add(record),
        onEnd: (invocation: Invocation, current, instance) =>
          this.logs.addInvocation(invocation, current.name, instance),
        onBroken: (current, reason) => this.history.failed(current, reason),
      },
      this.options.watchCode ?? false,
    );
  }

  private async startTriggers(): Promise<void> {
    this.triggers.update(this.documents.queues, this.documents.crons);
    await this.crons.update(this.documents.crons);
  }
}
