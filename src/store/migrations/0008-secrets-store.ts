import type { Migration } from "kysely/migration";

/** Stores of account-level secrets, and the secrets, sealed. */
export const secretsStore: Migration = {
  async up(db) {
    await db.schema
      .createTable("secrets_stores")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("modified_on", "text", (column) => column.notNull())
      .execute();
    await db.schema
      .createTable("secrets_store_secrets")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("store_id", "text", (column) => column.notNull().references("secrets_stores.id"))
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("comment", "text", (column) => column.notNull())
      .addColumn("scopes_json", "text", (column) => column.notNull())
      .addColumn("sealed", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("modified_on", "text", (column) => column.notNull())
      .addUniqueConstraint("secrets_store_secrets_name", ["store_id", "name"])
      .execute();
  },
};
