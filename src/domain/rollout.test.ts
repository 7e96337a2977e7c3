import { describe, expect, test } from "vitest";
import {
  beginStep,
  decide,
  paused,
  type RolloutPlan,
  type RolloutProgress,
  resumed,
  stepEndsAt,
  withReports,
} from "./rollout.ts";
import {
  addGrowth,
  type EdgeCounts,
  latencyBucket,
  latencyQuantile,
  noCounts,
  type VersionCounts,
} from "./version-counts.ts";

const versions = { candidate: "new", stable: "old" };
const plan: RolloutPlan = {
  steps: [
    { percentage: 10, minutes: 5 },
    { percentage: 50, minutes: 10 },
  ],
  guard: { minimumRequests: 100, errorRate: { factor: 2, above: 0.01 }, p99: { factor: 1.5, aboveMs: 20 } },
};
const MINUTE = 60_000;

function counts(requests: number, errors = 0, latencyMs = 5): VersionCounts {
  const latencies = noCounts().latencies;
  latencies[latencyBucket(latencyMs)] = requests;
  return { requests, errors, files: 0, latencies };
}

function report(edgeId: string, candidate: VersionCounts, stable: VersionCounts): EdgeCounts {
  return { edgeId, versions: { new: candidate, old: stable } };
}

/** A first step that began at 0, with these counts. */
function progress(
  candidate: VersionCounts,
  stable: VersionCounts,
  parts: Partial<RolloutProgress> = {},
): RolloutProgress {
  return { ...withReports(beginStep(0, 0), versions, [report("e1", candidate, stable)], 1), ...parts };
}

describe("steps", () => {
  test("end when their time is over and requests were enough", () => {
    expect(decide(plan, progress(counts(200), counts(2000)), 5 * MINUTE - 1)).toEqual({
      kind: "stay",
      waitingFor: "time",
    });
    expect(decide(plan, progress(counts(200), counts(2000)), 5 * MINUTE)).toEqual({ kind: "advance" });
    expect(decide(plan, progress(counts(99), counts(2000)), 5 * MINUTE)).toEqual({
      kind: "stay",
      waitingFor: "requests",
    });
    const files = { ...noCounts(), files: 100 };
    expect(decide(plan, progress(files, counts(0)), 5 * MINUTE)).toEqual({ kind: "advance" });
    expect(decide(plan, progress(counts(200), counts(200), { step: 1 }), 10 * MINUTE)).toEqual({ kind: "complete" });
  });

  test("without a guard, time alone decides", () => {
    expect(decide({ steps: plan.steps }, progress(counts(0), counts(0)), 5 * MINUTE)).toEqual({ kind: "advance" });
    expect(decide({ steps: plan.steps }, progress(counts(9, 9), counts(9)), 1)).toMatchObject({ kind: "stay" });
  });

  test("a pause does not count as time; the guard goes on", () => {
    const still = paused(progress(counts(200), counts(2000)), 4 * MINUTE);
    expect(stepEndsAt(plan, still)).toBeUndefined();
    expect(decide(plan, still, 60 * MINUTE)).toEqual({ kind: "stay", waitingFor: "resumption" });
    expect(paused(still, 50 * MINUTE)).toBe(still);
    const going = resumed(still, 60 * MINUTE);
    expect(stepEndsAt(plan, going)).toBe(61 * MINUTE);
    expect(decide(plan, going, 61 * MINUTE)).toEqual({ kind: "advance" });
    expect(decide(plan, paused(progress(counts(200, 100), counts(2000)), 1), 2)).toMatchObject({ kind: "roll-back" });
  });
});

