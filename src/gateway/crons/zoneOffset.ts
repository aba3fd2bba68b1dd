const MINUTE_MS = 60_000;

/** Minutes by which a time zone is ahead of UTC, as a function of the time in milliseconds since the epoch. */
export function zoneOffset(timezone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  return (time) => {
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of format.formatToParts(time)) parts[type] = Number(value);
    const wall = Date.UTC(parts.year!, parts.month! - 1, parts.day, parts.hour, parts.minute);
    return Math.round((wall - Math.floor(time / MINUTE_MS) * MINUTE_MS) / MINUTE_MS);
  };
}
