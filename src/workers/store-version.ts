import { createHash, randomUUID } from "node:crypto";
import type { ScriptKind } from "../domain/script-kind.ts";
import type { LaunchRecord } from "../domain/version.ts";
import type { Reconciliation } from "../products/durable-objects/reconciliation.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow, VersionRow } from "../store/schema.ts";
import { setAlias } from "./aliases.ts";
import type { Change } from "./change.ts";
import { type Deployment, insertDeployment } from "./deployments.ts";
import { insertScript, patchedSettings, scriptSettings } from "./scripts.ts";
import type { StateChange } from "./state-changes.ts";
import type { VersionDraft } from "./version-draft.ts";
import { readVersion, type StoredVersion } from "./versions.ts";

export interface NewVersion {
  script: ScriptRow;
  version: StoredVersion;
  deployment?: Deployment;
  /** What the upload's declared exports came to. */
  reconciliation?: Reconciliation;
}

export interface VersionFate {
  /** Why the version came to be: annotation `workers/triggered_by`. */
  triggeredBy: string;
  /** Deploy it to all traffic at once, or only keep it. */
  deploy: boolean;
  /** What the script is, if this upload makes it; absent: a Worker. */
  kind?: ScriptKind;
  /** Changes of the script's unversioned settings that go with it. */
  settings?: Record<string, unknown>;
  /** Id of the version, when it had to be known before; see `freeVersionId`. */
  versionId?: string;
  /** Rows of others that go with the version, in its transaction. */
  alongside?(db: Platform["db"], versionId: string): Promise<void>;
}

/** A version whose code was started once. */
export interface CheckedVersion {
  record: LaunchRecord;
  startupTimeMs: number;
  draft: VersionDraft;
  state: StateChange;
  fate: VersionFate;
  /** ISO time of the upload. */
  now: string;
}

/** Writes a version, its script if that is new, and its alias and deployment if it has them. Run in a transaction. */
export async function storeVersion(
  db: Platform["db"],
  change: Change,
  existing: ScriptRow | undefined,
  { record, startupTimeMs, draft, state, fate, now }: CheckedVersion,
): Promise<NewVersion> {
  const script = existing
    ? await updateScript(db, existing, change, { fate, state, now })
    : await insertScript(db, {
        account_id: change.accountId,
        name: change.scriptName,
        kind: fate.kind ?? "worker",
        created_on: now,
        modified_on: now,
        last_deployed_from: change.source,
        migration_tag: state.migrationTag ?? null,
        next_version_number: 2,
        settings_json: JSON.stringify(patchedSettings({}, fate.settings ?? {})),
      });
  await state.apply(db, { accountId: change.accountId, scriptId: script.id, now });
  const row: VersionRow = {
    id: record.versionId,
    script_id: script.id,
    number: script.next_version_number - 1,
    created_on: now,
    author_id: change.actor.tokenId,
    author_email: change.actor.email,
    source: change.source,
    etag: etag(record),
    startup_time_ms: Math.round(startupTimeMs),
    annotations_json: JSON.stringify({ ...draft.annotations, "workers/triggered_by": fate.triggeredBy }),
    record_json: JSON.stringify(record),
    metadata_json: JSON.stringify(draft.metadata),
  };
  await db.insertInto("versions").values(row).execute();
  if (record.assets) {
    const { site } = record.assets;
    await db.insertInto("version_sites").values({ version_id: row.id, script_id: script.id, site }).execute();
  }
  const alias = draft.annotations["workers/alias"];
  if (alias) await setAlias(db, { scriptId: script.id, alias, versionId: row.id, at: now });
  await fate.alongside?.(db, row.id);
  if (!fate.deploy) return { script, version: readVersion(row) };
  const deployment: Deployment = {
    row: {
      id: randomUUID(),
      script_id: script.id,
      created_on: now,
      source: change.source,
      author_email: change.actor.email,
      annotations_json: JSON.stringify(deploymentAnnotations(draft.annotations, fate.triggeredBy)),
    },
    shares: [{ versionId: row.id, percentage: 100 }],
  };
  await insertDeployment(db, deployment);
  return { script, version: readVersion(row), deployment };
}

function deploymentAnnotations(version: Record<string, string>, triggeredBy: string): Record<string, string> {
  const message = version["workers/message"];
  return { ...(message && { "workers/message": message }), "workers/triggered_by": triggeredBy };
}

type ScriptPart = Pick<CheckedVersion, "fate" | "state" | "now">;

async function updateScript(
  db: Platform["db"],
  script: ScriptRow,
  change: Change,
  { fate, state, now }: ScriptPart,
): Promise<ScriptRow> {
  const changed = {
    modified_on: now,
    next_version_number: script.next_version_number + 1,
    ...(fate.deploy && { last_deployed_from: change.source }),
    ...(state.migrationTag !== undefined && { migration_tag: state.migrationTag }),
    ...(fate.settings && { settings_json: JSON.stringify(patchedSettings(scriptSettings(script), fate.settings)) }),
  };
  await db.updateTable("scripts").set(changed).where("id", "=", script.id).execute();
  return { ...script, ...changed };
}

/** Changes with the code and the assets, and only with them. */
function etag({ mainModule, modules, assets }: LaunchRecord): string {
  const content = modules.map(({ name, type, blob }) => [name, type, blob]);
  return createHash("sha256")
    .update(JSON.stringify([mainModule, content, ...(assets ? [assets.site] : [])]))
    .digest("hex");
}
