import { describe, expect, test } from "vitest";
import { chooseVersion, type Share } from "./routing.ts";
import { Split } from "./split.ts";

const shares = (percentages: Record<string, number>): Share[] =>
  Object.entries(percentages).map(([versionId, percentage]) => ({ versionId, percentage }));

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
function randomPoints(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const keys = Array.from({ length: 100_000 }, (_, index) => `user-${index}`);

/** Percent of the choices that fell on a version. */
function portion(choices: string[], versionId: string): number {
  return (choices.filter((choice) => choice === versionId).length / choices.length) * 100;
}

describe("accuracy over 100,000 requests", () => {
  for (const percentage of [10, 50, 0.5, 99.99]) {
    test(`${percentage} % by chance and by key, within 0.5 points`, () => {
      const split = new Split(shares({ old: 100 - percentage, new: percentage }));
      const random = randomPoints(7);
      const byChance = keys.map(() => split.at(random()));
      expect(Math.abs(portion(byChance, "new") - percentage)).toBeLessThan(0.5);
      const byKey = keys.map((key) => split.of(key));
      expect(Math.abs(portion(byKey, "new") - percentage)).toBeLessThan(0.5);
    });
  }

  test("0.01 % is seen, and 0 % never", () => {
    const million = Array.from({ length: 1_000_000 }, (_, index) => `k${index}`);
    const tiny = new Split(shares({ a: 99.99, b: 0.01 }));
    expect(million.filter((key) => tiny.of(key) === "b").length).toBeGreaterThan(50);
    expect(million.filter((key) => tiny.of(key) === "b").length).toBeLessThan(160);
    const none = new Split(shares({ a: 100, b: 0 }));
    expect(keys.some((key) => none.of(key) === "b")).toBe(false);
    expect(chooseVersion(shares({ b: 0, a: 100 }), 0)).toBe("a");
  });

  test("three versions", () => {
    const split = new Split(shares({ a: 60, b: 30, c: 10 }));
    const choices = keys.map((key) => split.of(key));
    for (const { versionId, percentage } of split.shares)
      expect(Math.abs(portion(choices, versionId) - percentage)).toBeLessThan(0.5);
  });
});

describe("affinity", () => {
  const sample = keys.slice(0, 2_000);

  test("raising a share never moves a key that was already there, over 50 changes and in any order of versions", () => {
    const random = randomPoints(11);
    let percentage = 0;
    let held = new Set<string>();
    for (let change = 0; change < 50; change++) {
      percentage = Math.min(100, Math.round((percentage + random() * 4) * 100) / 100);
      const both = shares({ old: 100 - percentage, new: percentage });
      const split = new Split(random() < 0.5 ? both : both.reverse());
      const now = new Set(sample.filter((key) => split.of(key) === "new"));
      for (const key of held) expect(now.has(key)).toBe(true);
      held = now;
    }
    expect(held.size).toBeGreaterThan(sample.length / 2);
  });

  test("any change moves keys only towards versions whose share grew against the other's", () => {
    const random = randomPoints(13);
    let before = new Split(shares({ a: 50, b: 50 }));
    for (let change = 0; change < 50; change++) {
      const percentage = Math.round(random() * 10_000) / 100;
      const after = new Split(shares({ a: percentage, b: 100 - percentage }));
      const grew = percentage > (before.shares[0] as Share).percentage ? "a" : "b";
      for (const key of sample) if (before.of(key) !== after.of(key)) expect(after.of(key)).toBe(grew);
      before = after;
    }
  });

  test("a third version takes keys from the others and leaves the rest where they were", () => {
    const two = new Split(shares({ a: 50, b: 50 }));
    const three = new Split(shares({ a: 40, b: 40, c: 20 }));
    for (const key of sample) expect([two.of(key), "c"]).toContain(three.of(key));
  });

  test("scripts do not share their points", () => {
    const one = new Split(shares({ a: 50, b: 50 }));
    const other = new Split(shares({ c: 50, d: 50 }));
    const alike = sample.filter((key) => (one.of(key) === "a") === (other.of(key) === "c")).length / sample.length;
    expect(alike).toBeGreaterThan(0.45);
    expect(alike).toBeLessThan(0.55);
  });
});

describe("overrides", () => {
  const split = new Split(shares({ "v-1": 100, "v-2": 0 }));
  const asked = (overrides: string) => split.overridden("my-worker", overrides);

  test("name a version of the deployment, at 0 % too", () => {
    expect(asked('my-worker="v-2"')).toBe("v-2");
    expect(asked('other="v-9", my-worker="v-1"')).toBe("v-1");
  });

  test("are ignored when they cannot be followed", () => {
    for (const overrides of [
      "",
      "v-2",
      'my-worker="v-3"',
      'other="v-2"',
      "my-worker=v-2",
      'my-worker="v-2',
      "my-worker",
    ])
      expect(asked(overrides), overrides).toBeUndefined();
  });
});
