import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { type KubeConfig } from "@kubernetes/client-node";

import { joinAddress } from "../../link/addresses";
import { GATEWAY_PORTS, limits, LOG_FILE } from "../../spec";
import { AdminServer } from "../admin/adminServer";
import { cronQueueName } from "../crons/cronQueueName";
import { type DocumentSet } from "../documents/documentSet";
import { type LogRecord } from "../gatewayOptions";
import { LinkServer } from "../instances/linkServer";
import { type TlsLinkServer } from "../instances/tlsLinkServer";
import { LogBook } from "../logs/logBook";
import { PrometheusMetrics } from "../metrics";
import { type MessageStore } from "../queues/messageStore";
import { type NatsClient } from "../queues/natsConnection";
import { RegionGateway } from "../regionGateway";
import { type LocalLoads, type ScaledFunction } from "../scaling/functionLoad";
import { peerTokens } from "../scaling/peerToken";
import { ScalerServer } from "../scaling/scalerServer";
import { anyAddress } from "./anyAddress";
import { ConfigMapSource } from "./configMapSource";
import { type PodFiles } from "./podFiles";
import { PodInstances } from "./podInstances";
import { ProbeServer } from "./probeServer";
import { type Replica, ReplicaWatch } from "./replicaWatch";
import { StoredHistory } from "./storedHistory";

/** After this time a gateway is ready even if it lacks links that its peers have: an instance may hang. */
const LINKING_MS = 10_000;
const READY_CHECK_MS = 100;
/** Time that links have to close once every caller has its answer. */
const FORSAKEN_LINK_MS = 5_000;

export interface ClusterGatewayOptions extends Omit<PodFiles, "nats"> {
  kubeConfig: KubeConfig;
  /** Closed by the gateway, last. */
  nats: NatsClient;
  store: MessageStore;
  podName: string;
  podIp: string;
  /**
   * Where it listens, and its peers do.
   * @default {@link GATEWAY_PORTS}
   */
  ports?: Readonly<Record<keyof typeof GATEWAY_PORTS, number>>;
  stateFolder: string;
  onLog: (record: LogRecord) => void;
}

/** One gateway of a `kubernetes()` region: instances are pods, messages are in NATS, documents are ConfigMaps. */
export class ClusterGateway extends RegionGateway {
  private readonly source: ConfigMapSource;
  private readonly replicas: ReplicaWatch;
  private readonly probes: ProbeServer;
  private readonly scaler: ScalerServer;
  private readonly metrics: PrometheusMetrics;
  private readonly admin: AdminServer;
  private readonly ports: NonNullable<ClusterGatewayOptions["ports"]>;
  private links: TlsLinkServer | undefined;
  private scaled = new Map<string, ScaledFunction>();
  private known = false;
  private onRegionKnown: () => void = () => undefined;
  private readonly regionKnown = new Promise<void>((resolve) => (this.onRegionKnown = resolve));
  private linked = false;
  private leaving = false;

  constructor(private readonly options: ClusterGatewayOptions) {
    const { config, kubeConfig, store, ports = GATEWAY_PORTS, stateFolder, onLog } = options;
    // what failed is everybody's business; what went well is in the gateway's own log
    const logs = new LogBook(join(stateFolder, LOG_FILE), onLog, ({ failure, status }) =>
      Boolean(failure !== undefined || status >= 500),
    );
    const history = new StoredHistory(store, (message) => logs.note("warn", message));
    const admin = new AdminServer(options.adminToken);
    super({
      ports: [
        { host: anyAddress(), port: () => ports.http, side: "inside" },
        { host: anyAddress(), port: () => ports.published, side: "outside" },
      ],
      logs,
      store,
      history,
      admin,
      supply: (document, _region, events) => new PodInstances(events, () => this.scaler.activate(document.name)),
      room: (host, share) => host.messageRoom(share),
      testersOnly: false,
      onInvocation: (invocation, { name }) => this.metrics.invocationEnded(invocation, name),
      onRefused: (status) => this.metrics.requestRefused(status),
    });
    this.admin = admin;
    this.ports = ports;
    const onStatus = (level: LogRecord["level"], message: string) => logs.note(level, message);
    this.source = new ConfigMapSource(
      kubeConfig,
      config.namespace,
      (documents) => {
        this.known = true;
        this.scaled = scaledFunctions(documents);
        void this.apply(documents, false).catch((error: unknown) => logs.note("error", String(error)));
        if (this.hasRegion) this.onRegionKnown();
      },
      onStatus,
    );
    this.replicas = new ReplicaWatch(
      kubeConfig,
      config.namespace,
      () => this.links?.setPeers(this.linkAddresses()),
      onStatus,
    );
    const loads: LocalLoads = {
      functions: () => this.scaled,
      load: (name) => this.hosts.get(name)?.load,
    };
    this.metrics = new PrometheusMetrics(loads);
    this.scaler = new ScalerServer({
      loads,
      store,
      peers: () => this.peers(({ ready }) => ready),
      leavingPeers: () => this.peers(({ terminating }) => terminating),
      tokens: () => peerTokens(options.roots),
      onLog: onStatus,
    });
    this.probes = new ProbeServer({
      host: anyAddress(),
      port: ports.probe,
      unreadyReason: () => this.unreadyReason(),
      metrics: () => this.metrics.text(),
    });
  }

