import { beginStep } from "../../domain/rollout.ts";
import type { Share } from "../../domain/routing.ts";
import type { Platform } from "../../store/platform.ts";
import type { ScriptRow } from "../../store/schema.ts";
import { type Change, changeScript, publish } from "../change.ts";
import { type DeploymentBody, deployVersions } from "../deploy-versions.ts";
import { activeDeployment, type Deployment } from "../deployments.ts";
import { deploymentNotActive, invalidUpload } from "../errors.ts";
import { requireScript } from "../scripts.ts";
import { requireVersion, type StoredVersion } from "../versions.ts";
import { type GivenPlan, rolloutPlan } from "./plan.ts";
import { insertRollout, PLAN_ANNOTATION, type Rollout } from "./store.ts";

/** Deploys versions that a plan then goes on from. Errors: those of `deployVersions`, and 10021 for a plan that does not fit. */
export async function deployWithPlan(
  change: Change,
  body: DeploymentBody,
  given: GivenPlan,
  force: boolean,
): Promise<{ deployment: Deployment; rollout: Rollout }> {
  let rollout: Rollout | undefined;
  const seen = await change.platform.runtime.counts();
  const deployment = await deployVersions(change, body, {
    force,
    annotate: (id) => ({ [PLAN_ANNOTATION]: id }),
    also: async (db, deployment, versions) => {
      rollout = newRollout(deployment, versions, given, seen);
      await insertRollout(db, rollout);
    },
  });
  await auditStart(change, rollout as Rollout);
  return { deployment, rollout: rollout as Rollout };
}

/** Gives the active deployment a plan, in the place of one it has. Errors: 10007, 100150 when it is not active, 10021. */
export async function planDeployment(change: Change, deploymentId: string, given: GivenPlan): Promise<Rollout> {
  const { platform, accountId, scriptName } = change;
  const rollout = await changeScript(change, async () => {
    const script = await requireScript(platform, accountId, scriptName);
    const deployment = await activeDeployment(platform, script);
    if (deployment?.row.id !== deploymentId) throw deploymentNotActive(deploymentId);
    const versions = await versionsOf(platform, script, deployment.shares);
    const created = newRollout(deployment, versions, given, await platform.runtime.counts());
    const annotations = { ...JSON.parse(deployment.row.annotations_json), [PLAN_ANNOTATION]: created.row.id };
    await platform.db.transaction().execute(async (db) => {
      await insertRollout(db, created);
      await db
        .updateTable("deployments")
        .set({ annotations_json: JSON.stringify(annotations) })
        .where("id", "=", deploymentId)
        .execute();
    });
    // From now on edges count.
    await publish(change);
    return created;
  });
  await auditStart(change, rollout);
  return rollout;
}

function versionsOf(platform: Platform, script: ScriptRow, shares: Share[]): Promise<StoredVersion[]> {
  return Promise.all(shares.map(({ versionId }) => requireVersion(platform, script, versionId)));
}

function newRollout(
  { row, shares }: Deployment,
  versions: StoredVersion[],
  given: GivenPlan,
  seen: Rollout["progress"]["seen"],
): Rollout {
  const candidate = candidateOf(shares, versions, given);
  const stable = shares.find(({ versionId }) => versionId !== candidate.versionId) as Share;
  const first = given.steps[0]?.percentage ?? 0;
  if (Math.abs(first - candidate.percentage) > 0.001) {
    throw invalidUpload(
      `The plan's first step has ${first} %, and the deployment gives its new version ${candidate.percentage} %. ` +
        "Let the first step be the deployment as it begins.",
    );
  }
  const now = Date.now();
  const plan = rolloutPlan(given);
  const progress = beginStep(0, now, seen);
  const on = new Date(now).toISOString();
  return {
    plan,
    progress,
    row: {
      id: row.id,
      script_id: row.script_id,
      deployment_id: row.id,
      version_id: candidate.versionId,
      stable_version_id: stable.versionId,
      status: "running",
      reason: null,
      plan_json: JSON.stringify(plan),
      progress_json: JSON.stringify(progress),
      revision: 1,
      claimed_by: null,
      claimed_until: null,
      created_on: on,
      modified_on: on,
    },
  };
}

/** The version that is to take over: the one that is named, else the one that was uploaded last. */
function candidateOf(shares: Share[], versions: StoredVersion[], { version_id }: GivenPlan): Share {
  if (shares.length !== 2) {
    throw invalidUpload(
      `A plan leads from one version to another, and this deployment has ${shares.length}. Deploy the new version and the stable one.`,
    );
  }
  const newest = versions.toSorted((a, b) => b.row.number - a.row.number)[0]?.row.id;
  const candidate = shares.find(({ versionId }) => versionId === (version_id ?? newest));
  if (!candidate) throw invalidUpload(`The plan's version "${version_id}" is none of the deployment's.`);
  return candidate;
}

async function auditStart(change: Change, { row, plan }: Rollout): Promise<void> {
  await change.platform.audit({
    accountId: change.accountId,
    actor: change.actor,
    action: "rollout.start",
    target: change.scriptName,
    detail: { plan_id: row.id, version_id: row.version_id, stable_version_id: row.stable_version_id, ...plan },
  });
}
