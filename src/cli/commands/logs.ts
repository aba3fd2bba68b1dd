import { type LogRecord } from "../../gateway/gatewayOptions";
import { type AdminClient } from "../admin/adminClient";
import { type RegionSelection, runningGateways } from "../admin/runningGateways";
import { CliError } from "../errors";
import { LogPrinter } from "../output/logLines";

export interface LogsOptions extends RegionSelection {
  follow?: boolean;
  /** A duration back from now such as `10m`, or a time. */
  since?: string;
  json?: boolean;
}

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `fullcode logs`: records of all selected regions, oldest first; with `follow` as they come. */
export async function logs(functionName: string | undefined, options: LogsOptions): Promise<void> {
  const gateways = await runningGateways(options);
  const query = new URLSearchParams({ since: String(sinceTime(options.since)) });
  if (functionName !== undefined) query.set("function", functionName);
  const printer = new LogPrinter((line) => console.log(line));
  const print = (record: LogRecord, region: string): void => {
    if (options.json === true) console.log(JSON.stringify({ region, ...record }));
    else printer.add(record, gateways.length > 1 ? region : "");
  };
  const earlier = await Promise.all(gateways.map((gateway) => recordsOf(gateway, query)));
  for (const { record, region } of earlier.flat().sort((a, b) => a.record.time - b.record.time)) print(record, region);
  printer.flush();
  if (options.follow !== true) return;
  query.set("since", String(Date.now()));
  query.set("follow", "1");
  await Promise.all(gateways.map((gateway) => follow(gateway, query, print)));
}

async function recordsOf(
  gateway: AdminClient,
  query: URLSearchParams,
): Promise<{ record: LogRecord; region: string }[]> {
  const records: { record: LogRecord; region: string }[] = [];
  for await (const record of gateway.stream<LogRecord>(`/logs?${query.toString()}`))
    records.push({ record, region: gateway.region.label });
  return records;
}

async function follow(
  gateway: AdminClient,
  query: URLSearchParams,
  print: (record: LogRecord, region: string) => void,
): Promise<void> {
  for await (const record of gateway.stream<LogRecord>(`/logs?${query.toString()}`))
    print(record, gateway.region.label);
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
