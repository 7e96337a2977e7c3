import { classesOfScript, discardStates, namespaceName } from "../products/durable-objects/registry.ts";
import { consumedBy, removeConsumersOf } from "../products/queues/consumers.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import { type Change, changeScript, publish, retire } from "./change.ts";
import { classUses } from "./class-uses.ts";
import { discardDeletedState } from "./discard-state.ts";
import { consumesQueues, consumesTails, referenced, referencedClasses } from "./errors.ts";
import { boundBy, tailedBy } from "./references.ts";
import { requireWorker } from "./scripts.ts";

/**
 * Deletes a script with all its versions, Durable Objects and workflows.
 * Errors: 10007; 10064 when other scripts bind it or its classes, or it consumes queues or tails, unless `force`.
 */
export async function deleteScript(change: Change, force: boolean): Promise<void> {
  const { platform, accountId, actor, scriptName } = change;
  await changeScript(change, async () => {
    const script = await requireWorker(platform, accountId, scriptName);
    if (!force) await refuseUsed(change, script);
    await removeScript(change, script);
  });
  await platform.audit({ accountId, actor, action: "script.delete", target: scriptName, detail: { force } });
}

/** Removes a script of any kind, with all that it has. Call inside {@link changeScript}. */
export async function removeScript(change: Change, script: ScriptRow): Promise<void> {
  const { platform } = change;
  await removePreviews(change, script);
  const versions = await platform.db.selectFrom("versions").select("id").where("script_id", "=", script.id).execute();
  await platform.db.transaction().execute(async (db) => {
    await discardStateOf(db, script.id);
    await removeConsumersOf(db, script.account_id, script.name);
    // Deployments first: they hold on to versions.
    await db.deleteFrom("deployments").where("script_id", "=", script.id).execute();
    await db.deleteFrom("scripts").where("id", "=", script.id).execute();
  });
  await publish(change);
  const versionIds = versions.map(({ id }) => id);
  await platform.runtime.removeLaunchRecords(versionIds);
  retire(change, versionIds);
  discardDeletedState(platform);
}

/** The scripts that run its named previews; their rows go with it. */
async function removePreviews(change: Change, script: ScriptRow): Promise<void> {
  const previews = await change.platform.db
    .selectFrom("scripts")
    .innerJoin("named_previews", "named_previews.script_name", "scripts.name")
    .selectAll("scripts")
    .where("named_previews.script_id", "=", script.id)
    .execute();
  for (const preview of previews) {
    const own = { ...change, scriptName: preview.name };
    await changeScript(own, () => removeScript(own, preview));
  }
}

/** Refuses to delete what others bind: error 10064. */
export async function refuseUsed({ platform, accountId, scriptName }: Change, script: ScriptRow): Promise<void> {
  const users = await boundBy(platform, accountId, scriptName);
  if (users.length > 0) throw referenced(scriptName, users);
  const queues = await consumedBy(platform.db, accountId, scriptName);
  if (queues.length > 0) throw consumesQueues(scriptName, queues);
  const tailed = (await tailedBy(platform, accountId, scriptName)).filter((producer) => producer !== scriptName);
  if (tailed.length > 0) throw consumesTails(scriptName, tailed);
  const classUsers = await classesBoundBy(platform, accountId, script);
  if (classUsers.length > 0)
    throw referencedClasses(scriptName, [...new Set(classUsers.map(({ service }) => service))]);
}

/** Who binds the script's Durable Object classes, as the client lists it (`wrangler-api.md` 5.1). */
export async function classesBoundBy(
  platform: Platform,
  accountId: string,
  script: ScriptRow,
): Promise<{ service: string; durable_object_namespace_name: string }[]> {
  const own = await classesOfScript(platform.db, script.id);
  if (own.length === 0) return [];
  const uses = await classUses(platform, accountId, script.name);
  return own.flatMap(({ namespaceId, className }) => {
    const by = uses.filter((use) => use.namespaceId === namespaceId).map((use) => use.script);
    return [...new Set(by)].map((service) => ({
      service,
      durable_object_namespace_name: namespaceName(script.name, className),
    }));
  });
}

/** The rows go; the data follows once no runner has it. */
async function discardStateOf(db: Platform["db"], scriptId: string): Promise<void> {
  const ids: string[] = [];
  for (const table of ["object_namespaces", "workflows"] as const) {
    const rows = await db.deleteFrom(table).where("script_id", "=", scriptId).returning("id").execute();
    ids.push(...rows.map(({ id }) => id));
  }
  await discardStates(db, ids, new Date().toISOString());
}
