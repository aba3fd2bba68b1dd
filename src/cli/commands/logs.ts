import { join } from "node:path";

import { type LogRecord } from "../../gateway/gatewayOptions";
import { logFilter, readLog } from "../../gateway/logs/readLog";
import { LOG_FILE, STATE_FOLDER } from "../../spec";
import { type AdminClient } from "../admin/adminClient";
import { gatewaysOf, type RegionSelection, runningGateways, selectRegions } from "../admin/runningGateways";
import { CliError } from "../errors";
import { LogPrinter } from "../output/logLines";
import { type LocalRegion } from "../regions/regionFolders";

export interface LogsOptions extends RegionSelection {
  follow?: boolean;
  /** A duration back from now such as `10m`, or a time. */
  since?: string;
  json?: boolean;
}

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * `fullcode logs`: records of all selected regions, oldest first; with `follow` as they come. Regions that are not served
 * have the records that their last gateway has left.
 */
export async function logs(functionName: string | undefined, options: LogsOptions): Promise<void> {
  const since = sinceTime(options.since);
  const regions = await selectRegions(options);
  const gateways = options.follow === true ? await runningGateways(options) : await gatewaysOf(regions);
  const printer = new LogPrinter((line) => console.log(line));
  const print = (record: LogRecord, region: string): void => {
    if (options.json === true) console.log(JSON.stringify({ region, ...record }));
    else printer.add(record, regions.length > 1 ? region : "");
  };
  const earlier = await Promise.all(
    regions.map(async (region) => {
      const gateway = gateways.find((each) => each.region.folder === region.folder);
      const records = gateway === undefined ? leftRecords(region) : recordsOf(gateway, functionName, since);
      return collect(records, logFilter(functionName, since), region.label);
    }),
  );
  for (const { record, region } of earlier.flat().sort((a, b) => a.record.time - b.record.time)) print(record, region);
  printer.flush();
  if (options.follow !== true) return;
  const now = Date.now();
  await Promise.all(
    gateways.map(async (gateway) => {
      for await (const record of recordsOf(gateway, functionName, now, true)) print(record, gateway.region.label);
    }),
  );
}

function leftRecords({ folder }: LocalRegion): AsyncIterable<LogRecord> {
  return readLog(join(folder, STATE_FOLDER, LOG_FILE));
}

function recordsOf(
  gateway: AdminClient,
  functionName: string | undefined,
  since: number,
  follow = false,
): AsyncIterable<LogRecord> {
  const query = new URLSearchParams({ since: String(since) });
  if (functionName !== undefined) query.set("function", functionName);
  if (follow) query.set("follow", "1");
  return gateway.stream<LogRecord>(`/logs?${query.toString()}`);
}

async function collect(
  records: AsyncIterable<LogRecord>,
  wanted: (record: LogRecord) => boolean,
  region: string,
): Promise<{ record: LogRecord; region: string }[]> {
  const collected: { record: LogRecord; region: string }[] = [];
  for await (const record of records) if (wanted(record)) collected.push({ record, region });
  return collected;
}

/** @throws CliError for what is neither a duration nor a time. */
export function sinceTime(since: string | undefined, now = Date.now()): number {
  if (since === undefined) return 0;
  const [, amount, unit] = /^(\d+)\s*([smhd])$/.exec(since) ?? [];
  if (amount !== undefined && unit !== undefined) return now - Number(amount) * UNIT_MS[unit];
  const time = Date.parse(since);
  if (Number.isNaN(time))
    throw new CliError(
      `--since: "${since}" is neither a duration such as "10m" nor a time such as "2025-01-31T12:00:00Z".`,
    );
  return time;
}
