import { expect, test } from "vitest";
import { Counters } from "./counters.ts";

const NOON = Date.UTC(2026, 10, 22, 12);
const call = (key: string, parts = {}) => ({
  accountId: "a",
  namespaceId: "1",
  periodSeconds: 10,
  key: Buffer.from(key),
  ...parts,
});

test("a window begins with the wall clock, and with it the count", () => {
  const counters = new Counters();
  const at = (ms: number) => counters.count(call("k"), 2, 1, NOON + ms);
  expect([at(9_000), at(9_500), at(9_999), at(10_000), at(10_001), at(19_999)]).toEqual([
    true,
    true,
    false,
    true,
    true,
    false,
  ]);
});

test.each([
  ["another key", "other", {}, true],
  ["another namespace", "k", { namespaceId: "2" }, true],
  ["another account", "k", { accountId: "b" }, true],
  ["another period", "k", { periodSeconds: 60 }, true],
  ["the same", "k", {}, false],
] as const)("%s is another counter: %s %j %s", (_name, key, parts, expected) => {
  const counters = new Counters();
  expect(counters.count(call("k"), 1, 1, NOON)).toBe(true);
  expect(counters.count(call(key, parts), 1, 1, NOON)).toBe(expected);
});

test("who asks with a higher limit shares the counter", () => {
  const counters = new Counters();
  expect([1, 1, 3, 3, 3].map((limit) => counters.count(call("k"), limit, 1, NOON))).toEqual([
    true,
    false,
    true,
    true,
    false,
  ]);
});

test("a heavy call counts as many, and is let through while the limit is not reached", () => {
  const counters = new Counters();
  expect([5, 5, 1].map((weight) => counters.count(call("k"), 6, weight, NOON))).toEqual([true, true, false]);
  expect(counters.count(call("k"), 0, 1, NOON)).toBe(false);
});

test("long keys are told apart", () => {
  const counters = new Counters();
  const long = "x".repeat(5000);
  expect(counters.count(call(`${long}1`), 1, 1, NOON)).toBe(true);
  expect(counters.count(call(`${long}2`), 1, 1, NOON)).toBe(true);
  expect(counters.count(call(`${long}1`), 1, 1, NOON)).toBe(false);
});

test("beyond the bound of keys the last share counters, so none is without a limit", () => {
  const counters = new Counters({ accountKeys: 10, keys: 1000 });
  for (let index = 0; index < 10; index++) counters.count(call(`early ${index}`), 1, 1, NOON);
  let passed = 0;
  for (let index = 0; index < 20_000; index++) if (counters.count(call(`late ${index}`), 1, 1, NOON)) passed++;
  expect(passed).toBeGreaterThan(1000);
  expect(passed).toBeLessThanOrEqual(4096);
  expect(counters.count(call("early 3"), 2, 1, NOON)).toBe(true);
  expect(counters.count(call("early 3"), 2, 1, NOON)).toBe(false);
  // Another account has its own.
  expect(counters.count(call("late 1", { accountId: "b" }), 1, 1, NOON)).toBe(true);
});
