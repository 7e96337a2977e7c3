import type { Platform } from "../../store/platform.ts";
import type { CronRunRow, CronTriggerRow } from "../../store/schema.ts";
import { tooManyAskedRuns } from "./errors.ts";
import { MAX_ASKED_RUNS } from "./limits.ts";
import { makeRun } from "./run.ts";
import { claimRun, trimRuns } from "./runs.ts";

/** How many go on, by script: of this process, so that a run that was cut off holds up nothing. */
const underWay = new Map<string, number>();

/** Begins a run that somebody asked for; `done` never rejects. Error 10429 when too many of the script's go on. */
export async function beginAskedRun(
  platform: Platform,
  trigger: CronTriggerRow,
): Promise<{ run: CronRunRow; done: Promise<void> }> {
  const { script_id } = trigger;
  const others = underWay.get(script_id) ?? 0;
  if (others >= MAX_ASKED_RUNS) throw tooManyAskedRuns();
  underWay.set(script_id, others + 1);
  const end = () => {
    const left = (underWay.get(script_id) ?? 1) - 1;
    if (left > 0) underWay.set(script_id, left);
    else underWay.delete(script_id);
  };
  try {
    const now = Date.now();
    const run = await claimRun(platform.db, trigger, { source: "api", scheduledMs: now }, now);
    if (!run) throw new Error("a run that was asked for was taken for another");
    const done = makeRun(platform, run)
      .then(() => trimRuns(platform.db, script_id, Date.now()))
      .catch((error: unknown) => console.error("Old runs of a cron trigger could not be forgotten:", error))
      .finally(end);
    return { run, done };
  } catch (error) {
    end();
    throw error;
  }
}
