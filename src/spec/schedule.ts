import { Cron } from "croner";

/**
 * Says what is wrong with a cron's schedule and time zone, or returns an empty list for a good pair.
 *
 * Five fields (minute, hour, day of month, month, day of week), or six with seconds first.
 */
export function problemsWithSchedule(schedule: unknown, timezone: unknown): { schedule?: string; timezone?: string } {
  const problems: { schedule?: string; timezone?: string } = {};
  if (typeof timezone !== "string") problems.timezone = 'must be a plain string such as "Europe/Istanbul"';
  else if (!isTimezone(timezone))
    problems.timezone = `"${timezone}" is not a time zone of the IANA database, such as "Europe/Istanbul" or "UTC"`;
  if (typeof schedule !== "string") {
    problems.schedule = 'must be a plain string such as "0 2 * * *"';
    return problems;
  }
  const fields = schedule.trim().split(/\s+/).length;
  if (!schedule.startsWith("@") && fields !== 5 && fields !== 6) {
    problems.schedule = `"${schedule}" has ${fields} field${fields === 1 ? "" : "s"}; a schedule has five (minute, hour, day, month, weekday) or six (seconds first)`;
    return problems;
  }
  try {
    const cron = parseSchedule(schedule, problems.timezone === undefined ? (timezone as string) : "UTC");
    if (cron.nextRun() === null) problems.schedule = `"${schedule}" never fires: no date matches it`;
  } catch (error) {
    const reason = (error as Error).message.replace(/^CronPattern: /, "");
    problems.schedule = `"${schedule}" is not a schedule: ${reason}`;
  }
  return problems;
}

/** A schedule that computes firing times but starts no timer. */
export function parseSchedule(schedule: string, timezone: string): Cron {
  return new Cron(schedule, { timezone, paused: true, legacyMode: true });
}

function isTimezone(timezone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: timezone });
    return /^[A-Za-z]/.test(timezone);
  } catch {
    return false;
  }
}
