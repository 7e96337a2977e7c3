import { expect, test } from "vitest";
import { seededRandom } from "../../lib/seeded-random.ts";
import { Sampling } from "./sampling.ts";

/** Offers so many messages in the second that begins at `startMs`; how many of them went. */
function offer(sampling: Sampling, startMs: number, count: number, room = true): number {
  return Array.from({ length: count }, (_, index) => sampling.admits(startMs + (index * 1_000) / count, room)).filter(
    Boolean,
  ).length;
}

test("below the rate, all go", () => {
  const sampling = new Sampling(100);
  for (const second of [1, 2, 3]) expect(offer(sampling, second * 1_000, 100)).toBe(100);
  expect(sampling.sampling).toBe(false);
  expect(sampling.settles(10_000)).toBe(false);
});

test("beyond it, a sample that is spread over the second", () => {
  const below = seededRandom(1);
  const sampling = new Sampling(100, () => below(1_000) / 1_000);
  expect(offer(sampling, 1_000, 1_000)).toBe(100);
  expect(sampling.sampling).toBe(true);
  const first = offer(sampling, 2_000, 500);
  expect(first).toBeGreaterThan(25);
  expect(first).toBeLessThan(85);
});

test("what is over is said once, after a second in which all went", () => {
  const sampling = new Sampling(100);
  offer(sampling, 1_000, 1_000);
  expect(sampling.settles(1_999)).toBe(false);
  offer(sampling, 2_000, 50);
  offer(sampling, 3_000, 50);
  expect(sampling.settles(3_999)).toBe(false);
  expect(sampling.settles(4_000)).toBe(true);
  expect(sampling.settles(5_000)).toBe(false);
});

test("and when nothing comes any more", () => {
  const sampling = new Sampling(100);
  offer(sampling, 1_000, 1_000);
  expect(sampling.settles(2_000)).toBe(false);
  expect(sampling.settles(3_000)).toBe(true);
});

test("a client that takes nothing gets nothing", () => {
  const sampling = new Sampling(100);
  expect(offer(sampling, 1_000, 5, false)).toBe(0);
  expect(sampling.sampling).toBe(true);
  expect(offer(sampling, 2_000, 5)).toBe(5);
  expect(sampling.settles(3_000)).toBe(true);
});
