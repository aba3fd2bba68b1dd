import { type FunctionDocument, type QueueDocument, type RegionDocument } from "../spec";
import { serveAdminApi } from "./admin/adminApi";
import { type AdminServer } from "./admin/adminServer";
import { CronScheduler } from "./crons/cronScheduler";
import { type DeploymentHistory } from "./deploymentHistory";
import { type DocumentSet, idleReason } from "./documents/documentSet";
import { type EndpointPort } from "./endpoints/endpointListener";
import { EndpointServer } from "./endpoints/endpointServer";
import { FunctionHost, type QueueShare } from "./functions/functionHost";
import { MessageTriggers } from "./functions/messageTriggers";
import { type Gateway, type GatewayStatus } from "./gatewayOptions";
import { type SupplyInstances } from "./instances/instanceSupply";
import { BodyBudget } from "./invocations/bodyBudget";
import { GatewayError } from "./invocations/gatewayError";
import { type Invocation } from "./invocations/invocation";
import { LimitedLog } from "./logs/limitedLog";
import { type LogBook } from "./logs/logBook";
import { PublishBudget } from "./queues/publishBudget";
import { publishRequest } from "./queues/publishRequest";
import { type MessageStore, type QueueCounts } from "./queues/messageStore";
import { StoreUnavailableError } from "./queues/storeErrors";

const NO_DOCUMENTS: DocumentSet = { region: undefined, functions: [], routes: [], queues: [], crons: [], problems: [] };
const STOPPING = new GatewayError(503, "Stopping", "the gateway is stopping", 1);

/** What the kinds of gateways differ in. */
export interface RegionGatewayParts {
  /** Where the endpoints are. */
  ports: readonly EndpointPort[];
  logs: LogBook;
  store: MessageStore;
  history: Pick<DeploymentHistory, "deployed" | "failed" | "close" | "all">;
  admin: AdminServer;
  supply: SupplyInstances;
  /** The file or folder whose changes replace a function's instances. */
  watched?: (document: FunctionDocument) => string;
  /** How many messages of one queue may be delivered to a function at this moment, those that are included. */
  room(host: FunctionHost, share: QueueShare): number;
  /** A region without triggers is no mistake. */
  testersOnly: boolean;
  /** An invocation has ended. */
  onInvocation?: (invocation: Invocation, document: FunctionDocument) => void;
  /** A request was refused before it was an invocation or a message. */
  onRefused?: (status: number) => void;
}

/** What every gateway does with a region's documents: endpoints, queues and crons invoke functions. */
export abstract class RegionGateway implements Gateway {
  protected readonly hosts = new Map<string, FunctionHost>();
  protected readonly endpoints: EndpointServer;
  protected readonly triggers: MessageTriggers;
  protected readonly crons: CronScheduler;
  protected documents = NO_DOCUMENTS;
  /** Endpoints are open, so triggers may run. */
  protected serving = false;
  private readonly bodies = new BodyBudget();
  private stopping: Promise<void> | undefined;
  url = "";

