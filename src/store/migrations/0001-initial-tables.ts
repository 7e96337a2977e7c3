import type { CreateTableBuilder, Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Tables of `schema.ts` as of the first release. */
export const initialTables: Migration = {
  async up(db) {
    await accounts(db);
    await scripts(db);
    await deployments(db);
    await table(db, "settings", ["value"])
      .addColumn("key", "text", (column) => column.primaryKey())
      .execute();
  },
};

/** Migrations see tables as they were at their time, not those of today's `schema.ts`. */
type Tables = Kysely<unknown>;

async function accounts(db: Tables): Promise<void> {
  await table(db, "accounts", ["name", "created_on"])
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("subdomain", "text", (column) => column.notNull().unique())
    .execute();

  await table(db, "tokens", ["account_id", "name", "scope", "created_on"])
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("hash", "text", (column) => column.notNull().unique())
    .addColumn("revoked_on", "text")
    .addForeignKeyConstraint("tokens_account", ["account_id"], "accounts", ["id"], (key) => key.onDelete("cascade"))
    .execute();
  await db.schema.createIndex("tokens_by_account").on("tokens").column("account_id").execute();

  // No foreign keys: the trail outlives what it speaks of.
  await table(db, "audit_events", ["account_id", "at", "token_id", "actor", "action", "target", "detail_json"])
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .execute();
  await db.schema.createIndex("audit_events_by_account").on("audit_events").columns(["account_id", "id"]).execute();
}

async function scripts(db: Tables): Promise<void> {
  await table(db, "scripts", [
    "account_id",
    "name",
    "tag",
    "created_on",
    "modified_on",
    "last_deployed_from",
    "settings_json",
  ])
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("migration_tag", "text")
    .addColumn("enabled", "integer", (column) => column.notNull())
    .addColumn("previews_enabled", "integer", (column) => column.notNull())
    .addColumn("next_version_number", "integer", (column) => column.notNull())
    .addUniqueConstraint("scripts_name", ["account_id", "name"])
    .addForeignKeyConstraint("scripts_account", ["account_id"], "accounts", ["id"], (key) => key.onDelete("cascade"))
    .execute();

  await table(db, "versions", [
    "script_id",
    "created_on",
    "author_id",
    "author_email",
    "source",
    "etag",
    "annotations_json",
    "record_json",
    "metadata_json",
  ])
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("number", "integer", (column) => column.notNull())
    .addColumn("startup_time_ms", "integer", (column) => column.notNull())
    .addUniqueConstraint("versions_number", ["script_id", "number"])
    .addForeignKeyConstraint("versions_script", ["script_id"], "scripts", ["id"], (key) => key.onDelete("cascade"))
    .execute();

  // With `id` the snapshot's list of newest versions is read from the index alone.
  await db.schema.createIndex("versions_by_script").on("versions").columns(["script_id", "number", "id"]).execute();

  await table(db, "aliases", ["script_id", "alias", "version_id", "created_on"])
    .addPrimaryKeyConstraint("aliases_key", ["script_id", "alias"])
    .addForeignKeyConstraint("aliases_script", ["script_id"], "scripts", ["id"], (key) => key.onDelete("cascade"))
    .addForeignKeyConstraint("aliases_version", ["version_id"], "versions", ["id"], (key) => key.onDelete("cascade"))
    .execute();
  await db.schema.createIndex("aliases_by_version").on("aliases").column("version_id").execute();
}

async function deployments(db: Tables): Promise<void> {
  await table(db, "deployments", ["script_id", "created_on", "source", "author_email", "annotations_json"])
    .addColumn("sequence", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("id", "text", (column) => column.notNull().unique())
    .addForeignKeyConstraint("deployments_script", ["script_id"], "scripts", ["id"], (key) => key.onDelete("cascade"))
    .execute();
  await db.schema.createIndex("deployments_by_script").on("deployments").columns(["script_id", "sequence"]).execute();

  await table(db, "deployment_versions", ["deployment_id", "version_id"])
    .addColumn("position", "integer", (column) => column.notNull())
    .addColumn("percentage", "real", (column) => column.notNull())
    .addPrimaryKeyConstraint("deployment_versions_key", ["deployment_id", "position"])
    .addForeignKeyConstraint("deployment_versions_deployment", ["deployment_id"], "deployments", ["id"], (key) =>
      key.onDelete("cascade"),
    )
    // No cascade: a version that a deployment names is not deleted on its own, only with its script.
    .addForeignKeyConstraint("deployment_versions_version", ["version_id"], "versions", ["id"])
    .execute();
  await db.schema
    .createIndex("deployment_versions_by_version")
    .on("deployment_versions")
    .column("version_id")
    .execute();
}

/** A table whose named columns are text and never null, as most are. */
function table(db: Tables, name: string, texts: string[]): CreateTableBuilder<string, string> {
  let builder: CreateTableBuilder<string, string> = db.schema.createTable(name);
  for (const text of texts) builder = builder.addColumn(text, "text", (column) => column.notNull());
  return builder;
}
