/** Automatic progression of a split: the rules, without clock, database or processes. Times are milliseconds. */
import { addGrowth, type EdgeCounts, latencyQuantile, noCounts, type VersionCounts } from "./version-counts.ts";

/** How a new version takes over from a stable one. */
export interface RolloutPlan {
  /** In order. After the last, the new version has everything. */
  steps: RolloutStep[];
  /** Absent: time alone decides. */
  guard?: RolloutGuard;
}

export interface RolloutStep {
  /** The new version's share. */
  percentage: number;
  /** How long it lasts at least. */
  minutes: number;
}

/** When the new version is so much worse than the stable one that all requests go back to it. */
export interface RolloutGuard {
  /** Requests of a version within the step before anything is said about it, and before the step may end. */
  minimumRequests: number;
  /** Worse: above `above` (a portion, 0 to 1) and above `factor` times the stable version's. */
  errorRate?: { factor: number; above: number };
  /** The same of the time within which 99 of 100 requests are answered. */
  p99?: { factor: number; aboveMs: number };
}

/** How far a rollout is. */
export interface RolloutProgress {
  /** Index of the step. */
  step: number;
  stepStartedAt: number;
  /** Since when time does not count. The guard goes on. */
  pausedAt?: number;
  /** When the counts were last added to. */
  measuredAt?: number;
  /** Within the step. */
  counts: { candidate: VersionCounts; stable: VersionCounts };
  /** What each edge had counted then. */
  seen: EdgeCounts[];
}

export interface RolloutVersions {
  /** The new one. */
  candidate: string;
  stable: string;
}

export type RolloutDecision =
  | { kind: "stay"; waitingFor: "time" | "requests" | "resumption" }
  | { kind: "advance" }
  | { kind: "complete" }
  | { kind: "roll-back"; reason: string };

const MINUTE_MS = 60_000;

/** A step that begins now. Edges go on counting, so what they had is kept. */
export function beginStep(step: number, now: number, seen: EdgeCounts[] = []): RolloutProgress {
  return { step, stepStartedAt: now, counts: { candidate: noCounts(), stable: noCounts() }, seen };
}

/** Adds what edges have counted since they were last asked. Those that did not answer are asked again later. */
export function withReports(
  progress: RolloutProgress,
  { candidate, stable }: RolloutVersions,
  reports: EdgeCounts[],
  now: number,
): RolloutProgress {
  let counts = progress.counts;
  for (const { edgeId, versions } of reports) {
    const before = progress.seen.find((seen) => seen.edgeId === edgeId)?.versions;
    const grown = (sum: VersionCounts, version: string) => {
      const counted = versions[version];
      return counted ? addGrowth(sum, counted, before?.[version]) : sum;
    };
    counts = { candidate: grown(counts.candidate, candidate), stable: grown(counts.stable, stable) };
  }
  const silent = progress.seen.filter(({ edgeId }) => !reports.some((report) => report.edgeId === edgeId));
  // Edges that ended are never heard of again.
  const seen = [...reports, ...silent].slice(0, MAX_EDGES);
  return { ...progress, counts, seen, measuredAt: now };
}

const MAX_EDGES = 128;

/** When the step may end, if requests and the guard let it; undefined while it is paused. */
export function stepEndsAt(
  { steps }: RolloutPlan,
  { step, stepStartedAt, pausedAt }: RolloutProgress,
): number | undefined {
  return pausedAt === undefined ? stepStartedAt + (steps[step]?.minutes ?? 0) * MINUTE_MS : undefined;
}

/** What is to be done now. */
export function decide(plan: RolloutPlan, progress: RolloutProgress, now: number): RolloutDecision {
  const { guard } = plan;
  const { candidate } = progress.counts;
  const reason = guard && worse(guard, progress);
  if (reason) return { kind: "roll-back", reason };
  const endsAt = stepEndsAt(plan, progress);
  if (endsAt === undefined) return { kind: "stay", waitingFor: "resumption" };
  if (now < endsAt) return { kind: "stay", waitingFor: "time" };
  if (guard && candidate.requests + candidate.files < guard.minimumRequests)
    return { kind: "stay", waitingFor: "requests" };
  return progress.step + 1 < plan.steps.length ? { kind: "advance" } : { kind: "complete" };
}

/** The same progress, at a standstill or going on. */
export function paused(progress: RolloutProgress, now: number): RolloutProgress {
  return progress.pausedAt === undefined ? { ...progress, pausedAt: now } : progress;
}

export function resumed({ pausedAt, ...progress }: RolloutProgress, now: number): RolloutProgress {
  if (pausedAt === undefined) return progress;
  return { ...progress, stepStartedAt: progress.stepStartedAt + now - pausedAt };
}

/** Portion of the requests that failed; undefined without requests. */
export function errorRate({ requests, errors }: VersionCounts): number | undefined {
  return requests === 0 ? undefined : errors / requests;
}

/** Why the candidate is worse than the guard allows, in words for people. */
function worse(guard: RolloutGuard, { counts: { candidate, stable } }: RolloutProgress): string | undefined {
  if (candidate.requests < guard.minimumRequests || candidate.requests === 0) return undefined;
  const comparable = stable.requests >= guard.minimumRequests && stable.requests > 0;
  if (guard.errorRate) {
    const { factor, above } = guard.errorRate;
    const [rate, usual] = [errorRate(candidate) ?? 0, comparable ? (errorRate(stable) ?? 0) : 0];
    if (rate > above && rate > usual * factor) {
      const against = comparable
        ? `the stable version's ${percent(usual)} of ${stable.requests}, times ${factor}`
        : `${percent(above)} (the stable version had too few requests to compare)`;
      return `${percent(rate)} of ${candidate.requests} requests failed, more than ${against}`;
    }
  }
  if (guard.p99 && comparable) {
    const { factor, aboveMs } = guard.p99;
    const [time, usual] = [latencyQuantile(candidate, 0.99) ?? 0, latencyQuantile(stable, 0.99) ?? 0];
    if (time > aboveMs && time > usual * factor) {
      return `the 99th percentile of ${candidate.requests} requests was ${ms(time)}, more than the stable version's ${ms(usual)}, times ${factor}`;
    }
  }
  return undefined;
}

function percent(portion: number): string {
  return `${Number((portion * 100).toFixed(2))} %`;
}

function ms(time: number): string {
  return `${Number(time.toPrecision(3))} ms`;
}
