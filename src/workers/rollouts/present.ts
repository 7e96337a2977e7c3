import { decide, errorRate, stepEndsAt } from "../../domain/rollout.ts";
import { latencyQuantile, type VersionCounts } from "../../domain/version-counts.ts";
import { isWatched, type Rollout } from "./store.ts";

/** A rollout as the API shows it. */
export function presentRollout(rollout: Rollout, now = Date.now()): Record<string, unknown> {
  const { row, plan, progress } = rollout;
  const { guard } = plan;
  return {
    id: row.id,
    status: row.status,
    reason: row.reason,
    deployment_id: row.deployment_id,
    version_id: row.version_id,
    stable_version_id: row.stable_version_id,
    steps: plan.steps,
    guard: guard && {
      minimum_requests: guard.minimumRequests,
      error_rate: guard.errorRate,
      p99: guard.p99 && { factor: guard.p99.factor, above_ms: guard.p99.aboveMs },
    },
    /** Counted from 1. */
    step: progress.step + 1,
    step_started_on: time(progress.stepStartedAt),
    ...next(rollout, now),
    measurements: {
      measured_on: time(progress.measuredAt),
      version: presentCounts(progress.counts.candidate),
      stable_version: presentCounts(progress.counts.stable),
    },
    created_on: row.created_on,
    modified_on: row.modified_on,
  };
}

/** When the step ends at the earliest, and what it waits for. */
function next(rollout: Rollout, now: number): Record<string, unknown> {
  if (!isWatched(rollout)) return { next_change_on: null, waiting_for: null };
  const decision = decide(rollout.plan, rollout.progress, now);
  return {
    next_change_on: time(stepEndsAt(rollout.plan, rollout.progress)),
    waiting_for: decision.kind === "stay" ? decision.waitingFor : "the next check",
  };
}

function presentCounts(counts: VersionCounts): Record<string, unknown> {
  return {
    requests: counts.requests,
    errors: counts.errors,
    error_rate: errorRate(counts) ?? null,
    p50_ms: latencyQuantile(counts, 0.5) ?? null,
    p99_ms: latencyQuantile(counts, 0.99) ?? null,
    static_files: counts.files,
  };
}

function time(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
