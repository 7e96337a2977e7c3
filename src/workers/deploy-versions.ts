import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Share } from "../domain/routing.ts";
import { keptVersions } from "../domain/script-kind.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import { type Change, changeScript, switchTraffic } from "./change.ts";
import { checkLifecycle, takeWorkflowClasses } from "./deploy-state.ts";
import { activeDeployment, type Deployment, insertDeployment } from "./deployments.ts";
import { invalidUpload, secretsChanged, tooManyVersions } from "./errors.ts";
import { MAX_NAMED_VERSIONS } from "./limits.ts";
import { annotationsSchema } from "./metadata.ts";
import { checkResources } from "./missing-resources.ts";
import { planSchema } from "./rollouts/plan.ts";
import { requireScript } from "./scripts.ts";
import { changedSecrets } from "./secret-changes.ts";
import { hasCode, oldestDeployableNumber, ownsState, requireVersion, type StoredVersion } from "./versions.ts";

/** Body of `POST deployments`. */
export const deploymentSchema = z.looseObject({
  strategy: z.literal("percentage").default("percentage"),
  versions: z
    .array(z.looseObject({ version_id: z.string(), percentage: z.number().min(0).max(100) }))
    .min(1)
    .max(MAX_NAMED_VERSIONS),
  annotations: annotationsSchema.optional(),
  // How fast Durable Objects move to the new code; without any, it says nothing. The client always sends it.
  code_update_strategy: z.unknown().optional(),
  // Ours: how the new version's share grows by itself.
  plan: planSchema.optional(),
});
export type DeploymentBody = z.infer<typeof deploymentSchema>;

export interface DeployOptions {
  /** Also with other secrets than those that are deployed. */
  force: boolean;
  /** Further annotations of the deployment, by its id. */
  annotate?(deploymentId: string): Record<string, string>;
  /** What else is stored if, and only if, the deployment is. */
  also?(db: Platform["db"], deployment: Deployment, versions: StoredVersion[]): Promise<void>;
}

/**
 * Sends a script's requests to other versions of it. Resolves when edges do so.
 * Errors: 10007, 100146, 10021 for shares or versions that cannot be, 10220 unless `force`, 10013.
 */
export async function deployVersions(
  change: Change,
  body: Pick<DeploymentBody, "versions" | "annotations">,
  options: DeployOptions,
): Promise<Deployment> {
  const { force, annotate, also } = options;
  const { platform } = change;
  const shares = checkedShares(body, platform.config.deployments.maxVersions);
  const deployment = await changeScript(change, async () => {
    const script = await requireScript(platform, change.accountId, change.scriptName);
    const before = (await activeDeployment(platform, script))?.shares ?? [];
    const versions = await Promise.all(shares.map(({ versionId }) => requireVersion(platform, script, versionId)));
    checkDeployable(script, versions, before);
    const current = await newestOf(change, script, before);
    const classes = await checkLifecycle(change, script, versions, before);
    await checkResources(change, script, versions, before);
    if (!force) checkSecrets(change, versions, before, current);

    const joining = versions.filter(
      ({ row, record }) =>
        hasCode(record) &&
        classes.length === 0 &&
        !ownsState(record) &&
        !before.some(({ versionId }) => versionId === row.id),
    );
    const warm = Promise.all(joining.map(({ row }) => platform.runtime.prepare(row.id)));
    const annotations = { "workers/triggered_by": triggeredBy(versions, current), ...body.annotations };
    const created = newDeployment(change, script, shares, (id) => ({ ...annotations, ...annotate?.(id) }));
    await platform.db.transaction().execute(async (db) => {
      await insertDeployment(db, created);
      const changed = { modified_on: created.row.created_on, last_deployed_from: change.source };
      await db.updateTable("scripts").set(changed).where("id", "=", script.id).execute();
      await takeWorkflowClasses(db, script, versions, shares);
      await also?.(db, created, versions);
    });
    await warm;
    await switchTraffic(change, before, shares);
    return created;
  });
  await platform.audit({
    accountId: change.accountId,
    actor: change.actor,
    action: "deployment.create",
    target: change.scriptName,
    detail: { deployment_id: deployment.row.id, versions: shares, force },
  });
  return deployment;
}

function checkedShares(body: Pick<DeploymentBody, "versions">, maxVersions: number): Share[] {
  if (body.versions.length > maxVersions) throw tooManyVersions(body.versions.length, maxVersions);
  const shares = body.versions.map(({ version_id, percentage }) => ({ versionId: version_id, percentage }));
  const sum = shares.reduce((total, { percentage }) => total + percentage, 0);
  // Percentages go to 0.01, and their binary forms do not add up exactly.
  if (Math.abs(sum - 100) > 0.001) {
    throw invalidUpload(`The percentages of a deployment must sum to 100; these sum to ${sum}.`);
  }
  if (new Set(shares.map(({ versionId }) => versionId)).size !== shares.length) {
    throw invalidUpload(
      "A deployment names the same version twice; give each version once, with its whole percentage.",
    );
  }
  return shares;
}

function checkDeployable(script: ScriptRow, versions: StoredVersion[], before: Share[]): void {
  for (const { row } of versions) {
    const active = before.some(({ versionId }) => versionId === row.id);
    if (!active && row.number < oldestDeployableNumber(script)) {
      throw invalidUpload(
        `The version "${row.id}" is too old to be deployed: only the newest ${keptVersions[script.kind]} versions can be. Upload its code again.`,
      );
    }
  }
}

/** The newest version that takes requests now. */
async function newestOf(change: Change, script: ScriptRow, shares: Share[]): Promise<StoredVersion | undefined> {
  const versions = await Promise.all(shares.map(({ versionId }) => requireVersion(change.platform, script, versionId)));
  return versions.sort((a, b) => b.row.number - a.row.number)[0];
}

/** Going back to an older version with other secrets needs `force`: it may bring back a revoked one. */
function checkSecrets(
  change: Change,
  versions: StoredVersion[],
  before: Share[],
  current: StoredVersion | undefined,
): void {
  if (!current) return;
  const older = versions.filter(
    ({ row }) => row.number < current.row.number && !before.some(({ versionId }) => versionId === row.id),
  );
  const names = new Set(older.flatMap((version) => changedSecrets(change.platform, version.record, current.record)));
  if (names.size > 0) throw secretsChanged([...names].sort());
}

function triggeredBy(versions: StoredVersion[], current: StoredVersion | undefined): "rollback" | "promotion" {
  return current && versions.every(({ row }) => row.number < current.row.number) ? "rollback" : "promotion";
}

function newDeployment(
  change: Change,
  script: ScriptRow,
  shares: Share[],
  annotations: (id: string) => Record<string, string>,
): Deployment {
  const id = randomUUID();
  return {
    row: {
      id,
      script_id: script.id,
      created_on: new Date().toISOString(),
      source: change.source,
      author_email: change.actor.email,
      annotations_json: JSON.stringify(annotations(id)),
    },
    shares,
  };
}
