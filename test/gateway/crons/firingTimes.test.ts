import { execFileSync } from "node:child_process";

import { FiringTimes } from "../../../src/gateway/crons/firingTimes";
import { parseSchedule } from "../../../src/spec";

/** The firings after a time, as `MM-DDTHH:MM:SS` in UTC. */
function firings(schedule: string, timezone: string, after: string, count: number): string[] {
  const times = new FiringTimes(schedule, timezone);
  const found: string[] = [];
  let time: number | undefined = Date.parse(after);
  while (found.length < count && (time = times.next(time)) !== undefined)
    found.push(new Date(time).toISOString().slice(5, 19));
  return found;
}

describe("a schedule with named hours", () => {
  it("follows the clocks of its zone", () => {
    expect(firings("0 2 * * *", "Europe/Istanbul", "2025-03-29T12:00:00Z", 3)).toEqual([
      "03-29T23:00:00",
      "03-30T23:00:00",
      "03-31T23:00:00",
    ]);
    expect(firings("0 9 * * 1-5", "America/New_York", "2025-03-07T15:00:00Z", 2)).toEqual([
      "03-10T13:00:00",
      "03-11T13:00:00",
    ]);
    expect(firings("0 10 1 7 *", "Europe/Berlin", "2025-01-01T00:00:00Z", 2)).toEqual([
      "07-01T08:00:00",
      "07-01T08:00:00",
    ]);
  });

  it.each([
    ["Europe/Berlin", "30 2 * * *", "2025-03-29T12:00:00Z", ["03-30T01:30:00", "03-31T00:30:00"]],
    ["America/New_York", "30 2 * * *", "2025-03-08T12:00:00Z", ["03-09T07:30:00", "03-10T06:30:00"]],
    ["Europe/Berlin", "30 2,3 * * *", "2025-03-29T12:00:00Z", ["03-30T01:30:00", "03-31T00:30:00"]],
    ["Australia/Lord_Howe", "15 2 * * *", "2025-10-04T12:00:00Z", ["10-04T15:45:00", "10-05T15:15:00"]],
  ])("fires later on the day on which %s skips its time (%s)", (timezone, schedule, after, expected) => {
    expect(firings(schedule, timezone, after, 2)).toEqual(expected);
  });

  it.each([
    ["Europe/Berlin", "30 2 * * *", "2025-10-25T12:00:00Z", ["10-26T00:30:00", "10-27T01:30:00"]],
    ["America/New_York", "30 1 * * *", "2025-11-01T12:00:00Z", ["11-02T05:30:00", "11-03T06:30:00"]],
    ["Australia/Lord_Howe", "45 1 * * *", "2025-04-05T12:00:00Z", ["04-05T14:45:00", "04-06T15:15:00"]],
  ])("fires once on the day on which %s repeats its time (%s)", (timezone, schedule, after, expected) => {
    expect(firings(schedule, timezone, after, 2)).toEqual(expected);
  });

  it("is not fired again by whoever asks within the repeated hour", () => {
    for (const after of ["2025-10-26T00:45:00Z", "2025-10-26T01:15:00Z", "2025-10-26T01:45:00Z"])
      expect(firings("30 2 * * *", "Europe/Berlin", after, 1)).toEqual(["10-27T01:30:00"]);
    expect(firings("30 2 * * *", "Europe/Berlin", "2025-10-26T00:15:00Z", 1)).toEqual(["10-26T00:30:00"]);
  });
});

describe("a schedule of every hour or more often", () => {
  it.each([
    ["*/30 * * * *", "Europe/Berlin", "2025-10-25T23:35:00Z", 30],
    ["*/30 * * * *", "Europe/Berlin", "2025-03-29T23:35:00Z", 30],
    ["30 * * * *", "America/New_York", "2025-11-02T03:35:00Z", 60],
    ["0 * * * *", "America/New_York", "2025-03-09T04:35:00Z", 60],
    ["@hourly", "America/New_York", "2025-11-02T03:35:00Z", 60],
    ["*/20 * * * * *", "Europe/Berlin", "2025-10-26T00:58:50Z", 1 / 3],
    ["*/20 * * * * *", "Europe/Berlin", "2025-10-26T01:58:50Z", 1 / 3],
  ])("goes on through a change of the clocks (%s in %s after %s)", (schedule, timezone, after, minutes) => {
    const times = firings(schedule, timezone, after, 8).map((time) => Date.parse(`2025-${time}Z`));
    expect(times[0] - Date.parse(after)).toBeLessThanOrEqual(minutes * 60_000);
    const gaps = times.slice(1).map((time, index) => (time - times[index]) / 60_000);
    expect(gaps).toEqual(Array<number>(7).fill(minutes));
  });

  it("of every second hour keeps to the even hours of the zone", () => {
    expect(firings("0 */2 * * *", "Europe/Berlin", "2025-10-25T21:00:00Z", 4)).toEqual([
      "10-25T22:00:00",
      "10-26T00:00:00",
      "10-26T01:00:00",
      "10-26T03:00:00",
    ]);
  });
});

