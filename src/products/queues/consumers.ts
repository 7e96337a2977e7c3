import { randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import type { z } from "zod";
import type { QueueConsumer } from "../../domain/queues.ts";
import type { LaunchRecord } from "../../domain/version.ts";
import { activeRecords } from "../../store/active-records.ts";
import type { Platform } from "../../store/platform.ts";
import type { Database, QueueConsumerRow, QueueRow } from "../../store/schema.ts";
import { type ConsumerBody, checkSettings, type StoredSettings } from "./consumer-body.ts";
import { consumerExists, consumerNotFound, consumerScript, noQueueHandler, queueHandlerLost } from "./errors.ts";
import { ensureQueue } from "./registry.ts";

type Body = z.infer<typeof ConsumerBody>;

export async function consumersOf(db: Kysely<Database>, accountId: string): Promise<Map<string, QueueConsumerRow>> {
  const rows = await db.selectFrom("queue_consumers").selectAll().where("account_id", "=", accountId).execute();
  return new Map(rows.map((row) => [row.queue_id, row]));
}

/** Errors: 11001 without a handler, 11004 when the queue has one, 100127 for settings and scripts that cannot be. Makes the dead letter queue. */
export async function addConsumer(platform: Platform, queue: QueueRow, body: Body): Promise<QueueConsumerRow> {
  const known = await findConsumer(platform.db, queue);
  if (known) throw consumerExists(queue.name, known.script ?? known.type);
  const row: QueueConsumerRow = {
    id: randomBytes(16).toString("hex"),
    queue_id: queue.id,
    account_id: queue.account_id,
    created_on: new Date().toISOString(),
    ...(await stored(platform, queue, body)),
  };
  const { numInsertedOrUpdatedRows } = await platform.db
    .insertInto("queue_consumers")
    .values(row)
    .onConflict((conflict) => conflict.column("queue_id").doNothing())
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows !== 1n) throw consumerExists(queue.name, "just added");
  return row;
}

export async function updateConsumer(
  platform: Platform,
  queue: QueueRow,
  row: QueueConsumerRow,
  body: Body,
): Promise<QueueConsumerRow> {
  const change = await stored(platform, queue, body);
  await platform.db.updateTable("queue_consumers").set(change).where("id", "=", row.id).execute();
  return { ...row, ...change };
}

export async function removeConsumer({ db }: Platform, row: QueueConsumerRow): Promise<void> {
  await db.deleteFrom("queue_consumers").where("id", "=", row.id).execute();
}

/** Error 11003 when the queue has none of this id. */
export async function requireConsumer(db: Kysely<Database>, queue: QueueRow, id: string): Promise<QueueConsumerRow> {
  const row = await findConsumer(db, queue);
  if (row?.id !== id) throw consumerNotFound(id);
  return row;
}

export function findConsumer(db: Kysely<Database>, queue: QueueRow): Promise<QueueConsumerRow | undefined> {
  return db.selectFrom("queue_consumers").selectAll().where("queue_id", "=", queue.id).executeTakeFirst();
}

/** Names of the queues that a script consumes. */
export async function consumedBy(db: Kysely<Database>, accountId: string, script: string): Promise<string[]> {
  const rows = await db
    .selectFrom("queue_consumers")
    .innerJoin("queues", "queues.id", "queue_consumers.queue_id")
    .select("queues.name")
    .where("queue_consumers.account_id", "=", accountId)
    .where("queue_consumers.script", "=", script)
    .orderBy("queues.name")
    .execute();
  return rows.map(({ name }) => name);
}

/** Takes a script that is deleted from its queues; messages stay. */
export async function removeConsumersOf(db: Kysely<Database>, accountId: string, script: string): Promise<void> {
  await db.deleteFrom("queue_consumers").where("account_id", "=", accountId).where("script", "=", script).execute();
}

/** The consumer as the services role needs it. */
export function consumerRecord(row: QueueConsumerRow, deadLetterId: string | undefined): QueueConsumer {
  const settings = JSON.parse(row.settings_json) as StoredSettings;
  const common = {
    consumerId: row.id,
    batchSize: settings.batch_size,
    maxRetries: settings.max_retries,
    retryDelayS: settings.retry_delay,
    ...(row.dead_letter_queue !== null && {
      deadLetter: { name: row.dead_letter_queue, ...(deadLetterId !== undefined && { queueId: deadLetterId }) },
    }),
  };
  if (settings.type === "http_pull")
    return { type: "http_pull", ...common, visibilityTimeoutMs: settings.visibility_timeout_ms };
  return {
    type: "worker",
    ...common,
    script: row.script ?? "",
    maxWaitMs: settings.max_wait_time_ms,
    maxConcurrency: settings.max_concurrency,
  };
}

async function stored(
  platform: Platform,
  queue: QueueRow,
  body: Body,
): Promise<Pick<QueueConsumerRow, "type" | "script" | "dead_letter_queue" | "settings_json">> {
  const settings = checkSettings(body);
  const script = body.type === "worker" ? (body.script_name ?? "") : null;
  if (script !== null) await checkScript(platform.db, queue.account_id, script);
  const deadLetter = body.dead_letter_queue || null;
  if (deadLetter !== null) await ensureQueue(platform, queue.account_id, deadLetter);
  return { type: body.type, script, dead_letter_queue: deadLetter, settings_json: JSON.stringify(settings) };
}

/** What is deployed later may lack the handler all the same, as when a version is deployed again: then the consumer says so. */
async function checkScript(db: Kysely<Database>, accountId: string, script: string): Promise<void> {
  const known = await db
    .selectFrom("scripts")
    .select("id")
    .where("account_id", "=", accountId)
    .where("name", "=", script)
    .executeTakeFirst();
  if (!known) throw consumerScript(script, "it does not exist on your account. Deploy it first.");
  const active = (await activeRecords(db, accountId)).filter(({ name }) => name === script);
  if (active.length > 0 && !active.some(({ record }) => hasQueueHandler(record))) throw noQueueHandler(script);
}

/** Error 11001 for code that its script is deployed with although it consumes queues that the code has no handler for. */
export async function checkQueueHandler(
  db: Kysely<Database>,
  record: Pick<LaunchRecord, "accountId" | "scriptName" | "exports">,
): Promise<void> {
  if (hasQueueHandler(record)) return;
  const queues = await consumedBy(db, record.accountId, record.scriptName);
  if (queues.length > 0) throw queueHandlerLost(record.scriptName, queues);
}

function hasQueueHandler({ exports }: Pick<LaunchRecord, "exports">): boolean {
  return exports.some(({ name, handlers }) => name === "default" && handlers.includes("queue"));
}
