import { z } from "zod";

import type { CronDocument } from "../../spec";
import type { MessageStore } from "../queues/messageStore";

const firingRecord = z.object({ schedule: z.string(), timezone: z.string(), upTo: z.number() });

/**
 * How far a cron has come: every firing up to this time has been published or passed over. The record names its schedule,
 * so that one of another schedule, or of a cron that was removed, is never taken for a long outage.
 */
export interface FiringRecord {
  /** Milliseconds since the epoch; `undefined` when nothing is known of this schedule. */
  upTo: number | undefined;
  /** The stored text, for compare-and-set. */
  stored: string | undefined;
}

type Schedule = Pick<CronDocument, "name" | "schedule" | "timezone">;

export async function readFiringRecord(store: MessageStore, cron: Schedule): Promise<FiringRecord> {
  const stored = await store.value(keyOf(cron));
  if (stored === undefined) return { upTo: undefined, stored };
  const { data } = firingRecord.safeParse(JSON.parse(stored));
  const same = data?.schedule === cron.schedule && data.timezone === cron.timezone;
  return { upTo: same ? data.upTo : undefined, stored };
}

/** Says whether the record was still as it was read. */
export function writeFiringRecord(
  store: MessageStore,
  cron: Schedule,
  record: FiringRecord,
  upTo: number,
): Promise<boolean> {
  const { schedule, timezone } = cron;
  return store.compareAndSet(keyOf(cron), record.stored, JSON.stringify({ schedule, timezone, upTo }));
}

/** Makes a cron that comes back later a new one. */
export async function forgetFirings(store: MessageStore, cron: Schedule): Promise<void> {
  const { upTo, stored } = await readFiringRecord(store, cron);
  if (upTo !== undefined) await store.compareAndSet(keyOf(cron), stored, JSON.stringify({}));
}

function keyOf(cron: Schedule): string {
  return `cron.${cron.name}`;
}
