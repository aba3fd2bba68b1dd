import { type InstanceLink } from "./instanceLink";
import { readDeadConnections } from "./tcpConnections";

/** Time between two signs of life that instances are asked for, and how many of them may stay out. */
export const PROBE_INTERVAL_MS = 5_000;
const MISSED_PROBES = 3;

interface Silence {
  receivedBytes: number;
  missed: number;
}

/**
 * Closes links whose instance has vanished without a word, as when its machine has lost its power: 15 to 20 s after its
 * last sign of life.
 *
 * An event loop that is busy does not answer either, and its instance must be left alone. So on a link with running
 * invocations the operating system is asked: that of a living instance acknowledges what it is sent.
 */
export class SilentPeers {
  private readonly silences = new WeakMap<InstanceLink, Silence>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly links: () => Iterable<InstanceLink>) {}

  watch(): void {
    this.timer = setInterval(() => this.check(), PROBE_INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private check(): void {
    const silent: InstanceLink[] = [];
    for (const link of this.links()) {
      const { receivedBytes } = link;
      const silence = this.silences.get(link);
      if (silence === undefined || silence.receivedBytes !== receivedBytes)
        this.silences.set(link, { receivedBytes, missed: 0 });
      else if (++silence.missed >= MISSED_PROBES) silent.push(link);
      link.probe();
    }
    if (silent.length === 0) return;
    const isDead = silent.some((link) => link.runningCount > 0) ? readDeadConnections() : () => false;
    for (const link of silent) if (link.runningCount === 0 || isDead(link.ends)) link.destroy();
  }
}
