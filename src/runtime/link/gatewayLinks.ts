import { connect } from "node:net";

import { type ClusterLinks } from "../../link/instanceConfig";
import { LinkSocket } from "../../link/linkSocket";
import { formatLinkIdentity, linkKey } from "../../link/linkTls";
import { type InvocationError, type LogLine } from "../../link/messages";
import { type InstanceStart } from "../instanceConfig";
import { GatewayLink, type OpenSocket } from "./gatewayLink";
import { GatewayPeers } from "./gatewayPeers";
import { KeptLines } from "./keptLines";
import { type LinkInvocation } from "./linkInvocation";
import { Places } from "./places";
import { PodNotes } from "./podNotes";
import { SilentGateways } from "./silentGateways";
import { TlsConnector } from "./tlsSocket";

/** How often an instance in a pod looks for gateways that are silent and invocations that are overdue. */
const CHECK_MS = 5_000;
/** How often one that leaves looks whether what it waits for is overdue. */
const LEAVING_CHECK_MS = 500;
/** Time beyond its timeout after which an invocation is overdue; its gateway, if there is one, has said so by then. */
const OVERDUE_GRACE_MS = 2_000;
/** Time for gateways to close their side of a link. */
const FINISH_GRACE_MS = 2_000;

export interface GatewayLinksEvents {
  onInvocation(invocation: LinkInvocation): void;
  /** The instance is to end once what runs has ended. */
  onLeave(exitCode: number): void;
  /** Something has ended that an instance which leaves may have waited for. */
  onSettled(): void;
  /** There is no gateway to work for any more. */
  onEnd(): void;
}

/** All links of an instance: to the one gateway that has started it, or, in a pod, to every gateway replica. */
export class GatewayLinks {
  private readonly places: Places;
  /** Those that are open, and those whose invocations go on without them. */
  private readonly links = new Set<GatewayLink>();
  /** In a pod. */
  private readonly peers: GatewayPeers | undefined;
  private readonly silent = new SilentGateways();
  private readonly notes = new PodNotes();
  private readonly kept = new KeptLines();
  /** When a check has found an invocation for the first time, by the monotonic clock: most end before one does. */
  private readonly seen = new WeakMap<LinkInvocation, number>();
  private failure: InvocationError | undefined;
  private leaving = false;
  private finishing = false;
  private ended = false;

  constructor(
    private readonly start: InstanceStart,
    private readonly events: GatewayLinksEvents,
    /** Opens the link to the one gateway that this instance has. */
    open: OpenSocket = (socketEvents, onConnected) => {
      const { gateway: path = "" } = start.config;
      onConnected();
      return LinkSocket.connect((onread) => connect({ path, onread }), socketEvents);
    },
  ) {
    const { concurrency, cluster } = start.config;
    this.places = new Places(concurrency);
    if (cluster === undefined) this.add(open);
    else {
      this.peers = this.clusterPeers(cluster);
      this.peers.start();
      setInterval(() => this.check(), CHECK_MS);
    }
  }

  /** Whether there is a gateway that sends work, or would if this instance asked for it. */
  get isLinked(): boolean {
    return this.firstUp !== undefined;
  }

  /** The invocation that runs, where there is exactly one. */
  get only(): LinkInvocation | undefined {
    if (this.places.used !== 1) return undefined;
    for (const { invocations } of this.links) for (const invocation of invocations.values()) return invocation;
    return undefined;
  }

  /** No gateway sends anything more. */
  get isDrained(): boolean {
    for (const link of this.links) if (!link.drained) return false;
    return true;
  }

  /** No gateway sends anything more, and nothing runs that is to be waited for. */
  get isSettled(): boolean {
    return this.isDrained && (this.places.used === 0 || this.places.used === this.overdueCount);
  }

  /** Gives gateways the credits that they do not have: invocations can be run. */
  open(): void {
    this.failure = undefined;
    this.places.open();
  }

  /** Nothing can be run for the moment: what gateways send is offered to other instances. */
  pause(): void {
    this.places.pause();
  }

  /** The code cannot be run; invocations are taken all the same, and answered with the reason. */
  initFailed(failure: InvocationError): void {
    this.failure = failure;
    for (const link of this.links) if (!link.isClosed) link.initFailed(failure);
    this.places.open();
  }

  /** Console lines that belong to no invocation. */
  log(level: LogLine["level"], message: string): void {
    this.logLine({ time: Date.now(), level, message });
  }

