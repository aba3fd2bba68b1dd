import { type LogRecord } from "../../gateway/gatewayOptions";
import { type AdminClient } from "../admin/adminClient";
import { type LogQuery } from "../regions/regionAccess";

/** Records are about in the order of their times: one that was made earlier than another is at most this much later. */
const OVERLAP_MS = 5_000;
/** Recent records are sorted out when their number has grown by this. */
const TIDY_EVERY = 1_000;

/**
 * The log of one gateway, each record once: every reading goes on where the one before has ended, and what lies on both
 * sides of that border is told apart.
 */
export class LogTail {
  /** Records from {@link OVERLAP_MS} before the latest time on, as the gateway would say them again. */
  private recent: { time: number; json: string }[] = [];
  private latest = 0;
  private tidyAt = TIDY_EVERY;

  constructor(private readonly query: LogQuery) {}

  /** @throws CliError when the gateway ends, or the connection to it. */
  async *read(gateway: AdminClient, follow: boolean): AsyncGenerator<LogRecord> {
    const known = this.countRecent();
    for await (const record of gateway.stream<LogRecord>(this.path(follow))) {
      const json = JSON.stringify(record);
      const repeated = known.get(json) ?? 0;
      if (repeated > 0) {
        known.set(json, repeated - 1);
        continue;
      }
      this.remember(record.time, json);
      yield record;
    }
  }

  /** All that was logged so far. */
  async readAll(gateway: AdminClient): Promise<LogRecord[]> {
    const records: LogRecord[] = [];
    for await (const record of this.read(gateway, false)) records.push(record);
    return records;
  }

  private path(follow: boolean): string {
    const since = Math.max(this.query.since, this.latest - OVERLAP_MS);
    const query = new URLSearchParams({ since: String(since) });
    if (this.query.function !== undefined) query.set("function", this.query.function);
    if (follow) query.set("follow", "1");
    return `/logs?${query.toString()}`;
  }

  private remember(time: number, json: string): void {
    this.latest = Math.max(this.latest, time);
    this.recent.push({ time, json });
    if (this.recent.length < this.tidyAt) return;
    this.tidy();
    this.tidyAt = this.recent.length + TIDY_EVERY;
  }

  private tidy(): void {
    this.recent = this.recent.filter(({ time }) => time >= this.latest - OVERLAP_MS);
  }

  /** Two records may well be the same: a handler that says a word twice. */
  private countRecent(): Map<string, number> {
    this.tidy();
    const counts = new Map<string, number>();
    for (const { json } of this.recent) counts.set(json, (counts.get(json) ?? 0) + 1);
    return counts;
  }
}