  protected constructor(private readonly parts: RegionGatewayParts) {
    const { logs, store, onRefused } = parts;
    const find = (name: string) => this.hosts.get(name);
    const budget = new PublishBudget();
    const storeProblems = new LimitedLog((message) => logs.note("error", message));
    const onProblem = (message: string) => storeProblems.add(message);
    this.endpoints = new EndpointServer({
      ports: parts.ports,
      find,
      publish: (arrival) => {
        this.checkQueue(arrival.queue, arrival.isFromOutside);
        publishRequest(arrival, { store, budget, onRefused, onProblem });
      },
      onRefused,
      onNote: (level, message) => logs.note(level, message),
    });
    this.triggers = new MessageTriggers({
      store,
      find,
      room: (host, share) => parts.room(host, share),
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
    serveAdminApi(parts.admin, {
      region: () => this.region,
      status: () => this.status(),
      find,
      hasQueue: (queue) => this.hasQueue(queue),
      history: () => parts.history.all(),
      store,
      logs,
    });
  }

  async status(): Promise<GatewayStatus> {
    const { documents } = this;
    const firings = this.crons.nextFirings();
    return {
      region: this.region,
      url: this.url,
      pid: process.pid,
      functions: [...this.hosts.values()].map((host) => host.status()),
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
          ...(await this.countsOf(queue)),
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

  /** Nothing where the messages cannot be reached: what else there is to say about the region can be said all the same. */
  private async countsOf(queue: string): Promise<QueueCounts | undefined> {
    try {
      return await this.parts.store.counts(queue);
    } catch (error) {
      if (error instanceof StoreUnavailableError) return undefined;
      throw error;
    }
  }

  abstract reload(): Promise<void>;

  stop(): Promise<void> {
    this.stopping ??= this.stopInOrder();
    return this.stopping;
  }

  /** What brings documents stops, and what only a kind of gateway has: before anything else. */
  protected abstract stopSources(): Promise<void>;
  /** Where instances link to is closed: after the last invocation has ended. */
  protected abstract closeLinks(): Promise<void>;

  /** What brings work in stops first, then what does it, then what keeps it. */
  private async stopInOrder(): Promise<void> {
    const { admin, history, logs } = this.parts;
    await this.stopSources();
    await this.crons.stop();
    const drained = this.triggers.stop();
    if (this.serving) await this.endpoints.close();
    await drained;
    await Promise.all([...this.hosts.values()].map((host) => host.stop(STOPPING)));
    await this.closeLinks();
    await admin.close();
    await this.afterClose();
    await history.close();
    await this.closeStore();
    await logs.close();
  }

  protected closeStore(): Promise<void> {
    return this.parts.store.close();
  }

  protected afterClose(): Promise<void> {
    return Promise.resolve();
  }

  protected get region(): RegionDocument {
    const { region } = this.documents;
    if (region === undefined)
      throw new GatewayError(503, "NoRegion", "the gateway has no document of its region yet", 1);
    return region;
  }

  protected get hasRegion(): boolean {
    return this.documents.region !== undefined;
  }

  protected note(level: "info" | "warn" | "error", message: string): void {
    this.parts.logs.note(level, message);
  }

  private hasQueue(queue: string): boolean {
    return this.queueDocument(queue) !== undefined;
  }

  private queueDocument(queue: string): QueueDocument | undefined {
    return this.documents.queues.find((document) => document.queue === queue);
  }

  /** @throws GatewayError 404, the same for a queue that there is not and for one that strangers need not know of. */
  private checkQueue(queue: string, isFromOutside: boolean): void {
    const document = this.queueDocument(queue);
    if (isFromOutside && document?.published !== true)
      throw new GatewayError(
        404,
        "QueueNotFound",
        `no queue "${queue}" takes messages from outside (\`published\` of its QueueTrigger)`,
      );
    if (document === undefined) throw new GatewayError(404, "QueueNotFound", `there is no queue "${queue}"`);
  }

  /**
   * Serves these documents from now on.
   *
   * @param secretsChanged - Parameters or variables have changed: running instances have old ones.
   */
  protected async apply(documents: DocumentSet, secretsChanged: boolean): Promise<void> {
    const { logs, testersOnly } = this.parts;
    const { region } = documents;
    for (const problem of documents.problems)
      if (!this.documents.problems.includes(problem)) logs.note("error", problem);
    // a region that is being removed loses one document after the other; what is served is served until the end
    if (region === undefined) {
      this.documents = { ...this.documents, problems: documents.problems };
      return;
    }
    const idle = idleReason(documents);
    const wasIdle = this.documents.region === undefined ? undefined : idleReason(this.documents);
    if (!testersOnly && idle !== undefined && idle !== wasIdle) logs.note("warn", `region ${region.name}: ${idle}`);
    this.documents = documents;
    this.updateFunctions(documents.functions, region, secretsChanged);
    this.endpoints.update(documents.routes, region, (message) => {
      documents.problems.push(message);
      logs.note("error", message);
    });
    if (this.serving) await this.startTriggers();
  }

  private updateFunctions(documents: FunctionDocument[], region: RegionDocument, secretsChanged: boolean): void {
    const names = new Set(documents.map(({ name }) => name));
    for (const [name, host] of this.hosts)
      if (!names.has(name)) {
        this.hosts.delete(name);
        void host.remove(new GatewayError(503, "FunctionRemoved", `function "${name}" was removed`));
      }
    for (const document of documents) {
      const host = this.hosts.get(document.name);
      if (host?.current.version !== document.version) this.parts.history.deployed(document);
      if (host === undefined) this.hosts.set(document.name, this.newHost(document, region));
      else host.update(document, region, secretsChanged);
    }
  }

  private newHost(document: FunctionDocument, region: RegionDocument): FunctionHost {
    const { logs, history, supply, watched, onInvocation } = this.parts;
    return new FunctionHost(
      document,
      region,
      {
        onLog: (record) => logs.add(record),
        onEnd: (invocation, current, instance) => {
          logs.addInvocation(invocation, current.name, instance);
          onInvocation?.(invocation, current);
        },
        onBroken: (current, reason) => history.failed(current, reason),
        onRoom: (name) => this.triggers.wake(name),
      },
      { supply, bodies: this.bodies, watched },
    );
  }

  protected async startTriggers(): Promise<void> {
    this.triggers.update(this.documents.queues, this.documents.crons);
    await this.crons.update(this.documents.crons);
  }
}
