import type { Migration } from "kysely/migration";

/** What failed deployments of Pages projects had uploaded: the key of a blob. */
export const pagesUploads: Migration = {
  async up(db) {
    await db.schema.alterTable("pages_deployments").addColumn("upload", "text").execute();
    // Covers what the collector of blobs asks.
    await db.schema.createIndex("pages_deployments_by_upload").on("pages_deployments").column("upload").execute();
  },
};
