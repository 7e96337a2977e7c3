import { setTimeout as delay } from "node:timers/promises";
import type { ApiError } from "../../lib/api.ts";
import type { DatabaseKey } from "./api-call.ts";
import { MAX_ACCOUNT_JOBS, MAX_ACTIVE_JOBS, MAX_FINISHED_JOBS, POLL_HOLD_MS } from "./api-limits.ts";
import { busy, tooManyJobs } from "./errors.ts";

/** An import or export that runs or ran. It is known to this process only: a restart of the platform forgets it. */
export interface Job {
  type: "import" | "export";
  /** Distinguishes this job from others of the database: the file, or what was asked for. */
  mark: string;
  /** The database's bookmark when it began. */
  bookmark: string;
  /** Whose database it is about. */
  accountId: string;
  outcome: { result: Record<string, unknown> } | { error: string } | undefined;
  done: Promise<void>;
}

/** The newest job of each kind of each database. Bounded; finished ones go first, oldest first. */
export class Jobs {
  readonly #jobs = new Map<string, Job>();

  find(type: Job["type"], databaseId: string): Job | undefined {
    return this.#jobs.get(`${type} ${databaseId}`);
  }

  /**
   * Runs the task as the database's job of this type, unless the same one runs already, or (an import, whose file is
   * used once) has run. Errors: 7500 when another one runs, 7429.
   */
  start(
    { type, mark, bookmark }: Pick<Job, "type" | "mark" | "bookmark">,
    { accountId, databaseId }: DatabaseKey,
    task: () => Promise<Record<string, unknown>>,
  ): Job {
    const present = this.find(type, databaseId);
    if (present?.mark === mark && (type === "import" || !present.outcome)) return present;
    this.refuseBusy(databaseId);
    const active = [...this.#jobs.values()].filter(({ outcome }) => !outcome);
    const own = active.filter((job) => job.accountId === accountId);
    if (active.length >= MAX_ACTIVE_JOBS || own.length >= MAX_ACCOUNT_JOBS) throw tooManyJobs();
    const job: Job = { type, mark, bookmark, accountId, outcome: undefined, done: Promise.resolve() };
    job.done = task().then(
      (result) => {
        job.outcome = { result };
      },
      (error: unknown) => {
        if (!isRefusal(error)) console.error(`D1 ${type} of ${databaseId} failed:`, error);
        job.outcome = { error: isRefusal(error) ? error.message : "An internal error occurred. Try again." };
      },
    );
    const key = `${type} ${databaseId}`;
    // Added anew, so that the map is ordered by age.
    this.#jobs.delete(key);
    this.#jobs.set(key, job);
    this.#forget();
    return job;
  }

  /** Throws error 7500 while an import or export of the database runs: it holds the database, so others would wait long. */
  refuseBusy(databaseId: string): void {
    for (const type of ["import", "export"] as const) {
      const job = this.find(type, databaseId);
      if (job && !job.outcome) throw busy(type);
    }
  }

  #forget(): void {
    let excess = this.#jobs.size - MAX_FINISHED_JOBS;
    for (const [key, { outcome }] of this.#jobs) {
      if (excess <= 0) return;
      if (!outcome) continue;
      this.#jobs.delete(key);
      excess--;
    }
  }
}

/**
 * The state of a job as the client polls it (`wrangler-api.md` 5.4). Waits about a second for the end, since the client
 * asks again at once.
 */
export async function presentJob(job: Job): Promise<Record<string, unknown>> {
  const end = new AbortController();
  await Promise.race([job.done, delay(POLL_HOLD_MS, undefined, { signal: end.signal, ref: false }).catch(() => {})]);
  end.abort();
  const common = {
    success: true,
    type: job.type,
    at_bookmark: job.bookmark,
    messages: [] as string[],
    errors: [] as string[],
  };
  if (!job.outcome) return { ...common, status: "active" };
  if ("error" in job.outcome) {
    return { ...common, status: "error", error: job.outcome.error, errors: [job.outcome.error] };
  }
  return { ...common, status: "complete", result: job.outcome.result };
}

function isRefusal(error: unknown): error is ApiError {
  return error instanceof Error && error.name === "ApiError";
}
