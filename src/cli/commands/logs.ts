import { type LogRecord } from "../../gateway/gatewayOptions";
import { UsageError } from "../errors";
import { LogPrinter } from "../output/logLines";
import { printText } from "../output/terminalText";
import { askEach, type RegionSelection, withRegions } from "../regions/regionSelection";

export interface LogsOptions extends RegionSelection {
  follow?: boolean;
  /** A duration back from now such as `10m`, or a time. */
  since?: string;
  json?: boolean;
}

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * `fullcode logs`: records of all selected regions, oldest first; with `follow` as they come. Regions of this machine that
 * are not served have the records that their last gateway has left.
 */
export async function logs(functionName: string | undefined, options: LogsOptions): Promise<void> {
  const query = { function: functionName, since: sinceTime(options.since) };
  await withRegions(options, async (regions) => {
    const printer = new LogPrinter((line) => console.log(line));
    const print = (record: LogRecord, region: string): void => {
      if (options.json === true) printText(JSON.stringify({ region, ...record }));
      else printer.add(record, regions.all.length > 1 ? region : "");
    };
    const opened = await askEach(regions.all, async (region) => ({
      label: region.label,
      log: await region.logs(query),
    }));
    const followed = opened.filter(({ log }) => options.follow === true && log.live);
    if (options.follow === true && followed.length === 0) throw regions.notServed();
    const earlier = await askEach(opened, async ({ label, log }) =>
      (await log.earlier()).map((record) => ({ label, record })),
    );
    if (functionName !== undefined && earlier.flat().length === 0) await regions.requireFunction(functionName);
    for (const { label, record } of earlier.flat().sort((a, b) => a.record.time - b.record.time)) print(record, label);
    printer.flush();
    await Promise.all(followed.map(({ label, log }) => log.follow((record) => print(record, label))));
  });
}

/** @throws UsageError for what is neither a duration nor a time. */
export function sinceTime(since: string | undefined, now = Date.now()): number {
  if (since === undefined) return 0;
  const [, amount, unit] = /^(\d+)\s*([smhd])$/.exec(since) ?? [];
  if (amount !== undefined && unit !== undefined) return now - Number(amount) * UNIT_MS[unit];
  // JavaScript takes almost anything for a date: "10" is a day in October 2001
  const time = /^\d{4}-\d\d-\d\d/.test(since) ? Date.parse(since) : NaN;
  if (Number.isNaN(time))
    throw new UsageError(
      `--since: "${since}" is neither a duration such as "10m" nor a time such as "2025-01-31T12:00:00Z".`,
    );
  return time;
}
