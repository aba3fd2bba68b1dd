import { type InstanceLink } from "../instances/instanceLink";
import { type Invocation } from "./invocation";

/** Time that an event loop has to answer a heartbeat after one of its invocations timed out. */
const HEARTBEAT_MS = 2_000;
/** Time that a handler has to react to its aborted signal before its instance is given up. */
const CANCEL_GRACE_MS = 1_000;
/** Time in which an instance that is given up hears of it, and can tell its other gateways, before its link is ended. */
const DRAIN_MS = 500;

export interface OverdueEvents {
  /** All invocations that were overdue have ended. */
  onRecovered(link: InstanceLink): void;
  /** An overdue invocation goes on, although it was cancelled. */
  onUnheeded(link: InstanceLink): void;
  /** The instance must be ended at once: it hangs, or only runs what nobody waits for. */
  onStuck(link: InstanceLink, reason: string): void;
}

/** Invocations that ran into their timeout and were cancelled, until they have ended. */
export class OverdueInvocations {
  /** When they timed out. */
  private readonly byLink = new Map<InstanceLink, Map<Invocation, number>>();

  constructor(private readonly events: OverdueEvents) {}

  async add(link: InstanceLink, invocation: Invocation): Promise<void> {
    const overdue = this.byLink.get(link) ?? new Map<Invocation, number>();
    this.byLink.set(link, overdue.set(invocation, performance.now()));
    if (!(await link.ping(HEARTBEAT_MS))) {
      const seconds = HEARTBEAT_MS / 1000;
      return this.events.onStuck(link, `its event loop did not answer for ${seconds} s after a timeout`);
    }
    setTimeout(() => this.endGrace(link, invocation), CANCEL_GRACE_MS).unref();
  }

  /** An invocation has ended, which may have been overdue. */
  ended(link: InstanceLink, invocation: Invocation): void {
    const overdue = this.byLink.get(link);
    if (overdue?.delete(invocation) === true && overdue.size === 0) {
      this.byLink.delete(link);
      if (!link.draining) this.events.onRecovered(link);
    }
    if (link.draining) this.endIfForsaken(link);
  }

  closed(link: InstanceLink): void {
    this.byLink.delete(link);
  }

  private endGrace(link: InstanceLink, invocation: Invocation): void {
    if (this.byLink.get(link)?.has(invocation) !== true) return;
    this.events.onUnheeded(link);
    setTimeout(() => this.endIfForsaken(link), DRAIN_MS).unref();
  }

  /** A draining instance on which only overdue invocations run would never end by itself. */
  private endIfForsaken(link: InstanceLink): void {
    const overdue = this.byLink.get(link);
    if (overdue === undefined || link.runningCount === 0) return;
    // timers of the same time come one after the other
    const since = performance.now() - CANCEL_GRACE_MS + 50;
    for (const each of link.invocations) if ((overdue.get(each) ?? Infinity) > since) return;
    this.events.onStuck(link, "its handler goes on running after the timeout");
  }
}
