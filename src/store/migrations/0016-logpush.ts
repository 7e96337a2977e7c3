import type { Migration } from "kysely/migration";

/** Jobs that push what is known of invocations to a destination. */
export const logpush: Migration = {
  async up(db) {
    await db.schema
      .createTable("logpush_jobs")
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("enabled", "integer", (column) => column.notNull())
      .addColumn("destination_sealed", "text", (column) => column.notNull())
      .addColumn("settings_json", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .execute();
    await db.schema.createIndex("logpush_jobs_by_account").on("logpush_jobs").column("account_id").execute();
  },
};
