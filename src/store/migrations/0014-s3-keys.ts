import type { Migration } from "kysely/migration";

/** Access keys of the S3 API. */
export const s3Keys: Migration = {
  async up(db) {
    await db.schema
      .createTable("s3_keys")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("permission", "text", (column) => column.notNull())
      .addColumn("buckets_json", "text")
      .addColumn("secret_sealed", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .execute();
    await db.schema.createIndex("s3_keys_by_account").on("s3_keys").column("account_id").execute();
  },
};
