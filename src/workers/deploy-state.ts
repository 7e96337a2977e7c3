import type { Share } from "../domain/routing.ts";
import type { ObjectClass } from "../domain/version.ts";
import { lifecycleBetween, versionsDisagree } from "../products/durable-objects/errors.ts";
import { accountClasses } from "../products/durable-objects/registry.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import type { Change } from "./change.ts";
import { exportsClass } from "./exported-classes.ts";
import type { StoredVersion } from "./versions.ts";

/**
 * Refuses to deploy versions that do not fit the script's Durable Object classes of today: those that were uploaded before
 * a class was created, renamed, transferred or deleted (`workers-semantics.md` 3.4, 3.5). Answers the classes.
 * Errors: 10211; 100405 when versions of a split differ.
 */
export async function checkLifecycle(
  { platform, accountId }: Change,
  script: ScriptRow,
  versions: StoredVersion[],
  before: Share[],
): Promise<ObjectClass[]> {
  const all = await accountClasses(platform.db, accountId);
  const own = all.filter(({ scriptId }) => scriptId === script.id);
  const elsewhere = new Set(all.filter(({ scriptId }) => scriptId !== script.id).map(({ namespaceId }) => namespaceId));
  const unfit = versions.find(({ record, row }) => {
    if (before.some(({ versionId }) => versionId === row.id)) return false;
    if (own.some(({ className }) => !exportsClass(record.exports, className))) return true;
    // What another script took over by a migration of its own is still reached by its id.
    const uploaded = (record.objects ?? []).filter(({ namespaceId }) => !elsewhere.has(namespaceId));
    return sorted(uploaded) !== sorted(own);
  });
  if (!unfit) return own;
  throw versions.length > 1 ? versionsDisagree() : lifecycleBetween(unfit.row.id);
}

/** Workflows run the class that the version with the largest share has for them. Run in the deployment's transaction. */
export async function takeWorkflowClasses(
  db: Platform["db"],
  script: ScriptRow,
  versions: StoredVersion[],
  shares: Share[],
): Promise<void> {
  const largest = shares.reduce((most, share) => (share.percentage > most.percentage ? share : most));
  const record = versions.find(({ row }) => row.id === largest.versionId)?.record;
  const now = new Date().toISOString();
  for (const workflow of record?.workflows ?? []) {
    await db
      .updateTable("workflows")
      .set({ class_name: workflow.className, modified_on: now })
      .where("id", "=", workflow.workflowId)
      .where("script_id", "=", script.id)
      .where("class_name", "!=", workflow.className)
      .execute();
  }
}

function sorted(classes: ObjectClass[]): string {
  return JSON.stringify(classes.map(({ namespaceId, className }) => `${namespaceId} ${className}`).sort());
}
