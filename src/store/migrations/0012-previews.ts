import type { Migration } from "kysely/migration";

/** Sessions of remote development, and named previews of Workers: each has a script of its own. */
export const previews: Migration = {
  async up(db) {
    await db.schema
      .createTable("remote_sessions")
      .addColumn("script_name", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("token_hash", "text", (column) => column.notNull())
      .addColumn("worker_name", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("expires_on", "text", (column) => column.notNull())
      .execute();
    await db.schema
      .createTable("named_previews")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("script_id", "text", (column) => column.notNull().references("scripts.id").onDelete("cascade"))
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("slug", "text", (column) => column.notNull())
      .addColumn("script_name", "text", (column) => column.notNull().unique())
      .addColumn("ignores_base", "integer", (column) => column.notNull())
      .addColumn("settings_json", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("updated_on", "text", (column) => column.notNull())
      .addUniqueConstraint("named_previews_name", ["script_id", "name"])
      .addUniqueConstraint("named_previews_slug", ["script_id", "slug"])
      .execute();
    await db.schema.createIndex("remote_sessions_expires_on").on("remote_sessions").column("expires_on").execute();
  },
};
