import type { Actor } from "../../lib/api.ts";
import type { Platform } from "../../store/platform.ts";
import { endPreview } from "./store.ts";

/** Deletes named previews that nobody has deployed to for so long. `by` does it, in the words of the audit trail. */
export async function endUnusedPreviews(
  platform: Platform,
  by: Actor,
  lifeMs: number,
  nowMs = Date.now(),
): Promise<void> {
  if (lifeMs === 0) return;
  const since = new Date(nowMs - lifeMs).toISOString();
  const rows = await platform.db
    .selectFrom("named_previews")
    .innerJoin("scripts", "scripts.id", "named_previews.script_id")
    .selectAll("named_previews")
    .select(["scripts.account_id", "scripts.name as worker_name"])
    .where("named_previews.updated_on", "<", since)
    .execute();
  for (const { account_id: accountId, worker_name, ...preview } of rows) {
    await endPreview({ platform, actor: by, accountId, source: "api", scriptName: worker_name }, preview);
    const detail = { preview: preview.name, unused_since: preview.updated_on };
    await platform.audit({ accountId, actor: by, action: "preview.expire", target: worker_name, detail });
  }
}
