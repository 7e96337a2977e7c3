/**
 * Cron expressions in the dialect of Cloudflare's Cron Triggers, always in UTC: five fields, weekdays 1 to 7 from Sunday, names, lists,
 * ranges, steps, and `L`, `W`, `#` in the fields of days. Where both fields of days say something, either is enough.
 */

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The calendar repeats after 400 years, so what has not come by then never does. */
const CALENDAR_DAYS = 146_097;

/** Whether a day of a month is meant. `weekday` is 0 for Sunday, `last` the month's last day. */
type DayRule = (day: number, weekday: number, last: number) => boolean;

export interface Cron {
  /** In order. */
  minutes: readonly number[];
  hours: readonly number[];
  months: ReadonlySet<number>;
  isDay: DayRule;
}

/** An expression that cannot be read, or that never comes; the message says why. */
export class CronError extends Error {
  override name = "CronError";
}

interface Field {
  what: string;
  min: number;
  max: number;
  names?: readonly string[];
}

const MINUTE: Field = { what: "minute", min: 0, max: 59 };
const HOUR: Field = { what: "hour", min: 0, max: 23 };
const MONTH_DAY: Field = { what: "day of the month", min: 1, max: 31 };
const MONTH: Field = {
  ...{ what: "month", min: 1, max: 12 },
  names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
const WEEKDAY: Field = {
  ...{ what: "day of the week", min: 1, max: 7 },
  names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};

/** Throws {@link CronError}. */
export function parseCron(text: string): Cron {
  const fields = text.trim().split(/[ \t]+/);
  const [minute = "", hour = "", monthDay = "", month = "", weekday = ""] = fields;
  if (fields.length !== 5) {
    const count = text.trim() === "" ? 0 : fields.length;
    throw new CronError(
      `it has ${count} fields; five are needed: minute, hour, day of the month, month, day of the week`,
    );
  }
  const cron: Cron = {
    minutes: [...values(minute, MINUTE)].sort(byNumber),
    hours: [...values(hour, HOUR)].sort(byNumber),
    months: values(month, MONTH),
    isDay: either(monthDayRule(monthDay), weekdayRule(weekday)),
  };
  if (nextTime(cron, 0) === undefined) throw new CronError("no date ever matches it");
  return cron;
}

/** The first minute after this time that the expression means; milliseconds. Undefined: none, ever. */
export function nextTime({ minutes, hours, months, isDay }: Cron, afterMs: number): number | undefined {
  const fromMs = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS;
  const firstDay = Math.floor(fromMs / DAY_MS);
  for (let day = firstDay; day <= firstDay + CALENDAR_DAYS; day++) {
    const date = new Date(day * DAY_MS);
    const last = lastDay(date);
    if (!months.has(date.getUTCMonth() + 1)) {
      day += last - date.getUTCDate();
      continue;
    }
    if (!isDay(date.getUTCDate(), date.getUTCDay(), last)) continue;
    const sinceMidnight = day === firstDay ? (fromMs - day * DAY_MS) / MINUTE_MS : 0;
    for (const hour of hours) {
      if (hour < Math.floor(sinceMidnight / 60)) continue;
      const minute = minutes.find((one) => hour * 60 + one >= sinceMidnight);
      if (minute !== undefined) return day * DAY_MS + (hour * 60 + minute) * MINUTE_MS;
    }
  }
  return undefined;
}

function either(monthDay: DayRule | undefined, weekday: DayRule | undefined): DayRule {
  if (!monthDay || !weekday) return monthDay ?? weekday ?? (() => true);
  return (...date) => monthDay(...date) || weekday(...date);
}

/** Undefined: every day. */
function monthDayRule(text: string): DayRule | undefined {
  if (text === "*") return undefined;
  const [, fromEnd, workday] = /^L(?:-(\d+))?(W)?$/i.exec(text) ?? [];
  if (/^L/i.test(text)) {
    if (!/^L(-\d+)?W?$/i.test(text)) throw new CronError(`the day of the month "${text}" cannot be read`);
    const before = Number(fromEnd ?? 0);
    if (fromEnd !== undefined && (before < 1 || before > 30)) {
      throw new CronError(`the day of the month "${text}" must be 1 to 30 days before the last`);
    }
    return workday
      ? (day, weekday, last) => day === nearestWorkday(last - before, day, weekday, last)
      : (day, _, last) => day === last - before;
  }
  if (/W$/i.test(text)) {
    const wanted = value(text.slice(0, -1), MONTH_DAY);
    return (day, weekday, last) => day === nearestWorkday(wanted, day, weekday, last);
  }
  const days = values(text, MONTH_DAY);
  return (day) => days.has(day);
}

/** Monday to Friday nearest to the wanted day, within its month; undefined when the month has no such day. */
function nearestWorkday(wanted: number, day: number, weekday: number, last: number): number | undefined {
  if (wanted < 1 || wanted > last) return undefined;
  const wantedWeekday = (((weekday + wanted - day) % 7) + 7) % 7;
  if (wantedWeekday === 6) return wanted === 1 ? 3 : wanted - 1;
  if (wantedWeekday === 0) return wanted === last ? last - 2 : wanted + 1;
  return wanted;
}

/** Undefined: every day. */
function weekdayRule(text: string): DayRule | undefined {
  if (text === "*") return undefined;
  // Day 7, as the original reads it.
  if (/^L$/i.test(text)) return (_, weekday) => weekday === 6;
  if (/[A-Z0-9]L$/i.test(text)) {
    const wanted = value(text.slice(0, -1), WEEKDAY) - 1;
    return (day, weekday, last) => weekday === wanted && day + 7 > last;
  }
  if (text.includes("#")) {
    const [name = "", nth = "", ...more] = text.split("#");
    const wanted = value(name, WEEKDAY) - 1;
    if (!/^[1-5]$/.test(nth) || more.length > 0) {
      throw new CronError(`the day of the week "${text}" cannot be read: 1 to 5 stands after "#"`);
    }
    return (day, weekday) => weekday === wanted && Math.ceil(day / 7) === Number(nth);
  }
  const days = values(text, WEEKDAY);
  return (_, weekday) => days.has(weekday + 1);
}

/** The values that a list of values, ranges and steps names. */
function values(text: string, field: Field): Set<number> {
  const found = new Set<number>();
  for (const item of text.split(",")) {
    if (item === "*" && text !== "*")
      throw new CronError(`the ${field.what} "${text}" has "*" in a list, which means all`);
    const [, from = "", to, step] = /^(\*|[A-Z0-9]+)(?:-([A-Z0-9]+))?(?:\/(\d+))?$/i.exec(item) ?? [];
    if (from === "" || (from === "*" && to !== undefined))
      throw new CronError(`the ${field.what} "${item}" cannot be read`);
    const first = from === "*" ? field.min : value(from, field);
    const last = to !== undefined ? value(to, field) : from === "*" || step !== undefined ? field.max : first;
    const size = field.max - field.min + 1;
    // A range may go over the end, such as FRI-MON.
    const length = ((last - first + size) % size) + 1;
    for (let at = 0; at < length; at += stepOf(step, field)) found.add(field.min + ((first - field.min + at) % size));
  }
  return found;
}

function stepOf(text: string | undefined, { what, min, max }: Field): number {
  if (text === undefined) return 1;
  const step = Number(text);
  if (step < 1 || step > max - min)
    throw new CronError(`the ${what} has the step ${text}; it must be 1 to ${max - min}`);
  return step;
}

function value(text: string, { what, min, max, names = [] }: Field): number {
  const name = names.indexOf(text.toUpperCase());
  if (name >= 0) return min + name;
  const number = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  const hint = names.length === 7 ? ", 1 being Sunday" : "";
  throw new CronError(
    `the ${what} "${text}" must be ${min} to ${max}${hint}${names.length > 0 ? `, or a name such as ${names[1]}` : ""}`,
  );
}

function lastDay(date: Date): number {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}

function byNumber(one: number, other: number): number {
  return one - other;
}
