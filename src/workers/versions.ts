import { keptVersions } from "../domain/script-kind.ts";
import type { LaunchRecord } from "../domain/version.ts";
import type { Page } from "../lib/paging.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow, VersionRow } from "../store/schema.ts";
import { noVersions, versionNotFound } from "./errors.ts";
import { isVersionId } from "./names.ts";

/** What an upload said besides the launch record, as `metadata_json` holds it. */
export interface VersionMetadata {
  placement?: Record<string, unknown>;
  /** `limits` as given, such as `{ cpu_ms, subrequests }`; only set when the upload set some. */
  limits?: Record<string, unknown>;
  assets?: ShownAssets;
  /** What the upload declared of its exports, by name. */
  exports?: Record<string, unknown>;
  /** Whatever else the upload's metadata held. */
  extra?: Record<string, unknown>;
}

/** What is shown of a version's static assets. */
export interface ShownAssets {
  config: Record<string, unknown>;
  /** Rules that do nothing, a line for people each. */
  diagnostics: string[];
}

/** A row of `versions` with its JSON columns read. */
export interface StoredVersion {
  row: VersionRow;
  record: LaunchRecord;
  annotations: Record<string, string>;
  metadata: VersionMetadata;
}

type Db = Pick<Platform, "db">;

/** Whether a version has code to run; one of static assets alone has none, and never a runner. */
export function hasCode({ modules }: Pick<LaunchRecord, "modules">): boolean {
  return modules.length > 0;
}

/** Whether a version has classes or workflows of its script. */
export function ownsState({ objects, workflows }: Pick<LaunchRecord, "objects" | "workflows">): boolean {
  return objects !== undefined || workflows !== undefined;
}

export function readVersion(row: VersionRow): StoredVersion {
  return {
    row,
    record: JSON.parse(row.record_json) as LaunchRecord,
    annotations: JSON.parse(row.annotations_json) as Record<string, string>,
    metadata: JSON.parse(row.metadata_json) as VersionMetadata,
  };
}

export async function newestVersion({ db }: Db, script: ScriptRow): Promise<StoredVersion | undefined> {
  const row = await newestFirst(db, script).limit(1).executeTakeFirst();
  return row && readVersion(row);
}

/** The newest version; error 10222 when the script has none. */
export async function requireNewestVersion(platform: Db, script: ScriptRow): Promise<StoredVersion> {
  const newest = await newestVersion(platform, script);
  if (!newest) throw noVersions(script.name);
  return newest;
}

/** The version of this script; error 100146 when there is none of that id. */
export async function requireVersion(platform: Db, script: ScriptRow, id: string): Promise<StoredVersion> {
  const version = await findVersion(platform, script, id);
  if (!version) throw versionNotFound(id);
  return version;
}

/** The version of this script that has this id. */
export async function findVersion({ db }: Db, script: ScriptRow, id: string): Promise<StoredVersion | undefined> {
  if (!isVersionId(id)) return undefined;
  const row = await db
    .selectFrom("versions")
    .selectAll()
    .where("script_id", "=", script.id)
    .where("id", "=", id)
    .executeTakeFirst();
  return row && readVersion(row);
}

/** A page of the `within` newest versions, newest first. */
export async function listVersions(
  { db }: Db,
  script: ScriptRow,
  { offset, size }: Pick<Page, "offset" | "size">,
  within = Number.POSITIVE_INFINITY,
): Promise<StoredVersion[]> {
  const limit = Math.min(size, within - offset);
  if (limit <= 0) return [];
  const rows = await newestFirst(db, script).limit(limit).offset(offset).execute();
  return rows.map(readVersion);
}

/** The newest version of each of an account's scripts, by the script's id. */
export async function newestVersions({ db }: Db, accountId: string): Promise<Map<string, StoredVersion>> {
  const rows = await db
    .selectFrom("versions")
    .innerJoin("scripts", "scripts.id", "versions.script_id")
    .selectAll("versions")
    .where("scripts.account_id", "=", accountId)
    .where(({ eb }) => eb("versions.number", "=", eb("scripts.next_version_number", "-", 1)))
    .execute();
  return new Map(rows.map((row) => [row.script_id, readVersion(row)]));
}

export async function countVersions({ db }: Db, script: ScriptRow): Promise<number> {
  const { count } = await db
    .selectFrom("versions")
    .select(({ fn }) => fn.countAll<number | string>().as("count"))
    .where("script_id", "=", script.id)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Number of the oldest version that may still be deployed or previewed. */
export function oldestDeployableNumber(script: ScriptRow): number {
  return script.next_version_number - keptVersions[script.kind];
}

function newestFirst(db: Platform["db"], script: ScriptRow) {
  return db.selectFrom("versions").selectAll().where("script_id", "=", script.id).orderBy("number", "desc");
}
