import type { Migration } from "kysely/migration";

/** Sessions of remote development: each has a script of its own. */
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
    await db.schema.createIndex("remote_sessions_expires_on").on("remote_sessions").column("expires_on").execute();
  },
};
