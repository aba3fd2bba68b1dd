import { type FunctionLoad, type LocalLoads } from "./functionLoad";
import { type Peers } from "./peers";
import { type QueueBacklogs } from "./queueBacklogs";
import { unknownFunction } from "./scalerError";

/**
 * A function counts as active for this long after its last invocation has ended. KEDA looks every 5 seconds or less, and
 * notes the time at which it saw activity: an invocation that came and went between two looks would not be noted.
 */
export const RECENTLY_MS = 10_000;

export interface TotalLoad {
  /** Invocations held and running on all replicas, and messages that wait or are being handled. */
  load: number;
  active: boolean;
}

/** Loads of functions over all replicas and the store. */
export class TotalLoads {
  constructor(
    private readonly local: LocalLoads,
    private readonly peers: Peers,
    private readonly backlogs: QueueBacklogs,
  ) {}

  /** @throws ScalerError NOT_FOUND for an unknown function, UNAVAILABLE when a part of the sum is not to be had. */
  async of(functionName: string): Promise<TotalLoad> {
    const scaled = this.local.functions().get(functionName);
    if (scaled === undefined) throw unknownFunction(functionName);
    const [backlog, peers] = await Promise.all([this.backlogs.of(scaled.queues), this.peers.loads()]);
    const own = this.local.load(functionName);
    let load = backlog + (own === undefined ? 0 : own.held + own.running);
    let recently = own !== undefined && wasActive(own);
    for (const peer of peers) {
      const there = peer.get(functionName);
      if (there === undefined) continue;
      load += there.held + there.running;
      recently ||= there.active;
    }
    return { load, active: load > 0 || recently };
  }
}

export function wasActive({ idleMs }: FunctionLoad): boolean {
  return idleMs < RECENTLY_MS;
}
