import type { DailyRequests } from "./daily-requests.ts";

/**
 * What edges count of versions whose rollout is watched. Counts only grow while an edge lives, so a report
 * that is lost loses nothing, and who adds them up takes differences.
 */

/** Requests that one version answered. */
export interface VersionCounts {
  /** Those that its code answered, or should have. */
  requests: number;
  /** Of these, answers with a status of 500 or more: exceptions and exceeded limits are among them. */
  errors: number;
  /** Those that its static files answered. */
  files: number;
  /** `requests` by the time to the answer's head: how many fell into each of {@link LATENCY_BUCKETS}. */
  latencies: number[];
}

/** One edge's counts since it began, and of today. */
export interface EdgeCounts {
  /** Of one life of one process. */
  edgeId: string;
  /** By version id. */
  versions: Record<string, VersionCounts>;
  /** Absent: the operator sets no quota. */
  daily?: DailyRequests;
}

export const LATENCY_BUCKETS = 64;
/** A quarter of a doubling each: a quantile is known to a fifth. */
const BUCKETS_A_DOUBLING = 4;
const FIRST_BUCKET_MS = 0.25;

export function noCounts(): VersionCounts {
  return { requests: 0, errors: 0, files: 0, latencies: Array<number>(LATENCY_BUCKETS).fill(0) };
}

/** The bucket of a time: the first holds all below a quarter of a millisecond, the last all above 14 s. */
export function latencyBucket(ms: number): number {
  if (ms <= FIRST_BUCKET_MS) return 0;
  return Math.min(LATENCY_BUCKETS - 1, Math.ceil(BUCKETS_A_DOUBLING * Math.log2(ms / FIRST_BUCKET_MS)));
}

/** Upper end of a bucket. */
function bucketMs(bucket: number): number {
  return FIRST_BUCKET_MS * 2 ** (bucket / BUCKETS_A_DOUBLING);
}

/** The time within which this portion (0 to 1) of the requests was answered; undefined without requests. */
export function latencyQuantile({ requests, latencies }: VersionCounts, portion: number): number | undefined {
  let left = Math.ceil(requests * portion);
  if (left === 0) return undefined;
  for (let bucket = 0; bucket < latencies.length; bucket++) {
    left -= latencies[bucket] ?? 0;
    if (left <= 0) return bucketMs(bucket);
  }
  return bucketMs(latencies.length - 1);
}

/** `sum` and what `now` has beyond `before`. An edge that counts less than before has begun anew. */
export function addGrowth(sum: VersionCounts, now: VersionCounts, before = noCounts()): VersionCounts {
  const since = now.requests < before.requests || now.files < before.files ? noCounts() : before;
  return {
    requests: sum.requests + now.requests - since.requests,
    errors: sum.errors + now.errors - since.errors,
    files: sum.files + now.files - since.files,
    latencies: sum.latencies.map(
      (count, bucket) => count + (now.latencies[bucket] ?? 0) - (since.latencies[bucket] ?? 0),
    ),
  };
}
