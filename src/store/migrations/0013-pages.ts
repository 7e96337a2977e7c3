import type { Migration } from "kysely/migration";

/** Scripts that are not Workers. */
export const pages: Migration = {
  async up(db) {
    await db.schema
      .alterTable("scripts")
      .addColumn("kind", "text", (column) => column.notNull().defaultTo("worker"))
      .execute();
  },
};