describe("the guard on errors", () => {
  const verdict = (candidate: VersionCounts, stable: VersionCounts) => decide(plan, progress(candidate, stable), 1);

  test("rolls back and says why", () => {
    expect(verdict(counts(200, 40), counts(1000, 1))).toEqual({
      kind: "roll-back",
      reason: "20 % of 200 requests failed, more than the stable version's 0.1 % of 1000, times 2",
    });
  });

  test("needs enough requests, the factor, and more than the least that matters", () => {
    expect(verdict(counts(99, 99), counts(1000)).kind).toBe("stay");
    expect(verdict(counts(200, 38), counts(1000, 100)).kind).toBe("stay");
    expect(verdict(counts(200, 42), counts(1000, 100)).kind).toBe("roll-back");
    expect(verdict(counts(200, 2), counts(1000, 0)).kind).toBe("stay");
    expect(verdict(counts(200, 3), counts(1000, 0)).kind).toBe("roll-back");
  });

  test("a stable version without requests to compare leaves the absolute bound", () => {
    expect(verdict(counts(200, 40), counts(10, 10))).toMatchObject({
      kind: "roll-back",
      reason: expect.stringContaining("too few requests to compare"),
    });
  });
});

describe("the guard on times", () => {
  const verdict = (candidateMs: number, stableMs: number, stableRequests = 1000) =>
    decide(plan, progress(counts(200, 0, candidateMs), counts(stableRequests, 0, stableMs)), 1);

  test("rolls back a version that is slower by the factor, when that matters at all", () => {
    expect(verdict(100, 30)).toMatchObject({
      kind: "roll-back",
      reason: expect.stringMatching(/^the 99th percentile of 200/),
    });
    expect(verdict(33, 30).kind).toBe("stay");
    expect(verdict(10, 1).kind).toBe("stay");
    // Nothing to compare with.
    expect(verdict(10_000, 1, 50).kind).toBe("stay");
  });
});

describe("reports", () => {
  test("are differences: a lost one, and one that comes twice, change nothing", () => {
    let state = beginStep(0, 0);
    const at = (...reports: EdgeCounts[]) => {
      state = withReports(state, versions, reports, 1);
      return [state.counts.candidate.requests, state.counts.stable.errors];
    };
    expect(at(report("e1", counts(10), counts(100, 5)), report("e2", counts(1), counts(9, 1)))).toEqual([11, 6]);
    expect(at(report("e1", counts(10), counts(100, 5)))).toEqual([11, 6]);
    // e2 was silent meanwhile.
    expect(at(report("e1", counts(20), counts(200, 5)))).toEqual([21, 6]);
    expect(at(report("e1", counts(20), counts(200, 5)), report("e2", counts(7), counts(50, 2)))).toEqual([27, 7]);
    // A new process in its place begins with nothing.
    expect(at(report("e3", counts(5), counts(5)))).toEqual([32, 7]);
  });

  test("of before a step do not count in it", () => {
    const first = progress(counts(500, 400), counts(500));
    const second = withReports(
      beginStep(1, 9, first.seen),
      versions,
      [report("e1", counts(510, 400), counts(600))],
      10,
    );
    expect(second.counts.candidate).toMatchObject({ requests: 10, errors: 0 });
    expect(second.counts.stable.requests).toBe(100);
  });

  test("an edge that forgot its counts starts again from nothing", () => {
    expect(addGrowth(noCounts(), counts(3), counts(10)).requests).toBe(3);
  });
});

test("times are known to a fifth", () => {
  for (const ms of [0.3, 1, 7, 42, 100, 999, 5_000, 12_000]) {
    const known = latencyQuantile(counts(100, 0, ms), 0.99) ?? 0;
    expect(known).toBeGreaterThanOrEqual(ms);
    expect(known).toBeLessThan(ms * 1.2);
  }
  expect(latencyQuantile(noCounts(), 0.99)).toBeUndefined();
  expect(latencyBucket(0)).toBe(0);
  expect(latencyBucket(1e9)).toBe(63);
  const mixed = counts(980);
  mixed.latencies[latencyBucket(500)] = 20;
  expect(latencyQuantile({ ...mixed, requests: 1000 }, 0.99)).toBeGreaterThan(400);
});
