import type { Migration } from "kysely/migration";

/**
 * A custom domain may be a bucket's instead of a script's. SQLite cannot take "not null" from a column, so the table is made
 * anew.
 */
export const bucketDomains: Migration = {
  async up(db) {
    await db.schema
      .createTable("custom_domains_new")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("hostname", "text", (column) => column.notNull().unique())
      .addColumn("zone_id", "text", (column) => column.references("zones.id").onDelete("cascade"))
      .addColumn("script_id", "text", (column) => column.references("scripts.id").onDelete("cascade"))
      .addColumn("bucket_id", "text")
      .addColumn("bucket_name", "text")
      .addColumn("enabled", "integer", (column) => column.notNull())
      .addColumn("previews_enabled", "integer", (column) => column.notNull())
      .addColumn("alias", "text")
      .addColumn("min_tls", "text")
      .addColumn("created_on", "text", (column) => column.notNull())
      .execute();
    const kept = "id account_id hostname zone_id script_id enabled previews_enabled alias created_on".split(" ");
    await db
      .insertInto("custom_domains_new")
      .columns(kept)
      .expression(db.selectFrom("custom_domains").select(kept))
      .execute();
    await db.schema.dropTable("custom_domains").execute();
    await db.schema.alterTable("custom_domains_new").renameTo("custom_domains").execute();
    await db.schema.createIndex("custom_domains_script").on("custom_domains").column("script_id").execute();
    await db.schema.createIndex("custom_domains_bucket").on("custom_domains").column("bucket_id").execute();
  },
};