it.each([
  ["Europe/Berlin", "2025-03-29T22:00:00Z"],
  ["Europe/Berlin", "2025-10-25T22:00:00Z"],
  ["America/New_York", "2025-03-09T04:00:00Z"],
  ["America/New_York", "2025-11-02T03:00:00Z"],
  ["Australia/Lord_Howe", "2025-10-04T12:00:00Z"],
  ["Australia/Lord_Howe", "2025-04-05T12:00:00Z"],
])("is the same whenever one asks, around a change of the clocks (%s, %s)", (timezone, start) => {
  const end = Date.parse(start) + 6 * 3_600_000;
  for (const schedule of [
    "30 2 * * *",
    "10,35 1,2 * * *",
    "*/30 * * * *",
    "0 */2 * * *",
    "*/20 2-3 * * *",
    "5 * * * *",
  ]) {
    const times = new FiringTimes(schedule, timezone);
    const { times: expected } = times.between(Date.parse(start), end + 3_600_000 * 30, 10_000);
    for (let after = Date.parse(start); after < end; after += 150_000)
      expect([schedule, after, times.next(after)]).toEqual([schedule, after, expected.find((time) => time > after)]);
  }
});

it("fires postponed times among the others of the hour they fall into", () => {
  expect(firings("10,35 2 * * *", "Australia/Lord_Howe", "2025-10-04T12:00:00Z", 3)).toEqual([
    "10-04T15:35:00",
    "10-04T15:40:00",
    "10-05T15:10:00",
  ]);
});

it("differs from croner 9 only around changes of the clocks", () => {
  const schedules = [
    "30 2 * * *",
    "*/7 3-5 * * 1",
    "15 10 * * 5",
    "0 0 29 2 *",
    "0 12 L * *",
    "@monthly",
    "5 4 1,15 */2 *",
  ];
  for (const timezone of ["Europe/Istanbul", "UTC", "Asia/Kolkata", "America/Sao_Paulo"])
    for (const schedule of schedules) {
      const croner = parseSchedule(schedule, timezone).nextRuns(5, new Date("2025-02-03T04:05:06Z"));
      const expected = croner.map((date) => date.toISOString().slice(5, 19));
      expect(firings(schedule, timezone, "2025-02-03T04:05:06Z", 5)).toEqual(expected);
    }
});

it("croner 9 itself leaves out an hour when clocks are put back", () => {
  const croner = parseSchedule("*/30 * * * *", "Europe/Berlin");
  expect(croner.nextRun(new Date("2025-10-25T23:35:00Z"))?.toISOString()).toBe("2025-10-26T01:00:00.000Z");
});

it("does not depend on the zone of the process", () => {
  const module = require.resolve("../../../dist/gateway/crons/firingTimes.js");
  const script = `const { FiringTimes } = require(${JSON.stringify(module)});
    process.stdout.write(String(new FiringTimes("30 2 * * *", "Europe/Berlin").next(Date.parse("2025-03-29T12:00:00Z"))))`;
  for (const TZ of ["America/New_York", "Europe/Berlin", "Pacific/Auckland"]) {
    const output = execFileSync(process.execPath, ["-e", script], { env: { ...process.env, TZ }, encoding: "utf8" });
    expect(Number(output)).toBe(Date.parse("2025-03-30T01:30:00Z"));
  }
});

describe("the firings between two times", () => {
  const time = (iso: string) => Date.parse(iso);

  it("are those later than the first and not later than the second", () => {
    const { times, complete } = new FiringTimes("0 * * * *", "UTC").between(
      time("2025-01-01T00:00:00Z"),
      time("2025-01-01T03:00:00Z"),
      10,
    );
    expect(times.map((at) => new Date(at).getUTCHours())).toEqual([1, 2, 3]);
    expect(complete).toBe(true);
  });

  it("are the newest ones when there are too many, found without looking at all", () => {
    const start = process.cpuUsage();
    const end = time("2025-01-01T00:00:00Z");
    const { times, complete } = new FiringTimes("* * * * * *", "Europe/Berlin").between(
      time("2015-01-01T00:00:00Z"),
      end,
      1_000,
    );
    expect(times).toHaveLength(1_000);
    expect(times[0]).toBe(end - 999_000);
    expect(times[999]).toBe(end);
    expect(complete).toBe(false);
    expect(process.cpuUsage(start).user).toBeLessThan(2_000_000);
  });
});
