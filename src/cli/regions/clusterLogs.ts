import { setTimeout } from "node:timers/promises";

import { type LogRecord } from "../../gateway/gatewayOptions";
import { type PodState } from "../cluster/podState";
import { isExpected } from "../errors";
import { LogTail } from "../logs/logTail";
import { warn } from "../output/warning";
import { settle } from "../settle";
import { type ClusterRegionAccess } from "./clusterRegionAccess";
import { type LogQuery, type RegionLogs } from "./regionAccess";

/** How often it is looked for gateways that have come, and tried again to reach those that did not answer. */
const LOOK_MS = 2_000;
/** A gateway that ends may be listed for a moment; one that cannot be reached this often in a row is a problem. */
const FAILURES_TO_TELL = 2;

interface Source {
  tail: LogTail;
  followed: boolean;
  /** In a row. */
  failures: number;
}

/** The logs of all gateways of a region: those that are not ready, or are ending, say the most interesting things. */
export class ClusterLogs implements RegionLogs {
  readonly live = true;
  /** By the uids of the gateways' pods. */
  private readonly sources = new Map<string, Source>();
  private told = false;

  private constructor(
    private readonly region: ClusterRegionAccess,
    private readonly query: LogQuery,
    private readonly pods: readonly PodState[],
  ) {}

  /** @throws CliError when no gateway runs. */
  static async open(region: ClusterRegionAccess, query: LogQuery): Promise<ClusterLogs> {
    const pods = await region.pods();
    const running = pods.filter((pod) => pod.running);
    if (running.length === 0) throw region.noGateway(pods);
    return new ClusterLogs(region, query, running);
  }

  async earlier(): Promise<LogRecord[]> {
    const { values, errors } = await settle(
      this.pods.map(async (pod) => this.sourceOf(pod).tail.readAll(await this.region.reach(pod))),
    );
    if (values.length === 0) throw errors[0];
    for (const { message } of errors) warn(`${message} Its records are left out.`);
    return values.flat();
  }

  /** Never resolves: while the region is there, gateways can come. */
  async follow(onRecord: (record: LogRecord) => void): Promise<void> {
    for (let pods = this.pods; ; pods = await this.runningPods()) {
      for (const pod of pods) void this.followPod(pod, onRecord);
      await setTimeout(LOOK_MS);
    }
  }

  private async followPod(pod: PodState, onRecord: (record: LogRecord) => void): Promise<void> {
    const source = this.sourceOf(pod);
    if (source.followed) return;
    source.followed = true;
    try {
      const gateway = await this.region.reach(pod);
      source.failures = 0;
      for await (const record of source.tail.read(gateway, true)) onRecord(record);
    } catch (error) {
      if (!isExpected(error)) throw error;
      if (++source.failures === FAILURES_TO_TELL) warn(`${error.message} Trying on.`);
    } finally {
      source.followed = false;
    }
  }

  private async runningPods(): Promise<PodState[]> {
    try {
      const pods = await this.region.pods();
      this.told = false;
      return pods.filter((pod) => pod.running);
    } catch (error) {
      if (!isExpected(error)) throw error;
      if (!this.told) warn(`${error.message} Trying on.`);
      this.told = true;
      return [];
    }
  }

  private sourceOf({ uid }: PodState): Source {
    const source = this.sources.get(uid) ?? { tail: new LogTail(this.query), followed: false, failures: 0 };
    this.sources.set(uid, source);
    return source;
  }
}
