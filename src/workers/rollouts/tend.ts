import { decide, withReports } from "../../domain/rollout.ts";
import type { EdgeCounts } from "../../domain/version-counts.ts";
import { ApiError } from "../../lib/api.ts";
import type { Platform } from "../../store/platform.ts";
import type { Change } from "../change.ts";
import { endRollout, enterNextStep } from "./move.ts";
import { changeRollout, currentRollout, isWatched, type Rollout, StaleRollout } from "./store.ts";

/**
 * Looks after one rollout: adds what edges have counted, and deploys the next step, everything, or the stable
 * version when it is time for that. Never rejects because of what others do meanwhile.
 */
export async function tendRollout(
  platform: Platform,
  rollout: Rollout,
  reports: EdgeCounts[],
  now: number,
): Promise<void> {
  const { db } = platform;
  const { row, plan } = rollout;
  const script = await db.selectFrom("scripts").selectAll().where("id", "=", row.script_id).executeTakeFirst();
  if (!script) return;
  const change: Change = {
    platform,
    actor: { tokenId: "rollout", email: `rollout@${platform.config.domain}`, scope: "edit" },
    accountId: script.account_id,
    scriptName: script.name,
    source: "api",
  };
  try {
    if (!isWatched(await currentRollout(platform, script, rollout))) return;
    const versions = { candidate: row.version_id, stable: row.stable_version_id };
    const progress = withReports(rollout.progress, versions, reports, now);
    const decision = decide(plan, progress, now);
    if (decision.kind === "stay") await changeRollout(platform, rollout, { progress }, now);
    else if (decision.kind === "advance") await enterNextStep(change, rollout, progress, now);
    else if (decision.kind === "complete")
      await endRollout(change, rollout, progress, { status: "completed", reason: "all steps are done" }, now);
    else await endRollout(change, rollout, progress, { status: "rolled_back", reason: decision.reason }, now);
  } catch (error) {
    if (error instanceof StaleRollout) return;
    if (!(error instanceof ApiError)) throw error;
    // Such as a version whose classes are no more: trying on would not help.
    await changeRollout(platform, rollout, { status: "failed", reason: error.message }, now);
  }
}
