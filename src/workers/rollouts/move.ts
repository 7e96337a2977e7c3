import { beginStep, type RolloutProgress } from "../../domain/rollout.ts";
import { ApiError } from "../../lib/api.ts";
import type { Change } from "../change.ts";
import { deployVersions } from "../deploy-versions.ts";
import { notRouted } from "../errors.ts";
import { MAX_ANNOTATION_LENGTH } from "../limits.ts";
import {
  changeRollout,
  PLAN_ANNOTATION,
  type Rollout,
  type RolloutChange,
  type RolloutStatus,
  requireUndisturbed,
} from "./store.ts";

/** How a rollout ends with a deployment of its own. */
export interface RolloutEnd {
  status: Extract<RolloutStatus, "completed" | "rolled_back" | "aborted">;
  reason: string;
}

/** Deploys the next step. Throws `StaleRollout` when something else came in between; errors of `deployVersions`. */
export async function enterNextStep(
  change: Change,
  rollout: Rollout,
  progress: RolloutProgress,
  now: number,
): Promise<void> {
  const { row, plan } = rollout;
  const step = progress.step + 1;
  const { percentage = 100 } = plan.steps[step] ?? {};
  const message = `Step ${step + 1} of ${plan.steps.length}: ${percentage} % for ${row.version_id.slice(0, 8)}`;
  await deployShare(change, rollout, { percentage, message }, { progress: beginStep(step, now, progress.seen) }, now);
  await audit(change, rollout, "rollout.step", { step: step + 1, percentage });
}

/** Gives one of the versions all requests, and ends the rollout. Errors as of {@link enterNextStep}. */
export async function endRollout(
  change: Change,
  rollout: Rollout,
  progress: RolloutProgress,
  { status, reason }: RolloutEnd,
  now: number,
): Promise<void> {
  const short = rollout.row.version_id.slice(0, 8);
  const message = status === "completed" ? `Rolled out ${short}: ${reason}` : `Rolled back ${short}: ${reason}`;
  const share = { percentage: status === "completed" ? 100 : 0, message, alone: true };
  await deployShare(change, rollout, share, { status, reason, progress }, now);
  await audit(change, rollout, actions[status], { reason });
}

const actions = { completed: "rollout.complete", rolled_back: "rollout.roll-back", aborted: "rollout.abort" };

/** Deploys this share of the new version and stores what goes with it, both or neither. `alone`: no version without a share stays. */
async function deployShare(
  change: Change,
  rollout: Rollout,
  { percentage, message, alone = false }: { percentage: number; message: string; alone?: boolean },
  stored: RolloutChange,
  now: number,
): Promise<void> {
  const { row } = rollout;
  const versions = [
    { version_id: row.stable_version_id, percentage: Number((100 - percentage).toFixed(4)) },
    { version_id: row.version_id, percentage },
  ].filter((version) => !alone || version.percentage > 0);
  const annotations = { "workers/message": message.slice(0, MAX_ANNOTATION_LENGTH) };
  try {
    await deployVersions(
      change,
      { versions, annotations },
      {
        force: true,
        annotate: () => ({ [PLAN_ANNOTATION]: row.id }),
        also: async (db, deployment) => {
          await requireUndisturbed(db, rollout, deployment.row.id);
          await changeRollout({ db }, rollout, { ...stored, deploymentId: deployment.row.id }, now);
        },
      },
    );
  } catch (error) {
    // Stored all the same: edges follow as soon as they can.
    const isStored = error instanceof ApiError && error.failures[0].code === notRouted().failures[0].code;
    if (!isStored) throw error;
    console.error(
      `a step of the rollout ${row.id} of ${change.scriptName} is stored, but not all edges route by it yet`,
    );
  }
}

async function audit(change: Change, { row }: Rollout, action: string, detail: Record<string, unknown>): Promise<void> {
  const { platform, accountId, actor, scriptName } = change;
  await platform.audit({ accountId, actor, action, target: scriptName, detail: { plan_id: row.id, ...detail } });
}
