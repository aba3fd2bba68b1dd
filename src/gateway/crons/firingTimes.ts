import { Cron } from "croner";

import { zoneOffset } from "./zoneOffset";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Longer than the time by which a zone's clocks are ever put forward or back at once. */
const LONGEST_CHANGE_MS = 3 * HOUR_MS;

/**
 * When a schedule fires. A pure function of the time asked from: the firings after a time are the same whoever asks when,
 * which is what lets a restarted gateway tell which ones it missed.
 *
 * The calendar is croner's, asked in a fixed offset from UTC; what happens when a zone's offset changes is decided here,
 * by the rules of Vixie cron, since croner 9 itself leaves out the repeated hour of schedules that fire hourly or more
 * often, and answers differently for a time within it. A schedule whose hours are named (`30 2 * * *`) fires once for each
 * wall-clock time: at the first of two, and as much later as the clocks were put forward if there is none. A schedule whose
 * hours are not (`0 * * * *`) goes on with the time that passes.
 */
export class FiringTimes {
  readonly #schedule: string;
  readonly #offsetAt: (time: number) => number;
  readonly #namedHours: boolean;
  readonly #crons = new Map<number, Cron>();

  constructor(schedule: string, timezone: string) {
    this.#schedule = schedule;
    this.#offsetAt = zoneOffset(timezone);
    this.#namedHours = hasNamedHours(schedule);
  }

  /** The first firing later than a time, in milliseconds since the epoch; `undefined` when there is none. */
  next(after: number): number | undefined {
    let from = after;
    let offset = this.#offsetAt(after);
    let postponed = this.#postponed(after, this.#offsetAt(after - LONGEST_CHANGE_MS), offset);
    for (;;) {
      const firing = this.#nextAtOffset(from, offset);
      if (firing === undefined) return postponed;
      const change = this.#offsetChange(from, firing, offset);
      if (change === undefined) {
        if (postponed !== undefined && postponed <= firing) return postponed;
        if (!this.#namedHours || !this.#isRepeated(firing, offset)) return firing;
        from = firing;
        continue;
      }
      const nextOffset = this.#offsetAt(change);
      postponed ??= this.#postponed(from, offset, nextOffset);
      from = Math.max(from, change - 1);
      offset = nextOffset;
    }
  }

  /** The firings later than `after` and not later than `until`, oldest first; the newest ones when there are more. */
  between(after: number, until: number, limit: number): { times: number[]; complete: boolean } {
    for (let span = MINUTE_MS; ; span *= 2) {
      const start = Math.max(after, until - span);
      const times: number[] = [];
      for (let time = this.next(start); time !== undefined && time <= until; time = this.next(time)) times.push(time);
      const complete = start === after;
      if (times.length > limit) return { times: times.slice(-limit), complete: false };
      if (complete) return { times, complete };
    }
  }

  #nextAtOffset(from: number, offset: number): number | undefined {
    let cron = this.#crons.get(offset);
    if (cron === undefined) {
      cron = new Cron(this.#schedule, { utcOffset: offset, paused: true, legacyMode: true });
      this.#crons.set(offset, cron);
    }
    return cron.nextRun(new Date(from))?.getTime();
  }

  /** The first time in `(from, to]` at which the zone has another offset. */
  #offsetChange(from: number, to: number, offset: number): number | undefined {
    let before = from;
    let after = Math.min(before + DAY_MS, to);
    while (this.#offsetAt(after) === offset) {
      if (after === to) return undefined;
      before = after;
      after = Math.min(after + DAY_MS, to);
    }
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.#offsetAt(middle) === offset) before = middle;
      else after = middle;
    }
    return after;
  }

  /** The next firing at a time that the clocks skip when they are put forward from one offset to another. */
  #postponed(after: number, offset: number, nextOffset: number): number | undefined {
    if (!this.#namedHours || nextOffset <= offset) return undefined;
    const firing = this.#nextAtOffset(after, offset);
    if (firing === undefined || this.#offsetAt(firing) !== nextOffset) return undefined;
    return this.#offsetAt(firing - (nextOffset - offset) * MINUTE_MS) === offset ? firing : undefined;
  }

  /** Says whether the clocks showed this time once before, until they were put back. */
  #isRepeated(time: number, offset: number): boolean {
    const earlier = this.#offsetAt(time - LONGEST_CHANGE_MS);
    return earlier > offset && this.#offsetAt(time - (earlier - offset) * MINUTE_MS) === earlier;
  }
}

function hasNamedHours(schedule: string): boolean {
  if (schedule.startsWith("@")) return schedule.toLowerCase() !== "@hourly";
  const fields = schedule.trim().split(/\s+/);
  return !/[*?]/.test(fields[fields.length - 4]);
}
