import type { Migration } from "kysely/migration";

/** KV namespaces; their keys and values are elsewhere. */
export const kv: Migration = {
  async up(db) {
    await db.schema
      .createTable("kv_namespaces")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("title", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addUniqueConstraint("kv_namespaces_title", ["account_id", "title"])
      .execute();
  },
};
