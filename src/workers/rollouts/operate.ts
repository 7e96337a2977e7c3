import { paused, resumed } from "../../domain/rollout.ts";
import type { ScriptRow } from "../../store/schema.ts";
import type { Change } from "../change.ts";
import { planEnded, planNotFound } from "../errors.ts";
import { requireScript } from "../scripts.ts";
import { endRollout } from "./move.ts";
import { changeRollout, findRollout, isWatched, type Rollout, StaleRollout } from "./store.ts";

export const rolloutActions = ["pause", "resume", "promote", "abort"] as const;
export type RolloutAction = (typeof rolloutActions)[number];

/** How often an action is tried again when the rollout moved on meanwhile. */
const TRIES = 5;

/** The rollout that this deployment is part of. Errors: 10007, 100148. */
export async function requireRollout(change: Change, deploymentId: string): Promise<Rollout> {
  const script = await requireScript(change.platform, change.accountId, change.scriptName);
  return rolloutOf(change, script, deploymentId);
}

/**
 * `pause`: time stands still, the guard goes on. `resume`: it goes on. `promote`: all requests to the new version, at once.
 * `abort`: all to the stable one. Errors: 10007, 100148, 100149 when the rollout has ended; those of a deployment.
 */
export async function operateRollout(change: Change, deploymentId: string, action: RolloutAction): Promise<Rollout> {
  const script = await requireScript(change.platform, change.accountId, change.scriptName);
  for (let tries = 1; ; tries++) {
    const rollout = await rolloutOf(change, script, deploymentId);
    if (!isWatched(rollout)) throw planEnded(rollout.row);
    try {
      await act(change, rollout, action);
      return await rolloutOf(change, script, deploymentId);
    } catch (error) {
      if (!(error instanceof StaleRollout) || tries === TRIES) throw error;
    }
  }
}

async function rolloutOf({ platform }: Change, script: ScriptRow, deploymentId: string): Promise<Rollout> {
  const rollout = await findRollout(platform, script, deploymentId);
  if (!rollout) throw planNotFound(deploymentId);
  return rollout;
}

async function act(change: Change, rollout: Rollout, action: RolloutAction): Promise<void> {
  const { platform, actor } = change;
  const { progress } = rollout;
  const now = Date.now();
  switch (action) {
    case "pause":
      await changeRollout(platform, rollout, { status: "paused", progress: paused(progress, now) }, now);
      break;
    case "resume":
      await changeRollout(platform, rollout, { status: "running", progress: resumed(progress, now) }, now);
      break;
    case "promote":
      return endRollout(change, rollout, progress, { status: "completed", reason: `promoted by ${actor.email}` }, now);
    case "abort":
      return endRollout(change, rollout, progress, { status: "aborted", reason: `aborted by ${actor.email}` }, now);
  }
  await platform.audit({
    accountId: change.accountId,
    actor,
    action: `rollout.${action}`,
    target: change.scriptName,
    detail: { plan_id: rollout.row.id },
  });
}
