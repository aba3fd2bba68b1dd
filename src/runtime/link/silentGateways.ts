import { PEERS_PROTOCOL } from "../../link/frames";
import { type GatewayLink } from "./gatewayLink";

/** Checks without a sign of life after which a gateway is given up. A living one pings between any two of them. */
const MISSED_CHECKS = 3;

interface Silence {
  receivedBytes: number;
  missed: number;
}

/** Notices gateways that have vanished without a word, as when their machine has lost its power. */
export class SilentGateways {
  private readonly silences = new WeakMap<GatewayLink, Silence>();

  /** Counts checks and not time: after an event loop was busy, what has arrived meanwhile is read before the next one. */
  isSilent(link: GatewayLink): boolean {
    if (link.protocol < PEERS_PROTOCOL) return false;
    const { receivedBytes } = link;
    const silence = this.silences.get(link);
    if (silence?.receivedBytes === receivedBytes) return ++silence.missed >= MISSED_CHECKS;
    this.silences.set(link, { receivedBytes, missed: 0 });
    return false;
  }
}
