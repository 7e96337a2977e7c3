/** How deployments to production take over from the one before: at once, or step by step (`deployment_configs.production.rollout`). */
import { z } from "zod";
import type { Change } from "../workers/change.ts";
import { deployVersions } from "../workers/deploy-versions.ts";
import { activeDeployment } from "../workers/deployments.ts";
import { planSchema } from "../workers/rollouts/plan.ts";
import { deployWithPlan } from "../workers/rollouts/start.ts";
import { requireScript } from "../workers/scripts.ts";

/** A share that stays until somebody changes it, or a plan as Workers' deployments have it. */
export const rolloutSchema = z.union([
  z.strictObject({ percentage: z.number().min(0).max(100) }),
  planSchema.omit({ version_id: true }),
]);
export type Rollout = z.infer<typeof rolloutSchema>;

/** Share that the new deployment begins with. */
export function firstShare(rollout: Rollout): number {
  return "percentage" in rollout ? rollout.percentage : (rollout.steps[0]?.percentage ?? 100);
}

/** Gives a deployment that serves nothing yet its first share of production. Errors: those of `deployVersions`. */
export async function beginRollout(change: Change, versionId: string, rollout: Rollout): Promise<void> {
  const { platform, accountId, scriptName } = change;
  const script = await requireScript(platform, accountId, scriptName);
  const shares = (await activeDeployment(platform, script))?.shares ?? [];
  const [stable] = shares.toSorted((a, b) => b.percentage - a.percentage);
  const percentage = stable ? firstShare(rollout) : 100;
  const versions = [
    { version_id: versionId, percentage },
    ...(stable ? [{ version_id: stable.versionId, percentage: 100 - percentage }] : []),
  ];
  // The deployment has what the project's environment has: other secrets are no mistake.
  if ("percentage" in rollout || !stable) await deployVersions(change, { versions }, { force: true });
  else await deployWithPlan(change, { strategy: "percentage", versions }, rollout, true);
}
