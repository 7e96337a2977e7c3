import type { Migration } from "kysely/migration";

/** Cron Triggers of scripts and workflows, and their runs. */
export const cron: Migration = {
  async up(db) {
    await db.schema
      .createTable("cron_triggers")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("script_id", "text", (column) => column.notNull().references("scripts.id").onDelete("cascade"))
      .addColumn("workflow_id", "text", (column) => column.references("workflows.id").onDelete("cascade"))
      .addColumn("cron", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("modified_on", "text", (column) => column.notNull())
      .execute();
    await db.schema.createIndex("cron_triggers_by_script").on("cron_triggers").column("script_id").execute();
    await db.schema.createIndex("cron_triggers_by_account").on("cron_triggers").column("account_id").execute();

    await db.schema
      .createTable("cron_runs")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("script_id", "text", (column) => column.notNull().references("scripts.id").onDelete("cascade"))
      .addColumn("workflow_id", "text")
      .addColumn("slot", "text", (column) => column.notNull().unique())
      .addColumn("cron", "text", (column) => column.notNull())
      .addColumn("source", "text", (column) => column.notNull())
      .addColumn("scheduled_on", "text", (column) => column.notNull())
      .addColumn("started_on", "text", (column) => column.notNull())
      .addColumn("duration_ms", "integer")
      .addColumn("outcome", "text")
      .addColumn("message", "text")
      .addColumn("version_id", "text")
      .execute();
    await db.schema.createIndex("cron_runs_by_script").on("cron_runs").columns(["script_id", "started_on"]).execute();
    await db.schema.createIndex("cron_runs_by_outcome").on("cron_runs").columns(["outcome", "started_on"]).execute();
  },
};
