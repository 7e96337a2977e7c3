import type { Migration } from "kysely/migration";

/** Scripts that are not Workers, and Pages projects. */
export const pages: Migration = {
  async up(db) {
    await db.schema
      .alterTable("scripts")
      .addColumn("kind", "text", (column) => column.notNull().defaultTo("worker"))
      .execute();

    await db.schema
      .createTable("pages_projects")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("label", "text", (column) => column.notNull().unique())
      .addColumn("script_id", "text", (column) =>
        column.notNull().unique().references("scripts.id").onDelete("cascade"),
      )
      .addColumn("production_branch", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("settings_json", "text", (column) => column.notNull())
      .addUniqueConstraint("pages_projects_name", ["account_id", "name"])
      .execute();

    // No foreign key to versions: a deployment is there before its version is, and stays when it never comes.
    await db.schema
      .createTable("pages_deployments")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("project_id", "text", (column) => column.notNull().references("pages_projects.id").onDelete("cascade"))
      .addColumn("environment", "text", (column) => column.notNull())
      .addColumn("branch", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("modified_on", "text", (column) => column.notNull())
      .addColumn("details_json", "text", (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex("pages_deployments_by_project")
      .on("pages_deployments")
      .columns(["project_id", "created_on"])
      .execute();

    await db.schema
      .createTable("pages_aliases")
      .addColumn("project_id", "text", (column) => column.notNull().references("pages_projects.id").onDelete("cascade"))
      .addColumn("alias", "text", (column) => column.notNull())
      .addColumn("branch", "text", (column) => column.notNull())
      .addColumn("custom", "integer", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("pages_aliases_key", ["project_id", "alias"])
      .execute();
    await db.schema.alterTable("custom_domains").addColumn("alias", "text").execute();
  },
};
