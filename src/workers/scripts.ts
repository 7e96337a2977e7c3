import { randomBytes, randomUUID } from "node:crypto";
import type { ProtectedScope } from "../domain/access.ts";
import type { AffinityRule } from "../domain/routing.ts";
import type { ScriptKind } from "../domain/script-kind.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import { notAWorker, scriptNotFound } from "./errors.ts";

/** Settings of a script that are not versioned, as `settings_json` holds them. */
export interface ScriptSettings {
  logpush?: boolean;
  tail_consumers?: { service: string; environment?: string }[];
  observability?: Record<string, unknown>;
  tags?: string[];
  /** Whose state versions that are not deployed see; absent: their own. */
  preview_state?: "own" | "production";
  /** What keeps a visitor on one version of a split. */
  version_affinity?: AffinityRule;
  /** What every named preview of the Worker has, unless it has its own: bindings by name, secrets sealed. */
  previews_base_config?: { env?: Record<string, Record<string, unknown>> };
  /** Which addresses only those with an access token may see; absent: the account says. */
  protection?: ProtectedScope | "off";
  /** How often all access tokens were ended. */
  access_epoch?: number;
}

const settingNames = [
  "logpush",
  "tail_consumers",
  "observability",
  "tags",
  "preview_state",
  "version_affinity",
  "protection",
] as const;

/** Those that take effect with the next publication. */
export const publishedSettings = [
  "preview_state",
  "version_affinity",
  "protection",
  "observability",
  "tail_consumers",
  "logpush",
] as const;

/** Whatever its kind. */
export function findScript(
  platform: Pick<Platform, "db">,
  accountId: string,
  name: string,
): Promise<ScriptRow | undefined> {
  return platform.db
    .selectFrom("scripts")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("name", "=", name)
    .executeTakeFirst();
}

/** The script; error 10007 when there is none. */
export async function requireScript(
  platform: Pick<Platform, "db">,
  accountId: string,
  name: string,
): Promise<ScriptRow> {
  const script = await findScript(platform, accountId, name);
  if (!script) throw scriptNotFound(name);
  return script;
}

/** The Worker; error 10007 when there is none, 10016 for a script of another kind, whose code and settings are changed elsewhere. */
export async function requireWorker(
  platform: Pick<Platform, "db">,
  accountId: string,
  name: string,
): Promise<ScriptRow> {
  const script = await requireScript(platform, accountId, name);
  if (script.kind !== "worker") throw notAWorker(script);
  return script;
}

/** An account's scripts by name: all, or those of one kind. */
export function listScripts(
  platform: Pick<Platform, "db">,
  accountId: string,
  kind?: ScriptKind,
): Promise<ScriptRow[]> {
  const all = platform.db.selectFrom("scripts").selectAll().where("account_id", "=", accountId);
  return (kind ? all.where("kind", "=", kind) : all).orderBy("name").execute();
}

/** Adds a script without any version. Its host names answer once a client asks for them (`POST …/subdomain`), as with the original. */
export async function insertScript(
  db: Platform["db"],
  script: Pick<ScriptRow, "account_id" | "name" | "kind"> & Partial<ScriptRow>,
): Promise<ScriptRow> {
  const now = new Date().toISOString();
  const row: ScriptRow = {
    id: randomUUID(),
    tag: randomBytes(16).toString("hex"),
    created_on: now,
    modified_on: now,
    last_deployed_from: "api",
    migration_tag: null,
    enabled: 0,
    previews_enabled: 0,
    next_version_number: 1,
    settings_json: "{}",
    ...script,
  };
  await db.insertInto("scripts").values(row).execute();
  return row;
}

export function scriptSettings(script: Pick<ScriptRow, "settings_json">): ScriptSettings {
  return JSON.parse(script.settings_json) as ScriptSettings;
}

/** The settings after a patch: what the patch leaves out stays, null takes away. */
export function patchedSettings(settings: ScriptSettings, patch: Record<string, unknown>): ScriptSettings {
  const result: Record<string, unknown> = { ...settings };
  for (const name of settingNames) {
    if (patch[name] === null) delete result[name];
    else if (patch[name] !== undefined) result[name] = patch[name];
  }
  return result as ScriptSettings;
}
