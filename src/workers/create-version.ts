import { randomUUID } from "node:crypto";
import type { LaunchRecord } from "../domain/version.ts";
import { checkQueueHandler } from "../products/queues/consumers.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import { checkAssetsAndBindings, storeDraftSite } from "./assets.ts";
import { type Change, publish, retire, switchTraffic } from "./change.ts";
import { activeDeployment } from "./deployments.ts";
import { discardDeletedState } from "./discard-state.ts";
import { refusedBy } from "./errors.ts";
import { exportsWorkflow } from "./exported-classes.ts";
import { type StateChange, unchangedState } from "./state-changes.ts";
import { type CheckedVersion, type NewVersion, storeVersion, type VersionFate } from "./store-version.ts";
import type { VersionDraft } from "./version-draft.ts";
import { hasCode, ownsState } from "./versions.ts";
import { hasDomains } from "./zones.ts";

/**
 * Makes a version: starts its code (if it has any) once, stores it and, if asked to, deploys it. Resolves when edges know it.
 * Call inside {@link changeScript}. Without `script`, the script is made too.
 * Errors: what the runtime says (10021, 10068 without handlers), 11001 for a consumer of queues without its handler, 10013 when edges do not confirm.
 */
export async function createVersion(
  change: Change,
  script: ScriptRow | undefined,
  draft: VersionDraft,
  fate: VersionFate,
): Promise<NewVersion> {
  const { platform } = change;
  const now = new Date().toISOString();
  checkAssetsAndBindings(draft);
  const started = await startOnce(platform, await launchRecord(change, script, draft, { now, id: fate.versionId }));
  const { startupTimeMs } = started;
  if (fate.deploy && fate.triggeredBy === "upload") await checkQueueHandler(platform.db, started.record);
  const state = draft.state ?? (await unchangedState(change, script));
  const reconciliation = state.settle(started.record.exports, draft.bindings);
  const record = withState(started.record, state);
  await platform.runtime.writeLaunchRecord(record);

  const before = script && fate.deploy ? await activeDeployment(platform, script) : undefined;
  // The runner starts while the database commits. One that owns state starts when it is the home, or it would be a preview.
  const warm =
    fate.deploy && hasCode(record) && !ownsState(record) ? platform.runtime.prepare(record.versionId) : undefined;
  let created: NewVersion;
  try {
    created = await platform.db
      .transaction()
      .execute((db) => storeVersion(db, change, script, { draft, fate, now, record, state, startupTimeMs }));
  } catch (error) {
    if (fate.deploy) retire(change, [record.versionId]);
    throw error;
  }
  await warm;
  if (created.deployment) await switchTraffic(change, before?.shares ?? [], created.deployment.shares);
  else await publish(change);
  discardDeletedState(platform);
  return reconciliation ? { ...created, reconciliation } : created;
}

async function launchRecord(
  { platform, accountId, scriptName }: Change,
  script: ScriptRow | undefined,
  draft: VersionDraft,
  { now, id }: { now: string; id: string | undefined },
): Promise<LaunchRecord> {
  const { annotations, metadata: _, assets, state: __, ...launched } = draft;
  return {
    versionId: id ?? (await freeVersionId(platform, script)),
    accountId,
    scriptName,
    createdOn: now,
    tag: annotations["workers/tag"] ?? "",
    ...launched,
    ...(assets && { assets: { site: await storeDraftSite(platform, assets, draft) } }),
    exports: [],
    ...((await hasDomains(platform.db, accountId)) && { hasDomains: true as const }),
  };
}

/** With the classes and workflows as they are after the upload. Workflows whose class the code lacks cannot run. */
function withState(record: LaunchRecord, { objects, workflows }: StateChange): LaunchRecord {
  const running = workflows.filter(({ className }) => exportsWorkflow(record.exports, className));
  return {
    ...record,
    ...(objects.length > 0 && { objects }),
    ...(running.length > 0 && { workflows: running }),
  };
}

/** An id whose first eight digits no other version (or alias) of the script has: they name its preview URL. */
export async function freeVersionId({ db }: Platform, script: ScriptRow | undefined): Promise<string> {
  for (;;) {
    const id = randomUUID();
    if (!script) return id;
    const prefix = id.slice(0, 8);
    const [version, alias] = await Promise.all([
      db
        .selectFrom("versions")
        .select("id")
        .where("script_id", "=", script.id)
        .where("id", "like", `${prefix}-%`)
        .executeTakeFirst(),
      db
        .selectFrom("aliases")
        .select("alias")
        .where("script_id", "=", script.id)
        .where("alias", "=", prefix)
        .executeTakeFirst(),
    ]);
    if (!version && !alias) return id;
  }
}

async function startOnce(
  { runtime }: Platform,
  record: LaunchRecord,
): Promise<Pick<CheckedVersion, "record" | "startupTimeMs">> {
  if (!hasCode(record)) return { record, startupTimeMs: 0 };
  const reply = await runtime.validate(record);
  if (!reply.ok) throw refusedBy(reply);
  return { record: { ...record, exports: reply.exports }, startupTimeMs: reply.startupTimeMs };
}
