import { join } from "node:path";

import { type Deployment, readDeployments } from "../../gateway/deploymentHistory";
import { type GatewayStatus, type LogRecord } from "../../gateway/gatewayOptions";
import { logFilter, readLog } from "../../gateway/logs/readLog";
import { DEPLOYMENTS_FILE, LOG_FILE, STATE_FOLDER } from "../../spec";
import { type AdminClient } from "../admin/adminClient";
import { gatewayOf } from "../admin/localGateways";
import { LogTail } from "../logs/logTail";
import { type DeployedFunction, type LogQuery, type RegionAccess, type RegionLogs } from "./regionAccess";
import { type LocalRegion, readRegionDocuments } from "./regionFolders";

/** A region of this machine: its folder has what its last gateway has left, also when none runs. */
export class LocalRegionAccess implements RegionAccess {
  constructor(private readonly region: LocalRegion) {}

  get label(): string {
    return this.region.label;
  }

  gateway(): Promise<AdminClient | undefined> {
    return gatewayOf(this.region);
  }

  builds(): Promise<Deployment[]> {
    return readDeployments(join(this.region.folder, STATE_FOLDER, DEPLOYMENTS_FILE));
  }

  async deployments(): Promise<DeployedFunction[]> {
    const status = await (await this.gateway())?.get<GatewayStatus>("/status");
    const { functions } = await readRegionDocuments(this.region.folder);
    return functions.map(({ name, version, writtenAt }) => {
      const state = status?.functions.find((each) => each.name === name);
      return { function: name, version: state?.version ?? version, deployedAt: writtenAt.getTime(), state };
    });
  }

  async logs(query: LogQuery): Promise<RegionLogs> {
    return new LocalLogs(this.region.folder, query, await this.gateway());
  }

  close(): void {
    // nothing is kept open
  }
}

class LocalLogs implements RegionLogs {
  private readonly tail: LogTail;

  constructor(
    private readonly folder: string,
    private readonly query: LogQuery,
    private readonly gateway: AdminClient | undefined,
  ) {
    this.tail = new LogTail(query);
  }

  get live(): boolean {
    return this.gateway !== undefined;
  }

  async earlier(): Promise<LogRecord[]> {
    if (this.gateway !== undefined) return this.tail.readAll(this.gateway);
    const wanted = logFilter(this.query.function, this.query.since);
    const records: LogRecord[] = [];
    for await (const record of readLog(join(this.folder, STATE_FOLDER, LOG_FILE)))
      if (wanted(record)) records.push(record);
    return records;
  }

  async follow(onRecord: (record: LogRecord) => void): Promise<void> {
    if (this.gateway === undefined) return;
    for await (const record of this.tail.read(this.gateway, true)) onRecord(record);
  }
}
