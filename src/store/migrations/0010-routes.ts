import type { Migration } from "kysely/migration";

/** Zones, the routes on them, and host names that are a script's own. */
export const routes: Migration = {
  async up(db) {
    await db.schema
      .createTable("zones")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("name", "text", (column) => column.notNull().unique())
      .addColumn("created_on", "text", (column) => column.notNull())
      .execute();
    await db.schema
      .createTable("worker_routes")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("zone_id", "text", (column) => column.notNull().references("zones.id").onDelete("cascade"))
      .addColumn("pattern", "text", (column) => column.notNull())
      .addColumn("script_id", "text", (column) => column.references("scripts.id").onDelete("cascade"))
      .addUniqueConstraint("worker_routes_pattern", ["zone_id", "pattern"])
      .execute();
    await db.schema.createIndex("worker_routes_script").on("worker_routes").column("script_id").execute();
    await db.schema
      .createTable("custom_domains")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("hostname", "text", (column) => column.notNull().unique())
      .addColumn("zone_id", "text", (column) => column.references("zones.id").onDelete("cascade"))
      .addColumn("script_id", "text", (column) => column.notNull().references("scripts.id").onDelete("cascade"))
      .addColumn("enabled", "integer", (column) => column.notNull())
      .addColumn("previews_enabled", "integer", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .execute();
    await db.schema.createIndex("custom_domains_script").on("custom_domains").column("script_id").execute();
  },
};
