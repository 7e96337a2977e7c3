/** What can be done with a deployment once it is there: the same again, back to it, away with it. */
import { type Change, changeScript, publish, retire } from "../workers/change.ts";
import { deployVersions } from "../workers/deploy-versions.ts";
import { activeDeployment } from "../workers/deployments.ts";
import { requireVersion } from "../workers/versions.ts";
import { contentOf, deployTo } from "./deploy.ts";
import { hasFailed, requireDeployment } from "./deployments.ts";
import { aliasedDeployment, liveDeployment, notRollbackTarget } from "./errors.ts";
import { keptContent } from "./failed-deployments.ts";
import { aliasesOf } from "./present.ts";
import { requireProject, scriptOf } from "./projects.ts";

/** A new deployment of the same files and code, with what the project has now. Answers its id. */
export function retry(change: Change, name: string, id: string): Promise<string> {
  const { platform } = change;
  return deployTo(change, name, async (project) => {
    const deployment = await requireDeployment(platform, project, id);
    const { row, details } = deployment;
    if (hasFailed(details)) return keptContent(platform, deployment);
    const version = await requireVersion(platform, await scriptOf(platform, project), row.id);
    return contentOf(platform, version, details);
  });
}

/** Production goes back (or on) to a deployment of production. Errors: 8000104, 8000106. */
export async function rollback(change: Change, name: string, id: string): Promise<void> {
  const { platform, accountId } = change;
  const project = await requireProject(platform, accountId, name);
  const { row, details } = await requireDeployment(platform, project, id);
  if (row.environment !== "production" || hasFailed(details)) throw notRollbackTarget();
  const versions = [{ version_id: row.id, percentage: 100 }];
  // Secrets of the time are part of the deployment, as all its configuration is.
  await deployVersions(change, { versions }, { force: true });
}

/** Errors: 8000104; 8000105 for what production serves; 8000035 when an alias shows it, unless `force`. */
export async function deleteDeployment(change: Change, name: string, id: string, force: boolean): Promise<void> {
  const { platform, accountId, actor } = change;
  await changeScript(change, async () => {
    const project = await requireProject(platform, accountId, name);
    const { row } = await requireDeployment(platform, project, id);
    const script = await scriptOf(platform, project);
    const active = (await activeDeployment(platform, script))?.shares ?? [];
    if (active.some(({ versionId }) => versionId === id)) throw liveDeployment();
    const aliases = await aliasesOf(platform, id);
    if (aliases.length > 0 && !force) throw aliasedDeployment(aliases);
    await platform.db.transaction().execute(async (db) => {
      // Earlier deployments to production hold on to their versions.
      await db
        .deleteFrom("deployments")
        .where("id", "in", (of) =>
          of.selectFrom("deployment_versions").select("deployment_id").where("version_id", "=", row.id),
        )
        .execute();
      await db.deleteFrom("versions").where("id", "=", row.id).execute();
      await db.deleteFrom("pages_deployments").where("id", "=", row.id).execute();
      await db
        .updateTable("scripts")
        .set({ modified_on: new Date().toISOString() })
        .where("id", "=", script.id)
        .execute();
    });
    await publish(change);
    await platform.runtime.removeLaunchRecords([row.id]);
    retire(change, [row.id]);
  });
  await platform.audit({
    accountId,
    actor,
    action: "pages.delete-deployment",
    target: name,
    detail: { deployment_id: id },
  });
}
