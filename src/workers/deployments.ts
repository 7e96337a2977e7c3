import type { Share } from "../domain/routing.ts";
import type { Platform } from "../store/platform.ts";
import type { DeploymentRow, ScriptRow } from "../store/schema.ts";

/** A deployment with its versions in order. The newest of a script is its active one. */
export interface Deployment {
  row: DeploymentFacts;
  shares: Share[];
}

type DeploymentFacts = Omit<DeploymentRow, "sequence">;
type Db = Pick<Platform, "db">;

/** The active deployment; undefined for a script that was never deployed. */
export async function activeDeployment(platform: Db, script: ScriptRow): Promise<Deployment | undefined> {
  const [active] = await listDeployments(platform, script, 1);
  return active;
}

/** A script's deployments, newest first. */
export async function listDeployments({ db }: Db, script: ScriptRow, limit: number): Promise<Deployment[]> {
  const rows = await db
    .selectFrom("deployments")
    .selectAll()
    .where("script_id", "=", script.id)
    .orderBy("sequence", "desc")
    .limit(limit)
    .execute();
  return withShares(db, rows);
}

export async function findDeployment({ db }: Db, script: ScriptRow, id: string): Promise<Deployment | undefined> {
  const rows = await db
    .selectFrom("deployments")
    .selectAll()
    .where("script_id", "=", script.id)
    .where("id", "=", id)
    .execute();
  return (await withShares(db, rows))[0];
}

/** Adds a deployment; it is the active one once the transaction is committed. */
export async function insertDeployment(db: Platform["db"], { row, shares }: Deployment): Promise<void> {
  await db.insertInto("deployments").values(row).execute();
  await db
    .insertInto("deployment_versions")
    .values(
      shares.map(({ versionId, percentage }, position) => ({
        deployment_id: row.id,
        position,
        version_id: versionId,
        percentage,
      })),
    )
    .execute();
}

async function withShares(db: Platform["db"], rows: DeploymentFacts[]): Promise<Deployment[]> {
  if (rows.length === 0) return [];
  const parts = await db
    .selectFrom("deployment_versions")
    .selectAll()
    .where(
      "deployment_id",
      "in",
      rows.map(({ id }) => id),
    )
    .orderBy("position")
    .execute();
  return rows.map((row) => ({
    row,
    shares: parts
      .filter((part) => part.deployment_id === row.id)
      .map(({ version_id, percentage }) => ({ versionId: version_id, percentage })),
  }));
}
