import type { Migration } from "kysely/migration";

/** Deploy hooks of Pages projects. */
export const deployHooks: Migration = {
  async up(db) {
    await db.schema
      .createTable("pages_deploy_hooks")
      .addColumn("id_hash", "text", (column) => column.primaryKey())
      .addColumn("id_sealed", "text", (column) => column.notNull())
      .addColumn("project_id", "text", (column) => column.notNull().references("pages_projects.id").onDelete("cascade"))
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("branch", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addUniqueConstraint("pages_deploy_hooks_name", ["project_id", "name"])
      .execute();
  },
};
