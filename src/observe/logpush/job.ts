import type { OutputOptions } from "./output.ts";

/** What a job pushes, and how, whatever its destination. */
export interface JobSettings {
  /** `{"where": …}` as it was given; empty: everything. */
  filter: string;
  output: OutputOptions;
  /** Null or 0: nothing was said. */
  maxBytes: number | null;
  maxRecords: number | null;
  maxIntervalSeconds: number | null;
}

/** A job as control publishes it in `logpush.json`, for services. */
export interface PublishedJob extends JobSettings {
  id: number;
  accountId: string;
  enabled: boolean;
  /** `destination_conf`, under the master key. */
  sealed: string;
}

export interface Job extends Omit<PublishedJob, "sealed"> {
  destination: string;
}

/** How pushing goes: kept by services beside what waits. Times in ISO 8601. */
export interface JobStatus {
  /** Everything up to then has been pushed. */
  lastComplete: string | null;
  /** Since when it has been failing, at the last try. */
  lastError: string | null;
  errorMessage: string | null;
  /** Records that were left out: there was no room, or one was too long. */
  dropped: number;
}

export const noStatus: JobStatus = { lastComplete: null, lastError: null, errorMessage: null, dropped: 0 };
