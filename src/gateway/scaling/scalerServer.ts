import { Server, ServerCredentials } from "@grpc/grpc-js";

import { type MessageStore } from "../queues/messageStore";
import { Activations } from "./activations";
import { ActivationStreams } from "./activationStreams";
import { type LocalLoads } from "./functionLoad";
import { linkedLikePeers } from "./linkedLikePeers";
import { Peers } from "./peers";
import { externalScaler } from "./protocols/externalScaler";
import { health } from "./protocols/health";
import { loads } from "./protocols/loads";
import { QueueBacklogs } from "./queueBacklogs";
import { externalScalerService } from "./services/externalScalerService";
import { HealthService } from "./services/healthService";
import { loadsService } from "./services/loadsService";
import { TotalLoads } from "./totalLoads";
import { type ScalerLog, Troubles } from "./troubles";

/** Time that calls under way have to end when the server stops. */
const GRACE_MS = 2_000;

const SERVER_OPTIONS = {
  // KEDA has one connection to a replica, with a stream for each function on it
  "grpc.max_concurrent_streams": 10_000,
  "grpc.max_receive_message_length": 1024 * 1024,
  // streams of a client whose host vanished must not be kept for ever, nor connections that nobody uses
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.max_connection_idle_ms": 300_000,
};

export interface ScalerServerOptions {
  /** Functions and loads of this replica. */
  loads: LocalLoads;
  /**
   * "ip:port" of the other replicas' scalers: of those that are ready. As long as one of them cannot be asked, nothing is scaled
   * by load, so one that does not start, or whose host is gone, must not be among them.
   */
  peers: () => readonly string[];
  /** "ip:port" of replicas that are being ended: they count for as long as they answer. */
  leavingPeers: () => readonly string[];
  store: Pick<MessageStore, "counts">;
  /** What replicas show to each other: `peerTokens` of the roots. All are shown, and any is accepted. */
  tokens: () => readonly string[];
  onLog: ScalerLog;
}

/** Answers KEDA how many instances functions need, and the other replicas what this one has to do. */
export class ScalerServer {
  private readonly server = new Server(SERVER_OPTIONS);
  private readonly streams = new ActivationStreams();
  private readonly health = new HealthService(["externalscaler.ExternalScaler", "fullcode.gateway.v1.Loads"]);
  private readonly peers: Peers;
  private readonly activations: Activations;
  private address = "";
  private draining = false;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: ScalerServerOptions) {
    const troubles = new Troubles(options.onLog);
    const backlogs = new QueueBacklogs(options.store, troubles);
    this.peers = new Peers({ staying: options.peers, leaving: options.leavingPeers, tokens: options.tokens, troubles });
    this.activations = new Activations({ loads: options.loads, streams: this.streams, peers: this.peers, backlogs });
    const scaler = externalScalerService({
      loads: options.loads,
      totals: new TotalLoads(options.loads, this.peers, backlogs),
      streams: this.streams,
      isDraining: () => this.draining,
    });
    const peerLoads = loadsService({
      loads: options.loads,
      tokens: options.tokens,
      onActivate: (name) => this.activations.announcedByPeer(name),
    });
    this.server.addService(externalScaler, scaler);
    this.server.addService(loads, peerLoads);
    this.server.addService(health, { Check: this.health.check, Watch: this.health.watch });
  }

  /**
   * @returns The port, for a `port` of 0.
   * @throws Error when the address is taken.
   */
  async listen({ host, port }: { host: string; port: number }): Promise<number> {
    const authority = host.includes(":") ? `[${host}]` : host;
    const bound = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(`${authority}:${port}`, ServerCredentials.createInsecure(), (error, taken) =>
        error === null ? resolve(taken) : reject(error),
      );
    });
    this.address = `${authority}:${bound}`;
    this.activations.start();
    return bound;
  }

  /**
   * A function got work here that no instance can take: KEDA is told at once, through whichever replica it has its stream
   * to, and every second from then on while the function's load says so. May be called for each invocation.
   */
  activate(functionName: string): void {
    if (this.closing === undefined) this.activations.announce(functionName);
  }

  /** Whether every instance that another replica is linked to is linked here too; no while one cannot be asked. */
  linkedLikePeers(): Promise<boolean> {
    return linkedLikePeers(this.options.loads, this.peers);
  }

  /**
   * Sends KEDA to the other replicas: ends its streams with OK and asks for the end of its connection. Loads are still
   * answered, and work without capacity is still told to the others, until {@link close}.
   */
  drain(): void {
    if (this.draining) return;
    this.draining = true;
    this.health.notServing();
    this.streams.endAll();
    this.server.drain(this.address, GRACE_MS);
  }

  /** Ends all streams with OK and answers nothing more. */
  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    this.draining = true;
    this.activations.stop();
    this.health.notServing();
    this.health.endAll();
    this.streams.endAll();
    const timer = setTimeout(() => this.server.forceShutdown(), GRACE_MS);
    await new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
    clearTimeout(timer);
    this.peers.close();
  }
}
