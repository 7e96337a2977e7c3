import type { Migration } from "kysely/migration";

/** Plans by which a new version takes over from a stable one step by step. */
export const rollouts: Migration = {
  async up(db) {
    await db.schema
      .createTable("deployment_plans")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("script_id", "text", (column) => column.notNull().references("scripts.id").onDelete("cascade"))
      .addColumn("deployment_id", "text", (column) => column.notNull())
      .addColumn("version_id", "text", (column) => column.notNull())
      .addColumn("stable_version_id", "text", (column) => column.notNull())
      .addColumn("status", "text", (column) => column.notNull())
      .addColumn("reason", "text")
      .addColumn("plan_json", "text", (column) => column.notNull())
      .addColumn("progress_json", "text", (column) => column.notNull())
      .addColumn("revision", "integer", (column) => column.notNull())
      .addColumn("claimed_by", "text")
      .addColumn("claimed_until", "text")
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("modified_on", "text", (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex("deployment_plans_by_status")
      .on("deployment_plans")
      .columns(["status", "script_id"])
      .execute();
  },
};
