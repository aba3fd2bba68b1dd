import { isIPv6 } from "node:net";

import { canonicalAddress, joinAddress, splitAddress } from "../../link/addresses";
import { type GatewayLink } from "./gatewayLink";

/** Pauses before another try, of a name or of an address; they double. */
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;
/** Time that a gateway has to welcome an instance. */
const WELCOME_TIMEOUT_MS = 5_000;
/** A link that lived for less counts as a failure: its gateway may be about to end again and again. */
const LASTING_MS = 1_000;

export interface GatewayPeersEvents {
  /** Opens a link to a gateway at `ip:port`. */
  dial(address: string): GatewayLink;
  /** What whoever looks into the pod should know. */
  onNote(message: string): void;
}

interface Peer {
  address: string;
  link: GatewayLink | undefined;
  /** Waits for the welcome, or for the time of another try. */
  timer: NodeJS.Timeout | undefined;
  welcomedAt: number | undefined;
  failures: number;
  /** The addresses that this gateway announced last. */
  announced: readonly string[] | undefined;
}

/**
 * Keeps links to all gateway replicas: their Service's name says where they are at first, then they say it themselves,
 * and the name is asked again whenever no link is up.
 */
export class GatewayPeers {
  private readonly peers = new Map<string, Peer>();
  private known: ReadonlySet<string> = new Set();
  private resolving = false;
  private resolveTimer: NodeJS.Timeout | undefined;
  private resolveFailures = 0;
  private stopped = false;

  /** @param service - `name:port` of the Service. */
  constructor(
    private readonly service: string,
    private readonly events: GatewayPeersEvents,
  ) {}

  /** Looks for gateways until there is one. */
  start(): void {
    if (this.stopped || this.resolving || this.resolveTimer !== undefined) return;
    this.resolving = true;
    const { host, port } = splitAddress(this.service);
    const { lookup } = process.getBuiltinModule("node:dns");
    lookup(host, { all: true }, (error, addresses) => {
      this.resolving = false;
      if (this.stopped || this.isLinked) return;
      if (error === null)
        this.know(
          new Set(
            addressesLike(
              addresses[0].address,
              addresses.map(({ address }) => joinAddress(address, port)),
            ),
          ),
        );
      else this.events.onNote(`the gateways cannot be found: ${error.message}`);
      this.resolveTimer = setTimeout(() => {
        this.resolveTimer = undefined;
        if (!this.isLinked) this.start();
      }, pauseAfter(this.resolveFailures++));
    });
  }

  /** Links to no more gateways. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.resolveTimer);
    for (const { link, timer } of this.peers.values()) if (link === undefined) clearTimeout(timer);
  }

  onWelcome(link: GatewayLink): void {
    const peer = this.peerOf(link);
    clearTimeout(peer.timer);
    peer.timer = undefined;
    peer.welcomedAt = performance.now();
    this.resolveFailures = 0;
  }

  onPeers(link: GatewayLink, addresses: readonly string[]): void {
    const peer = this.peerOf(link);
    const { host } = splitAddress(peer.address);
    // one that does not know itself yet knows nothing of others
    if (addresses.length === 0) return;
    peer.announced = addressesLike(host, addresses.map(canonicalAddress));
    this.know(this.announced());
  }

  onClose(link: GatewayLink, error: Error | undefined): void {
    const peer = this.peerOf(link);
    const { address, welcomedAt } = peer;
    clearTimeout(peer.timer);
    const lasted = welcomedAt !== undefined && performance.now() - welcomedAt > LASTING_MS;
    peer.link = undefined;
    peer.welcomedAt = undefined;
    peer.announced = undefined;
    if (this.stopped) return;
    if (welcomedAt === undefined)
      this.events.onNote(`the gateway at ${address} cannot be linked to: ${reasonOf(error)}`);
    else
      this.events.onNote(
        `the link to the gateway at ${address} has ended${error === undefined ? "" : `: ${reasonOf(error)}`}`,
      );
    peer.failures = lasted ? 0 : peer.failures + 1;
    peer.timer = setTimeout(
      () => {
        peer.timer = undefined;
        this.connect();
      },
      pauseAfter(Math.max(0, peer.failures - 1)),
    );
    // what it had announced is worth less than what those say that are there; without any it is all that is known
    const announced = this.announced();
    if (announced.size > 0) this.know(announced);
    if (!this.isLinked) this.start();
  }

  private get isLinked(): boolean {
    for (const { welcomedAt } of this.peers.values()) if (welcomedAt !== undefined) return true;
    return false;
  }

  private announced(): Set<string> {
    return new Set([...this.peers.values()].flatMap(({ announced }) => announced ?? []));
  }

  private know(addresses: ReadonlySet<string>): void {
    this.known = addresses;
    this.connect();
  }

  /** Links to those known gateways that there is no link to, and forgets those that are no gateways any more. */
  private connect(): void {
    if (this.stopped) return;
    for (const address of this.known) {
      const peer = this.peers.get(address) ?? {
        address,
        link: undefined,
        timer: undefined,
        welcomedAt: undefined,
        failures: 0,
        announced: undefined,
      };
      this.peers.set(address, peer);
      if (peer.link === undefined && peer.timer === undefined) this.dial(peer);
    }
    for (const [address, { link, timer }] of this.peers)
      if (link === undefined && !this.known.has(address)) {
        clearTimeout(timer);
        this.peers.delete(address);
      }
  }

  private dial(peer: Peer): void {
    const link = this.events.dial(peer.address);
    peer.link = link;
    peer.timer = setTimeout(
      () => link.destroy(new Error(`it did not answer within ${WELCOME_TIMEOUT_MS / 1000} s`)),
      WELCOME_TIMEOUT_MS,
    );
  }

  private peerOf(link: GatewayLink): Peer {
    for (const peer of this.peers.values()) if (peer.link === link) return peer;
    throw new Error("a link belongs to no gateway");
  }
}

/**
 * The addresses of the same family as one of them. Where every gateway has one of each, two links would be made to each:
 * it would take the later one for the successor of a link that has been lost.
 */
function addressesLike(host: string, addresses: readonly string[]): readonly string[] {
  const alike = addresses.filter((address) => isIPv6(splitAddress(address).host) === isIPv6(host));
  return alike.length > 0 ? alike : addresses;
}

function pauseAfter(failures: number): number {
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures, MAX_PAUSE_MS);
  // instances that have lost the same gateway need not come back in the same millisecond
  return pause * (0.75 + Math.random() / 4);
}

function reasonOf(error: Error | undefined): string {
  if (error === undefined) return "it has closed the link; its log says why";
  const { code = "" } = error as NodeJS.ErrnoException;
  // OpenSSL's messages are lines of its source
  if (code === "EPROTO" || code.startsWith("ERR_SSL_"))
    return "the two have different keys; the gateway's log says more";
  return error.message;
}
