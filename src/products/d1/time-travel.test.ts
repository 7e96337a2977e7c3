import { expect, test } from "vitest";
import { momentOf } from "./time-travel.ts";

const now = Date.parse("2026-11-21T12:00:00Z");
const days = 86_400_000;

test.each([
  ["2026-11-21T11:00:00Z", "2026-11-21T11:00:00Z"],
  ["2026-11-21T11:00:00.5+02:00", "2026-11-21T09:00:00.500Z"],
  ["2026-11-21T11:00:00 02:00", "2026-11-21T09:00:00Z"],
  ["2026-11-21T11:00Z", "2026-11-21T11:00:00Z"],
  [String(now / 1000 - 60), "2026-11-21T11:59:00Z"],
  [String(now - 60_000), "2026-11-21T11:59:00Z"],
])("%s is %s", (text, moment) => {
  expect(momentOf(text, now, 30 * days)).toBe(Date.parse(moment));
});

test.each([
  ["yesterday", /neither/],
  ["2026-11-21", /neither/],
  ["2026-99-99T00:00:00Z", /neither/],
  ["2026-11-21T12:00:01Z", /future/],
  ["2026-10-21T12:00:00Z", /older than 30 days/],
])("%s is refused", (text, why) => {
  expect(() => momentOf(text, now, 30 * days)).toThrow(why);
});
