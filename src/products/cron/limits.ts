/** Numbers of Cron Triggers: `workers-semantics.md` 4.1 and 12 where nothing else is said. */

/** Triggers of an account, those of workflows included. */
export const MAX_TRIGGERS = 250;
/** Characters of an expression. Ours. */
export const MAX_CRON_CHARS = 256;
/** Runs of a script that are kept. */
export const KEPT_RUNS = 100;
/** And all scheduled ones of the last hour: their row is also what keeps a run from being made twice. Ours. */
export const KEPT_RUNS_MS = 3_600_000;

/** A run that was due so long ago at most, while nobody was there to start it, is made up for: once. Ours. */
export const CATCH_UP_MS = 5 * 60_000;
/** Pauses before the next try of a run that found no place to run, such as when a thousand are due in one minute. Ours. */
export const RETRY_PAUSES_MS: readonly number[] = [500, 1000, 2000, 4000, 8000, 16_000];
/** A run that nobody can be running any more: longer than the longest run and its tries. Ours. */
export const LOST_RUN_MS = 17 * 60_000;
/** From the start of the process to its first look: what Workers call is up by then. Ours. */
export const FIRST_LOOK_MS = 3000;
/** How long the platform's end waits for runs: about what their runners get (`supervisor/limits.ts`). Ours. */
export const STOP_MS = 7000;
/** Runs of a script that were asked for and go on at once. Ours. */
export const MAX_ASKED_RUNS = 10;
/** How long a run that was asked for is waited for before the answer says that it goes on. Ours. */
export const RUN_WAIT_MS = 25_000;
