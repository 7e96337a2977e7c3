import { z } from "zod";
import type { ScriptRow } from "../store/schema.ts";
import { type Change, changeScript, publish } from "./change.ts";
import { requireWorker } from "./scripts.ts";

export const subdomainSchema = z.looseObject({
  enabled: z.boolean().optional(),
  previews_enabled: z.boolean().nullish(),
});

export interface ScriptSubdomain {
  enabled: boolean;
  previews_enabled: boolean;
}

export function presentSubdomain({ enabled, previews_enabled }: ScriptRow): ScriptSubdomain {
  return { enabled: enabled === 1, previews_enabled: previews_enabled === 1 };
}

/**
 * Says whether `<script>.<account>.<base>` and the preview URLs answer. Previews follow `enabled`
 * when they are not named (`wrangler-api.md` 2.10).
 */
export async function changeSubdomain(change: Change, body: z.infer<typeof subdomainSchema>): Promise<ScriptSubdomain> {
  const { platform, accountId, actor, scriptName } = change;
  const result = await changeScript(change, async () => {
    const script = await requireWorker(platform, accountId, scriptName);
    const enabled = body.enabled ?? script.enabled === 1;
    const previews_enabled = body.previews_enabled ?? enabled;
    const changed = { enabled: Number(enabled), previews_enabled: Number(previews_enabled) };
    if (changed.enabled !== script.enabled || changed.previews_enabled !== script.previews_enabled) {
      await platform.db.updateTable("scripts").set(changed).where("id", "=", script.id).execute();
    }
    // Also when nothing changed: a repeated call must mend a publication that failed.
    await publish(change);
    return { enabled, previews_enabled };
  });
  await platform.audit({ accountId, actor, action: "script.subdomain", target: scriptName, detail: { ...result } });
  return result;
}
