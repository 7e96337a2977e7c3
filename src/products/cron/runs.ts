/** The history of runs, whose rows also see to it that each is made once. */
import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import type { CronRunRow, CronTriggerRow, Database } from "../../store/schema.ts";
import { KEPT_RUNS, KEPT_RUNS_MS, LOST_RUN_MS } from "./limits.ts";

type Db = Kysely<Database>;

/** What starts a run. */
export type RunCause =
  | { source: "schedule" | "missed"; scheduledMs: number }
  /** Asked for over the API. */
  | { source: "api"; scheduledMs: number };

/**
 * Notes that a run begins. Undefined: another process has this trigger's minute already. Runs that were asked for are always
 * new ones.
 */
export async function claimRun(
  db: Db,
  trigger: CronTriggerRow,
  { source, scheduledMs }: RunCause,
  nowMs: number,
): Promise<CronRunRow | undefined> {
  const id = randomUUID();
  const scheduled_on = new Date(scheduledMs).toISOString();
  const { script_id, workflow_id, cron } = trigger;
  const row: CronRunRow = {
    ...{ id, script_id, workflow_id, cron, scheduled_on },
    slot: source === "api" ? id : `${trigger.id} ${scheduled_on}`,
    source: source === "api" ? "api" : "schedule",
    started_on: new Date(nowMs).toISOString(),
    ...{ duration_ms: null, outcome: null, message: null, version_id: null },
  };
  const { numInsertedOrUpdatedRows } = await db
    .insertInto("cron_runs")
    .values(row)
    .onConflict((conflict) => conflict.column("slot").doNothing())
    .executeTakeFirst();
  return Number(numInsertedOrUpdatedRows) === 1 ? row : undefined;
}

/** Notes what came of a run. A script that was deleted meanwhile has no runs any more. */
export async function endRun(
  db: Db,
  { id }: CronRunRow,
  end: Pick<CronRunRow, "duration_ms" | "outcome" | "message" | "version_id">,
): Promise<void> {
  await db.updateTable("cron_runs").set(end).where("id", "=", id).execute();
}

/** The script's last runs, newest first. */
export async function listRuns(db: Db, scriptId: string): Promise<CronRunRow[]> {
  return runsOf(db, scriptId).selectAll().limit(KEPT_RUNS).execute();
}

export function findRun(db: Db, scriptId: string, id: string): Promise<CronRunRow | undefined> {
  return db
    .selectFrom("cron_runs")
    .selectAll()
    .where("script_id", "=", scriptId)
    .where("id", "=", id)
    .executeTakeFirst();
}

/** Forgets old runs of the script. */
export async function trimRuns(db: Db, scriptId: string, nowMs: number): Promise<void> {
  const oldest = await runsOf(db, scriptId)
    .select("started_on")
    .offset(KEPT_RUNS - 1)
    .limit(1)
    .executeTakeFirst();
  if (!oldest) return;
  const before = new Date(nowMs - KEPT_RUNS_MS).toISOString();
  await db
    .deleteFrom("cron_runs")
    .where("script_id", "=", scriptId)
    .where("started_on", "<", oldest.started_on)
    .where(({ or, and, eb }) =>
      or([eb("scheduled_on", "<", before), and([eb("source", "=", "api"), eb("outcome", "is not", null)])]),
    )
    .execute();
}

/** Runs whose process ended without a word. */
export async function endLostRuns(db: Db, nowMs: number): Promise<void> {
  await db
    .updateTable("cron_runs")
    .set({ outcome: "unknown", message: "The platform ended while it ran, so what came of it is not known." })
    .where("outcome", "is", null)
    .where("started_on", "<", new Date(nowMs - LOST_RUN_MS).toISOString())
    .execute();
}

function runsOf(db: Db, scriptId: string) {
  return db
    .selectFrom("cron_runs")
    .where("script_id", "=", scriptId)
    .orderBy("started_on", "desc")
    .orderBy("scheduled_on", "desc")
    .orderBy("id");
}
