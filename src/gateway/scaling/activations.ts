import { type ActivationStreams } from "./activationStreams";
import { type LocalLoads } from "./functionLoad";
import { type Peers } from "./peers";
import { type QueueBacklogs } from "./queueBacklogs";

/** While work is held without capacity, KEDA is told so this often: it drops what it is told too early. */
const REPEAT_MS = 1_000;
/**
 * KEDA waits twice as long before each further attempt to open a stream that broke, up to a minute, and begins anew only
 * when one ended well. So a stream of this age is ended well, at a time when nobody needs it.
 */
const STREAM_AGE_MS = 600_000;

export interface ActivationsOptions {
  loads: LocalLoads;
  streams: ActivationStreams;
  peers: Peers;
  backlogs: QueueBacklogs;
}

/** Tells KEDA which functions have work that no instance can take: at once, and again every second. */
export class Activations {
  /** Functions that have been announced since the last look at all. */
  private readonly announced = new Set<string>();
  /** Functions that the other replicas are to be told of at the end of this turn. */
  private outgoing: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private countingQueues = false;

  constructor(private readonly options: ActivationsOptions) {}

  start(): void {
    this.timer = setInterval(() => this.look(), REPEAT_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** A function got work without capacity here. Costs nothing when it is announced already. */
  announce(functionName: string): void {
    if (this.announced.has(functionName)) return;
    this.announced.add(functionName);
    this.options.streams.push(functionName);
    if (this.outgoing.length === 0) setImmediate(() => this.tellPeers());
    this.outgoing.push(functionName);
  }

  /** A function got work without capacity on another replica. */
  announcedByPeer(functionName: string): void {
    this.options.streams.push(functionName);
  }

  private tellPeers(): void {
    const functions = this.outgoing;
    this.outgoing = [];
    this.options.peers.activate(functions);
  }

  private look(): void {
    const { loads, streams, peers, backlogs } = this.options;
    peers.refresh();
    this.announced.clear();
    for (const name of loads.functions().keys()) if (loads.load(name)?.withoutCapacity === true) this.announce(name);
    for (const name of streams.functions()) if (this.hasInstances(name)) streams.endOlder(name, STREAM_AGE_MS);
    backlogs.forgetUnused();
    if (!this.countingQueues) void this.lookAtQueues();
  }

  /** A message that was published to an idle function's queue is seen here only, by the replica with its stream. */
  private async lookAtQueues(): Promise<void> {
    const { loads, streams, backlogs } = this.options;
    this.countingQueues = true;
    const functions = loads.functions();
    await Promise.all(
      streams.functions().map(async (name) => {
        const queues = functions.get(name)?.queues ?? [];
        if (queues.length === 0 || this.announced.has(name) || this.hasInstances(name)) return;
        // a store that cannot be asked is reported where it is asked
        const backlog = await backlogs.of(queues).catch(() => 0);
        if (backlog > 0) streams.push(name);
      }),
    );
    this.countingQueues = false;
  }

  private hasInstances(functionName: string): boolean {
    return (this.options.loads.load(functionName)?.instances.length ?? 0) > 0;
  }
}
