import type { Migration } from "kysely/migration";

/** What edges counted against the daily quota of requests, and routes whose Worker steps aside once it is used up. */
export const quotas: Migration = {
  async up(db) {
    await db.schema
      .createTable("daily_requests")
      .addColumn("day", "text", (column) => column.notNull())
      .addColumn("account_id", "text", (column) => column.notNull())
      .addColumn("edge_id", "text", (column) => column.notNull())
      .addColumn("requests", "integer", (column) => column.notNull())
      .addPrimaryKeyConstraint("daily_requests_key", ["day", "account_id", "edge_id"])
      .execute();
    await db.schema
      .alterTable("worker_routes")
      .addColumn("fail_open", "integer", (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
