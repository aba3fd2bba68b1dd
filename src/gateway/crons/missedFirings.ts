import type { CronDocument } from "../../spec";
import { LATE_FIRING_SECONDS, MAX_MISSED_FIRINGS } from "../../spec/limits";
import type { FiringTimes } from "./firingTimes";

export interface DueFirings {
  /** Scheduled times to fire for, oldest first. */
  times: number[];
  /** Firings that are too late, whether or not `times` has one in their place. */
  missed: number;
  /** There were more missed firings than counted. */
  more: boolean;
}

/**
 * Which firings of `(after, now]` take place. One that is late by up to `LATE_FIRING_SECONDS` does in any case: a timer
 * that comes late and a gateway that is restarted are no outage. Of the others `policy` decides; with `latest`, the newest
 * one stands for all, unless a later one takes place anyway.
 */
export function dueFirings(
  firings: FiringTimes,
  after: number,
  now: number,
  policy: CronDocument["missed"],
): DueFirings {
  const onTimeSince = Math.max(after, now - LATE_FIRING_SECONDS * 1_000 - 1);
  const { times: onTime } = firings.between(onTimeSince, now, Infinity);
  if (onTimeSince === after) return { times: onTime, missed: 0, more: false };
  const { times: missed, complete } = firings.between(after, onTimeSince, MAX_MISSED_FIRINGS);
  const caughtUp = {
    skip: () => [],
    latest: () => (onTime.length > 0 ? [] : missed.slice(-1)),
    all: () => missed,
  }[policy]();
  return { times: [...caughtUp, ...onTime], missed: missed.length, more: !complete };
}
