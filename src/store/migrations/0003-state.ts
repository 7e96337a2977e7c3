import type { Migration } from "kysely/migration";

/** Durable Objects, workflows and D1 databases. */
export const state: Migration = {
  async up(db) {
    await db.schema
      .createTable("object_namespaces")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("script_id", "text", (column) => column.notNull().references("scripts.id"))
      .addColumn("class_name", "text", (column) => column.notNull())
      .addColumn("storage", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("transferred_from", "text")
      .addUniqueConstraint("object_namespaces_class", ["script_id", "class_name"])
      .execute();
    await db.schema
      .createTable("object_transfers")
      .addColumn("script_id", "text", (column) => column.notNull().references("scripts.id").onDelete("cascade"))
      .addColumn("class_name", "text", (column) => column.notNull())
      .addColumn("source_script_id", "text", (column) => column.notNull().references("scripts.id").onDelete("cascade"))
      .addColumn("created_on", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("object_transfers_key", ["script_id", "class_name"])
      .execute();
    await db.schema
      .createTable("workflows")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("script_id", "text", (column) => column.notNull().references("scripts.id"))
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("class_name", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("modified_on", "text", (column) => column.notNull())
      .addColumn("settings_json", "text", (column) => column.notNull())
      .addUniqueConstraint("workflows_name", ["account_id", "name"])
      .execute();
    await db.schema
      .createTable("discarded_states")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("discarded_on", "text", (column) => column.notNull())
      .execute();
    await db.schema
      .createTable("d1_databases")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("settings_json", "text", (column) => column.notNull())
      .addUniqueConstraint("d1_databases_name", ["account_id", "name"])
      .execute();
  },
};
