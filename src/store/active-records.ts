import type { Kysely } from "kysely";
import type { LaunchRecord } from "../domain/version.ts";
import type { Database } from "./schema.ts";

/** Launch records of the versions that take requests now, of all scripts of the account but `except`. */
export async function activeRecords(
  db: Kysely<Database>,
  accountId: string,
  except = "",
): Promise<{ name: string; record: LaunchRecord }[]> {
  const rows = await db
    .selectFrom("deployments")
    .innerJoin("scripts", "scripts.id", "deployments.script_id")
    .innerJoin("deployment_versions", "deployment_versions.deployment_id", "deployments.id")
    .innerJoin("versions", "versions.id", "deployment_versions.version_id")
    .select(["scripts.name", "versions.record_json"])
    .where("scripts.account_id", "=", accountId)
    .where("scripts.name", "!=", except)
    .where(({ eb, selectFrom }) =>
      eb(
        "deployments.sequence",
        "=",
        selectFrom("deployments as later")
          .select(({ fn }) => fn.max("later.sequence").as("sequence"))
          .whereRef("later.script_id", "=", "scripts.id"),
      ),
    )
    .execute();
  return rows.map(({ name, record_json }) => ({ name, record: JSON.parse(record_json) as LaunchRecord }));
}
