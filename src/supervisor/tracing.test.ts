import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Runner } from "./runner.ts";
import { Tracing } from "./tracing.ts";

const SCRIPT = { accountId: "a", script: "s" };
const record = { accountId: "a", scriptName: "s" };
const runner = (traced: boolean, kind: "none" | "home" = "none") =>
  ({ record, plan: { traced }, placement: { kind } }) as unknown as Runner;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("runners of observed and of watched scripts report", () => {
  const tracing = new Tracing();
  expect(tracing.wants(record)).toBe(false);
  tracing.observe([SCRIPT]);
  expect(tracing.wants(record)).toBe(true);
  tracing.observe([]);
  tracing.watch([SCRIPT]);
  expect(tracing.wants(record)).toBe(true);
  expect(tracing.wants({ ...record, accountId: "b" })).toBe(false);
});

test("one that does not report is stale at once, one that does when nobody has asked for a while", () => {
  const tracing = new Tracing();
  tracing.watch([SCRIPT]);
  expect([tracing.isStale(runner(false)), tracing.isStale(runner(true))]).toEqual([true, false]);
  tracing.watch([]);
  expect([tracing.isStale(runner(false)), tracing.isStale(runner(true))]).toEqual([false, false]);
  vi.advanceTimersByTime(31_000);
  expect([tracing.isStale(runner(true)), tracing.isStale(runner(true, "home"))]).toEqual([true, false]);
  vi.advanceTimersByTime(600_000);
  expect(tracing.isStale(runner(true, "home"))).toBe(true);
});

test("who comes back in time finds a runner that reports", () => {
  const tracing = new Tracing();
  tracing.watch([SCRIPT]);
  tracing.watch([]);
  vi.advanceTimersByTime(20_000);
  tracing.watch([SCRIPT]);
  tracing.watch([]);
  vi.advanceTimersByTime(20_000);
  expect(tracing.isStale(runner(true))).toBe(false);
});
