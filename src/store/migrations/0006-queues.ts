import type { Migration } from "kysely/migration";

/** Queues and their consumers; the messages are elsewhere. */
export const queues: Migration = {
  async up(db) {
    await db.schema
      .createTable("queues")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .addColumn("modified_on", "text", (column) => column.notNull())
      .addColumn("delivery_delay", "integer", (column) => column.notNull())
      .addColumn("retention", "integer", (column) => column.notNull())
      .addColumn("paused", "integer", (column) => column.notNull())
      .addUniqueConstraint("queues_name", ["account_id", "name"])
      .execute();
    await db.schema
      .createTable("queue_consumers")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("queue_id", "text", (column) => column.notNull().unique().references("queues.id").onDelete("cascade"))
      .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
      .addColumn("type", "text", (column) => column.notNull())
      .addColumn("script", "text")
      .addColumn("dead_letter_queue", "text")
      .addColumn("settings_json", "text", (column) => column.notNull())
      .addColumn("created_on", "text", (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex("queue_consumers_script")
      .on("queue_consumers")
      .columns(["account_id", "script"])
      .execute();
  },
};
