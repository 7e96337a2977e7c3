import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

const pace = () => new Pace({ bytesPerSecond: 1000, burstBytes: 2000, maxDelayMs: 5000 });

test("a burst passes, more than that waits until it is paid for", () => {
  const one = pace();
  expect(one.delayMs("a", 2000, 10_000)).toBe(0);
  expect(one.delayMs("a", 500, 10_000)).toBe(500);
  expect(one.delayMs("a", 500, 10_500)).toBe(500);
  // The budget fills again with time, up to a burst.
  expect(one.delayMs("a", 2000, 60_000)).toBe(0);
});

test("nobody waits for another, nor longer than the bound", () => {
  const one = pace();
  expect(one.delayMs("a", 1_000_000, 10_000)).toBe(5000);
  expect(one.delayMs("b", 100, 10_000)).toBe(0);
  expect(one.delayMs("a", 100, 15_000)).toBe(100);
});
