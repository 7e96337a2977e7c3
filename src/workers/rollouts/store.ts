import type { RolloutPlan, RolloutProgress } from "../../domain/rollout.ts";
import type { Platform } from "../../store/platform.ts";
import type { DeploymentPlanRow, ScriptRow } from "../../store/schema.ts";
import { activeDeployment, findDeployment } from "../deployments.ts";

export type RolloutStatus = "running" | "paused" | "completed" | "rolled_back" | "aborted" | "superseded" | "failed";

/** Those that a rollout is looked after in, and its versions are counted. */
export const watchedStatuses = ["running", "paused"] as const satisfies RolloutStatus[];

/** Annotation of every deployment that a rollout made: the rollout's id. */
export const PLAN_ANNOTATION = "freehold/plan";

export interface Rollout {
  row: DeploymentPlanRow;
  plan: RolloutPlan;
  progress: RolloutProgress;
}

/** Somebody else has changed the rollout, or deployed something else, since it was read. */
export class StaleRollout extends Error {
  override name = "StaleRollout";
}

type Db = Pick<Platform, "db">;

function readRollout(row: DeploymentPlanRow): Rollout {
  return { row, plan: JSON.parse(row.plan_json), progress: JSON.parse(row.progress_json) };
}

/** The rollout that this deployment is part of; superseded once another deployment has taken its place. */
export async function findRollout(platform: Db, script: ScriptRow, deploymentId: string): Promise<Rollout | undefined> {
  const deployment = await findDeployment(platform, script, deploymentId);
  if (!deployment) return undefined;
  const id = (JSON.parse(deployment.row.annotations_json) as Record<string, string>)[PLAN_ANNOTATION];
  const row = await platform.db
    .selectFrom("deployment_plans")
    .selectAll()
    .where("id", "=", id ?? deploymentId)
    .where("script_id", "=", script.id)
    .executeTakeFirst();
  return row && currentRollout(platform, script, readRollout(row));
}

/** The rollout as it is today: one that another deployment has taken the place of is over. */
export async function currentRollout(platform: Db, script: ScriptRow, rollout: Rollout): Promise<Rollout> {
  if (!isWatched(rollout)) return rollout;
  const active = await activeDeployment(platform, script);
  if (active?.row.id === rollout.row.deployment_id) return rollout;
  const end = { status: "superseded", reason: "Another deployment took its place." } as const;
  await changeRollout(platform, rollout, end, Date.now());
  return { ...rollout, row: { ...rollout.row, ...end, revision: rollout.row.revision + 1 } };
}

export function isWatched({ row }: Rollout): boolean {
  return watchedStatuses.some((status) => status === row.status);
}

/** Every rollout that is to be looked after. */
export async function watchedRollouts({ db }: Db): Promise<Rollout[]> {
  const rows = await db.selectFrom("deployment_plans").selectAll().where("status", "in", watchedStatuses).execute();
  return rows.map(readRollout);
}

/** Makes this process the only one that looks after the rollout until then. False: another one does. */
export async function claimRollout(
  { db }: Db,
  { row }: Rollout,
  claim: { owner: string; now: number; until: number },
): Promise<boolean> {
  const claimed = await db
    .updateTable("deployment_plans")
    .set({ claimed_by: claim.owner, claimed_until: new Date(claim.until).toISOString() })
    .where("id", "=", row.id)
    .where(({ eb, or }) =>
      or([
        eb("claimed_by", "is", null),
        eb("claimed_by", "=", claim.owner),
        eb("claimed_until", "<", new Date(claim.now).toISOString()),
      ]),
    )
    .executeTakeFirst();
  return claimed.numUpdatedRows > 0n;
}

/** Stores a new rollout, in the place of one that began with the same deployment. */
export async function insertRollout(db: Platform["db"], { row }: Rollout): Promise<void> {
  await db.deleteFrom("deployment_plans").where("id", "=", row.id).execute();
  await db.insertInto("deployment_plans").values(row).execute();
}

export interface RolloutChange {
  status?: RolloutStatus;
  reason?: string;
  /** The deployment that the change made. */
  deploymentId?: string;
  progress?: RolloutProgress;
}

/** Changes a rollout as it was read. Throws {@link StaleRollout}. */
export async function changeRollout(
  { db }: Db,
  { row, progress }: Rollout,
  change: RolloutChange,
  now: number,
): Promise<void> {
  const changed = await db
    .updateTable("deployment_plans")
    .set({
      status: change.status ?? row.status,
      reason: change.reason ?? row.reason,
      deployment_id: change.deploymentId ?? row.deployment_id,
      progress_json: JSON.stringify(change.progress ?? progress),
      revision: row.revision + 1,
      modified_on: new Date(now).toISOString(),
    })
    .where("id", "=", row.id)
    .where("revision", "=", row.revision)
    .executeTakeFirst();
  if (changed.numUpdatedRows === 0n) throw new StaleRollout("the rollout has changed since it was read");
}

/** Throws {@link StaleRollout} when the script's newest deployment but one is not the rollout's last. */
export async function requireUndisturbed(db: Platform["db"], { row }: Rollout, newest: string): Promise<void> {
  const before = await db
    .selectFrom("deployments")
    .select("id")
    .where("script_id", "=", row.script_id)
    .where("id", "!=", newest)
    .orderBy("sequence", "desc")
    .limit(1)
    .executeTakeFirst();
  if (before?.id !== row.deployment_id) throw new StaleRollout("another deployment has taken the rollout's place");
}
