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
  expect(one.delayMs("a", 8000, 10_000)).toBe(5000);
  expect(one.delayMs("b", 100, 10_000)).toBe(0);
  expect(one.delayMs("a", 100, 15_000)).toBe(1100);
});

test("of any number of senders no more is taken than the budget and what may wait", () => {
  const one = pace();
  let taken = 0;
  // A hundred of them for ten seconds, each as fast as it is answered.
  const answerAtMs = Array.from({ length: 100 }, () => 0);
  for (let nowMs = 0; nowMs <= 10_000; nowMs += 100) {
    for (const [sender, atMs] of answerAtMs.entries()) {
      if (nowMs < atMs) continue;
      const delayMs = one.delayMs("a", 500, nowMs);
      if (delayMs !== undefined) taken += 500;
      answerAtMs[sender] = nowMs + (delayMs ?? 5000);
    }
  }
  expect(taken).toBeGreaterThan(10_000);
  expect(taken).toBeLessThanOrEqual(2000 + 10_000 + 5000 + 500);
});
