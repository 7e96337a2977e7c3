import type { Migration } from "kysely/migration";

/** Contents of static assets, uploads of them, and the versions that have them. */
export const staticAssets: Migration = {
  async up(db) {
    await db.schema
      .createTable("asset_contents")
      .addColumn("account_id", "text", (column) => column.notNull())
      .addColumn("hash", "text", (column) => column.notNull())
      .addColumn("size", "integer", (column) => column.notNull())
      .addColumn("content_type", "text")
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("variants_made", "integer", (column) => column.notNull())
      .addPrimaryKeyConstraint("asset_contents_key", ["account_id", "hash"])
      .execute();
    await db.schema
      .createIndex("asset_contents_by_variants")
      .on("asset_contents")
      .columns(["variants_made", "created_on"])
      .execute();

    await db.schema
      .createTable("asset_sessions")
      .addColumn("account_id", "text", (column) => column.notNull())
      .addColumn("manifest", "text", (column) => column.notNull())
      .addColumn("expires_on", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("asset_sessions_key", ["account_id", "manifest"])
      .execute();

    await db.schema
      .createTable("asset_blobs")
      .addColumn("key", "text", (column) => column.primaryKey())
      .addColumn("used_on", "text", (column) => column.notNull())
      .execute();

    await db.schema
      .createTable("version_sites")
      .addColumn("version_id", "text", (column) => column.primaryKey())
      .addColumn("script_id", "text", (column) => column.notNull())
      .addColumn("site", "text", (column) => column.notNull())
      .addForeignKeyConstraint("version_sites_version", ["version_id"], "versions", ["id"], (key) =>
        key.onDelete("cascade"),
      )
      .execute();
    await db.schema.createIndex("version_sites_by_script").on("version_sites").column("script_id").execute();
    // Which versions were replaced a short while ago is asked at each publication.
    await db.schema.createIndex("deployments_by_time").on("deployments").columns(["created_on", "script_id"]).execute();
  },
};
