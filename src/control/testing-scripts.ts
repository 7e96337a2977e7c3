import type { ScriptRow } from "../store/schema.ts";
import type { TestPlatform } from "../store/testing.ts";

/** Adds a script, by default with its name as its id, with versions `<id>-1`, `<id>-2`, … */
export async function addScript(
  { db, account }: TestPlatform,
  id: string,
  versionCount: number,
  parts: Partial<ScriptRow> = {},
): Promise<void> {
  const script: ScriptRow = {
    ...{ id, account_id: account.id, name: id, kind: "worker" as const, tag: id, created_on: "", modified_on: "" },
    ...{ last_deployed_from: "api", migration_tag: null, enabled: 1, previews_enabled: 0, settings_json: "{}" },
    ...{ next_version_number: versionCount + 1, ...parts },
  };
  await db.insertInto("scripts").values(script).execute();
  const versions = Array.from({ length: versionCount }, (_, index) => versionRow(id, index + 1));
  if (versionCount > 0) await db.insertInto("versions").values(versions).execute();
}

/** Adds the next version, as an upload does. */
export async function addVersion({ db }: TestPlatform, script: string, number: number): Promise<void> {
  await db.insertInto("versions").values(versionRow(script, number)).execute();
  await db
    .updateTable("scripts")
    .set({ next_version_number: number + 1 })
    .where("id", "=", script)
    .execute();
}

/** Adds a deployment. */
export async function deploy(
  { db }: TestPlatform,
  script: string,
  id: string,
  shares: [versionId: string, percentage: number][],
): Promise<void> {
  await db
    .insertInto("deployments")
    .values({ id, script_id: script, created_on: "", source: "api", author_email: "", annotations_json: "{}" })
    .execute();
  const rows = shares.map(([version_id, percentage], position) => ({
    deployment_id: id,
    position,
    version_id,
    percentage,
  }));
  await db.insertInto("deployment_versions").values(rows).execute();
}

function versionRow(script: string, number: number) {
  return {
    ...{ id: `${script}-${number}`, script_id: script, number, created_on: "", author_id: "", author_email: "" },
    ...{ source: "api", etag: "", startup_time_ms: 1, annotations_json: "{}", record_json: "{}", metadata_json: "{}" },
  };
}
