import { expect, test } from "vitest";
import { CronError, nextTime, parseCron } from "./cron.ts";
import { seededRandom } from "./seeded-random.ts";

/** The times after a moment, as ISO text without seconds. */
function times(expression: string, after: string, count = 1): string[] {
  const cron = parseCron(expression);
  let at = Date.parse(`${after}Z`);
  return Array.from({ length: count }, () => {
    at = nextTime(cron, at) ?? Number.NaN;
    return new Date(at).toISOString().slice(0, 16);
  });
}

// Times checked by hand with a calendar. 2026-11-01 is a Sunday.
test.each([
  ["* * * * *", "2026-11-28T06:59:30", ["2026-11-28T07:00", "2026-11-28T07:01"]],
  ["*/20 * * * *", "2026-11-28T06:20", ["2026-11-28T06:40", "2026-11-28T07:00", "2026-11-28T07:20"]],
  ["5/25 * * * *", "2026-11-28T06:00", ["2026-11-28T06:05", "2026-11-28T06:30", "2026-11-28T06:55"]],
  [
    "10-20/5,50 23 * * *",
    "2026-11-28T00:00",
    ["2026-11-28T23:10", "2026-11-28T23:15", "2026-11-28T23:20", "2026-11-28T23:50"],
  ],
  ["58-1 12 * * *", "2026-11-28T12:01", ["2026-11-28T12:58", "2026-11-28T12:59", "2026-11-29T12:00"]],
  ["0 0 * * *", "2026-12-31T00:00", ["2027-01-01T00:00"]],
  ["0 17 * * SUN", "2026-11-01T17:00", ["2026-11-08T17:00"]],
  ["0 17 * * 1", "2026-10-31T00:00", ["2026-11-01T17:00"]],
  ["10 7 * * mon-fri", "2026-11-06T07:10", ["2026-11-09T07:10"]],
  ["0 0 * * 7,1", "2026-11-02T00:00", ["2026-11-07T00:00", "2026-11-08T00:00"]],
  ["0 0 * * SAT-SUN", "2026-11-02T00:00", ["2026-11-07T00:00", "2026-11-08T00:00", "2026-11-14T00:00"]],
  ["0 0 * * FRI-TUE/2", "2026-11-02T00:00", ["2026-11-03T00:00", "2026-11-06T00:00", "2026-11-08T00:00"]],
  ["0 0 * * L", "2026-11-01T00:00", ["2026-11-07T00:00", "2026-11-14T00:00"]],
  [
    "59 23 LW * *",
    "2026-10-01T00:00",
    ["2026-10-30T23:59", "2026-11-30T23:59", "2026-12-31T23:59", "2027-01-29T23:59"],
  ],
  ["0 18 * * 6L", "2026-11-01T00:00", ["2026-11-27T18:00", "2026-12-25T18:00"]],
  ["0 18 * * friL", "2027-01-01T00:00", ["2027-01-29T18:00"]],
  ["0 9 * * mon#2", "2026-11-01T00:00", ["2026-11-09T09:00", "2026-12-14T09:00"]],
  ["0 9 * * 1#5", "2026-11-01T00:00", ["2026-11-29T09:00", "2027-01-31T09:00"]],
  ["0 0 L * *", "2028-01-31T00:00", ["2028-02-29T00:00", "2028-03-31T00:00"]],
  ["0 0 L-2 2 *", "2026-12-01T00:00", ["2027-02-26T00:00", "2028-02-27T00:00"]],
  ["0 0 L-1W * *", "2026-10-01T00:00", ["2026-10-30T00:00", "2026-11-30T00:00"]],
  ["0 0 1W * *", "2026-07-31T00:00", ["2026-08-03T00:00", "2026-09-01T00:00", "2026-10-01T00:00", "2026-11-02T00:00"]],
  ["0 0 15w * *", "2026-11-01T00:00", ["2026-11-16T00:00", "2026-12-15T00:00"]],
  ["0 0 31W * *", "2026-10-01T00:00", ["2026-10-30T00:00", "2026-12-31T00:00", "2027-01-29T00:00"]],
  ["0 0 29 2 *", "2026-01-01T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]],
  ["0 0 29 FEB 1#5", "2026-01-01T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]],
  ["0 0 1 JAN-mar/2 *", "2026-01-01T00:00", ["2026-03-01T00:00", "2027-01-01T00:00"]],
  ["0 0 1 11-2/2 *", "2026-11-01T00:00", ["2027-01-01T00:00", "2027-11-01T00:00"]],
  // Either field of days is enough when both say something, even "every day" as a step.
  [
    "0 0 13 * FRI",
    "2026-11-08T00:00",
    [
      "2026-11-13T00:00",
      "2026-11-20T00:00",
      "2026-11-27T00:00",
      "2026-12-04T00:00",
      "2026-12-11T00:00",
      "2026-12-13T00:00",
    ],
  ],
  ["0 0 */1 * MON", "2026-11-01T00:00", ["2026-11-02T00:00", "2026-11-03T00:00"]],
  ["  0\t0   1 1 * ", "2026-11-01T00:00", ["2027-01-01T00:00"]],
])("%s after %s", (expression, after, expected) => {
  expect(times(expression, after, expected.length)).toEqual(expected);
});

test.each([
  ["", "0 fields"],
  ["* * * *", "4 fields"],
  ["* * * * * *", "6 fields"],
  ["60 * * * *", "minute"],
  ["* 24 * * *", "hour"],
  ["* * 0 * *", "day of the month"],
  ["* * 32 * *", "day of the month"],
  ["* * * 13 *", "month"],
  ["* * * january *", "month"],
  ["* * * * 0", "1 being Sunday"],
  ["* * * * 8", "day of the week"],
  ["*/0 * * * *", "step"],
  ["*/60 * * * *", "step"],
  ["* * * */12 *", "step"],
  ["*,5 * * * *", "list"],
  ["5,* * * * *", "list"],
  ["*-5 * * * *", "cannot be read"],
  ["1-2-3 * * * *", "cannot be read"],
  ["1//2 * * * *", "cannot be read"],
  ["-1 * * * *", "cannot be read"],
  ["1, * * * *", "cannot be read"],
  ["1.5 * * * *", "cannot be read"],
  ["? * * * *", "cannot be read"],
  ["* * L-0 * *", "1 to 30"],
  ["* * L-31 * *", "1 to 30"],
  ["* * L,5 * *", "cannot be read"],
  ["* * LL * *", "cannot be read"],
  ["* * W * *", "day of the month"],
  ["* * * * mon#0", "1 to 5"],
  ["* * * * mon#6", "1 to 5"],
  ["* * * * mon#1#2", "1 to 5"],
  ["* * * * #1", "day of the week"],
  ["* L * * *", "hour"],
  ["0 0 30 2 *", "no date"],
  ["0 0 31 2,4,6,9,11 *", "no date"],
  ["@hourly", "1 fields"],
  ["1 1 1 1 1111111111111111", "day of the week"],
])("%s is refused", (expression, why) => {
  expect(() => parseCron(expression)).toThrow(CronError);
  expect(() => parseCron(expression)).toThrow(why);
});

test("the next time is later, and is the first that matches by another way of looking", () => {
  const random = seededRandom(5);
  const pick = (min: number, max: number) => min + random(max - min + 1);
  const item = (min: number, max: number) => {
    const [one, other] = [pick(min, max), pick(min, max)].sort((a, b) => a - b);
    return [`${one}`, `${one}-${other}`, `*/${pick(1, max - min)}`, `${one}/${pick(1, max - min)}`][pick(0, 3)];
  };
  const field = (min: number, max: number) =>
    random(10) < 4 ? "*" : Array.from({ length: pick(1, 3) }, () => item(min, max)).join(",");
  for (let round = 0; round < 300; round++) {
    const expression = [field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(1, 7)].join(" ");
    const cron = parseCron(expression);
    const after = Date.UTC(2020, 0, 1) + random(20 * 365 * 1440) * 60_000 + random(60_000);
    const next = nextTime(cron, after);
    expect(next, expression).toBeGreaterThan(after);
    expect((next ?? 0) % 60_000).toBe(0);
    expect(matches(expression, next ?? 0), `${expression} at ${next}`).toBe(true);
    // Up to two days before it, minute by minute.
    const from = Math.max(after, (next ?? 0) - 2 * 86_400_000);
    for (let at = (Math.floor(from / 60_000) + 1) * 60_000; at < (next ?? 0); at += 60_000) {
      if (matches(expression, at)) throw new Error(`${expression}: ${new Date(at).toISOString()} was left out`);
    }
  }
});

/** A plain reading of expressions without letters. */
function matches(expression: string, atMs: number): boolean {
  const date = new Date(atMs);
  const [minute, hour, monthDay, month, weekday] = expression.split(" ") as [string, string, string, string, string];
  const has = (text: string, max: number, value: number) =>
    text.split(",").some((part) => {
      const [range = "", step = "1"] = part.split("/");
      const [first = 0, last = part.includes("/") ? max : first] = range === "*" ? [] : range.split("-").map(Number);
      if (range === "*") return part === "*" || (value - (max === 59 || max === 23 ? 0 : 1)) % Number(step) === 0;
      return value >= first && value <= last && (value - first) % Number(step) === 0;
    });
  const isMonthDay = has(monthDay, 31, date.getUTCDate());
  const isWeekday = has(weekday, 7, date.getUTCDay() + 1);
  const isDay = monthDay === "*" ? isWeekday : weekday === "*" ? isMonthDay : isMonthDay || isWeekday;
  return (
    has(minute, 59, date.getUTCMinutes()) &&
    has(hour, 23, date.getUTCHours()) &&
    has(month, 12, date.getUTCMonth() + 1) &&
    isDay
  );
}