  /** Tells all gateways to send nothing more. */
  leave(): void {
    if (this.leaving) return;
    this.leaving = true;
    this.places.close();
    this.peers?.stop();
    if (this.peers !== undefined) setInterval(() => this.checkOverdue(), LEAVING_CHECK_MS);
    for (const link of this.links) if (!link.isClosed) link.leave();
  }

  /** Sends what is waiting to be sent, closes all links, and ends. */
  finish(): void {
    if (this.finishing) return;
    this.finishing = true;
    for (const { level, message } of this.kept.take()) this.notes.write(`${level}: ${message}`);
    for (const link of this.links) if (!link.isClosed) link.finish();
    this.endWhenClosed();
    if (this.peers !== undefined) setTimeout(() => this.end(), FINISH_GRACE_MS);
  }

  private get firstUp(): GatewayLink | undefined {
    for (const link of this.links) if (!link.isClosed && (this.peers === undefined || link.protocol > 0)) return link;
    return undefined;
  }

  /** Invocations that go on though their time is over, in a pod. */
  private get overdueCount(): number {
    const now = performance.now();
    const allowedMs = this.start.config.timeoutSeconds * 1000 + OVERDUE_GRACE_MS;
    let count = 0;
    for (const { invocations } of this.links)
      for (const invocation of invocations.values()) if (now - (this.seen.get(invocation) ?? now) > allowedMs) count++;
    return count;
  }

  private clusterPeers({ gateways, generation }: ClusterLinks): GatewayPeers {
    const { config, token } = this.start;
    const tls = new TlsConnector({
      identity: formatLinkIdentity({ function: config.function, generation }),
      key: linkKey(token),
    });
    return new GatewayPeers(gateways, {
      dial: (address) =>
        this.add((events, onConnected) =>
          LinkSocket.connect((onread) => tls.connect(address, onread, onConnected), events),
        ),
      onNote: (message) => this.notes.write(message),
    });
  }

  private add(openSocket: OpenSocket): GatewayLink {
    const { config, instance, token } = this.start;
    const hello = {
      function: config.function,
      version: config.version,
      instance,
      token: config.cluster === undefined ? token : "",
    };
    const link = new GatewayLink(openSocket, hello, this.places, {
      onWelcome: (each) => this.onWelcome(each),
      onPeers: (each, addresses) => this.peers?.onPeers(each, addresses),
      onInvocation: (invocation) => this.events.onInvocation(invocation),
      onDrain: () => this.onDrain(),
      onStrayLine: (line) => this.logLine(line),
      onForgotten: (each) => this.links.delete(each),
      onClose: (each, error) => this.onClose(each, error),
    });
    this.links.add(link);
    if (this.failure !== undefined) link.initFailed(this.failure);
    return link;
  }

  private logLine(line: LogLine): void {
    const link = this.firstUp;
    if (link === undefined) this.kept.add(line);
    else link.log([line]);
  }

  private onWelcome(link: GatewayLink): void {
    this.peers?.onWelcome(link);
    const lines = this.kept.take();
    if (lines.length > 0) link.log(lines);
  }

  private onDrain(): void {
    // a gateway of a local region ends what it does not need; in a pod, only what is not to be trusted any more
    if (!this.leaving) this.events.onLeave(this.peers === undefined ? 0 : 1);
    this.events.onSettled();
  }

  private onClose(link: GatewayLink, error: Error | undefined): void {
    if (link.invocations.size === 0) this.links.delete(link);
    if (this.peers === undefined) return this.end();
    this.peers.onClose(link, error);
    this.events.onSettled();
    this.endWhenClosed();
  }

  private check(): void {
    for (const link of this.links)
      if (!link.isClosed && this.silent.isSilent(link))
        link.destroy(new Error("it has given no sign of life for a while"));
    this.checkOverdue();
  }

  private checkOverdue(): void {
    const now = performance.now();
    for (const { invocations } of this.links)
      for (const invocation of invocations.values()) if (!this.seen.has(invocation)) this.seen.set(invocation, now);
    if (this.leaving) return this.events.onSettled();
    if (this.overdueCount === 0) return;
    this.log(
      "error",
      "an invocation goes on though its time is over and nobody waits for it: the instance is replaced",
    );
    this.events.onLeave(1);
  }

  private endWhenClosed(): void {
    if (!this.finishing) return;
    for (const link of this.links) if (!link.isClosed) return;
    this.end();
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.events.onEnd();
  }
}