  async start(): Promise<void> {
    const { ports } = this;
    await this.probes.listen();
    this.source.start();
    this.replicas.start();
    await this.admin.listen(ports.admin);
    await this.scaler.listen({ host: anyAddress(), port: ports.scaler });
    await this.endpoints.listen();
    this.url = `http://${joinAddress(this.options.podIp, ports.http)}`;
    this.serving = true;
    if (this.hasRegion) await this.startTriggers();
    void this.openLinks();
  }

  reload(): Promise<void> {
    return Promise.resolve();
  }

  /** Leaves without a request lost: clients and instances learn of it before anything closes. */
  async leave(): Promise<void> {
    this.leaving = true;
    this.note("info", "the gateway leaves: it finishes what it has");
    this.options.store.leave();
    this.scaler.drain();
    this.endpoints.announceClose();
    // not awaited here, or endpoints would close only after the longest handler: stop() waits for both at once
    void this.triggers.stop();
    await delay(limits.LEAVE_NOTICE_SECONDS * 1_000);
    await this.stop();
  }

  /** Why traffic should not come here yet, or any more. */
  private unreadyReason(): string | undefined {
    if (this.leaving) return "the gateway leaves";
    if (!this.known) return "the region's documents are not known yet";
    // whatever the reason: traffic that comes here all the same would be answered with 404
    if (!this.hasRegion) return "there is no document of the region that this gateway can read";
    if (!this.replicas.isKnown) return "the other gateways are not known yet";
    if (!this.linked) return "instances that other gateways have are not linked yet";
    return undefined;
  }

  /** Before the documents are known there is no function that an instance could belong to: each would be refused. */
  private async openLinks(): Promise<void> {
    await this.regionKnown;
    this.links = await LinkServer.listenTls({
      host: anyAddress(),
      port: this.ports.link,
      roots: () => this.options.roots,
      find: (hello) => {
        const host = this.hosts.get(hello.function);
        return host === undefined ? undefined : { events: host.linkEvents, admit: (link) => host.admit(link) };
      },
      onRefused: (message) => this.note("warn", `a link was refused: ${message}`),
      peers: () => this.linkAddresses(),
    });
    await this.awaitLinks();
  }

  /** A gateway without the instances that its peers have would hold requests that they could serve at once. */
  private async awaitLinks(): Promise<void> {
    const deadline = performance.now() + LINKING_MS;
    while (performance.now() < deadline && !this.leaving) {
      if (this.replicas.isKnown && (await this.scaler.linkedLikePeers())) break;
      await delay(READY_CHECK_MS);
    }
    this.linked = true;
  }

  /** Where other replicas answer for their loads. */
  private peers(wanted: (replica: Replica) => boolean): string[] {
    const { podIp } = this.options;
    return this.replicas.current
      .filter((replica) => replica.ip !== podIp && wanted(replica))
      .map(({ ip }) => joinAddress(ip, this.ports.scaler));
  }

  /** Where instances link to: every gateway that there is, since each may hold something for them. */
  private linkAddresses(): string[] {
    return this.replicas.current.map(({ ip }) => joinAddress(ip, this.ports.link));
  }

  protected async stopSources(): Promise<void> {
    await Promise.all([this.source.stop(), this.replicas.stop()]);
  }

  protected async closeLinks(): Promise<void> {
    // a handler that goes on after its timeout keeps its link; nobody waits for it
    await Promise.race([this.links?.close(), delay(FORSAKEN_LINK_MS, undefined, { ref: false })]);
    await this.scaler.close();
  }

  protected override async afterClose(): Promise<void> {
    await this.probes.close();
  }

  protected override async closeStore(): Promise<void> {
    await super.closeStore();
    await this.options.nats.close();
  }
}

/** Which queues invoke which function; crons have queues of their own. */
function scaledFunctions({ functions, queues, crons }: DocumentSet): Map<string, ScaledFunction> {
  return new Map(
    functions.map((document) => {
      const own = queues.filter((queue) => queue.function === document.name).map(({ queue }) => queue);
      const firings = crons.filter((cron) => cron.function === document.name).map(({ name }) => cronQueueName(name));
      return [document.name, { document, queues: [...own, ...firings] }];
    }),
  );
}
