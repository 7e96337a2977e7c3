import { randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import type { Page } from "../../lib/paging.ts";
import type { Platform } from "../../store/platform.ts";
import type { Database, QueueRow } from "../../store/schema.ts";
import { bucketsTelling } from "../r2/store-client.ts";
import { invalidName, invalidQueueSettings, nameTaken, queueInUse, queueNotFound, tooManyQueues } from "./errors.ts";
import {
  DEFAULT_RETENTION_S,
  MAX_DELAY_S,
  MAX_NAME_CHARS,
  MAX_QUEUES,
  MAX_RETENTION_S,
  MIN_RETENTION_S,
} from "./limits.ts";
import { usersOf } from "./users.ts";

const NAME = new RegExp(`^[a-z0-9](?:[a-z0-9-]{0,${MAX_NAME_CHARS - 2}}[a-z0-9])?$`);

/** Settings in the API's words; seconds. */
export interface QueueSettings {
  delivery_delay?: number | null | undefined;
  message_retention_period?: number | null | undefined;
  delivery_paused?: boolean | null | undefined;
}

export async function createQueue(
  platform: Platform,
  accountId: string,
  name: string,
  settings: QueueSettings,
): Promise<QueueRow> {
  if (!NAME.test(name)) throw invalidName(name);
  const now = new Date().toISOString();
  const row: QueueRow = {
    id: randomBytes(16).toString("hex"),
    account_id: accountId,
    name,
    created_on: now,
    modified_on: now,
    delivery_delay: 0,
    retention: DEFAULT_RETENTION_S,
    paused: 0,
    ...changed(settings),
  };
  if ((await countQueues(platform.db, accountId)) >= MAX_QUEUES) throw tooManyQueues();
  const { numInsertedOrUpdatedRows } = await platform.db
    .insertInto("queues")
    .values(row)
    .onConflict((conflict) => conflict.columns(["account_id", "name"]).doNothing())
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows !== 1n) throw nameTaken(name);
  return row;
}

export async function updateQueue(platform: Platform, row: QueueRow, settings: QueueSettings): Promise<QueueRow> {
  const change = { ...changed(settings), modified_on: new Date().toISOString() };
  await platform.db.updateTable("queues").set(change).where("id", "=", row.id).execute();
  return { ...row, ...change };
}

/** Error 11010 when Workers or other queues send to it. Its consumer goes with it. */
export async function deleteQueue(platform: Platform, row: QueueRow): Promise<void> {
  const buckets = await bucketsTelling(platform, row.account_id, row.id);
  const telling = buckets.map((name) => `R2 bucket "${name}" tells it of changes`);
  const users = [...(await usersOf(platform.db, row)), ...telling];
  if (users.length > 0) throw queueInUse(row.name, users);
  await platform.db.deleteFrom("queue_consumers").where("queue_id", "=", row.id).execute();
  await platform.db.deleteFrom("queues").where("id", "=", row.id).execute();
}

/** Error 10104 when the account has none of this id. */
export async function requireQueue(db: Kysely<Database>, accountId: string, id: string): Promise<QueueRow> {
  const row = await queues(db, accountId).selectAll().where("id", "=", id).executeTakeFirst();
  if (!row) throw queueNotFound(id);
  return row;
}

/** The account's queue of this name; makes it when there is none, as a dead letter queue is made. */
export async function ensureQueue(platform: Platform, accountId: string, name: string): Promise<void> {
  const known = await queues(platform.db, accountId).select("id").where("name", "=", name).executeTakeFirst();
  if (!known) await createQueue(platform, accountId, name, {});
}

/** A page of the account's queues by name, and how many there are; with `names`, those only. */
export async function listQueues(
  db: Kysely<Database>,
  accountId: string,
  page: Page,
  names: string[],
): Promise<{ rows: QueueRow[]; total: number }> {
  const wanted = () => {
    const all = queues(db, accountId);
    return names.length > 0 ? all.where("name", "in", names) : all;
  };
  const rows = await wanted().selectAll().orderBy("name").limit(page.size).offset(page.offset).execute();
  const { count } = await wanted()
    .select(({ fn }) => fn.countAll().as("count"))
    .executeTakeFirstOrThrow();
  return { rows, total: Number(count) };
}

/** Ids of the queues that bindings name, by name; those that the account does not have are absent. */
export async function knownQueues(
  db: Kysely<Database>,
  accountId: string,
  raws: unknown[],
): Promise<Map<string, string>> {
  const wanted = raws.flatMap((raw) => {
    const { type, queue_name } = (raw ?? {}) as Record<string, unknown>;
    return type === "queue" && typeof queue_name === "string" ? [queue_name] : [];
  });
  if (wanted.length === 0) return new Map();
  const rows = await queues(db, accountId)
    .select(["id", "name"])
    .where("name", "in", [...new Set(wanted)])
    .execute();
  return new Map(rows.map(({ id, name }) => [name, id]));
}

function queues(db: Kysely<Database>, accountId: string) {
  return db.selectFrom("queues").where("account_id", "=", accountId);
}

async function countQueues(db: Kysely<Database>, accountId: string): Promise<number> {
  const { count } = await queues(db, accountId)
    .select(({ fn }) => fn.countAll().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** The columns that the settings name. Error 100128. */
function changed({ delivery_delay, message_retention_period, delivery_paused }: QueueSettings): Partial<QueueRow> {
  return {
    ...(given(delivery_delay) && { delivery_delay: within("delivery_delay", delivery_delay, 0, MAX_DELAY_S) }),
    ...(given(message_retention_period) && {
      retention: within("message_retention_period", message_retention_period, MIN_RETENTION_S, MAX_RETENTION_S),
    }),
    ...(given(delivery_paused) && { paused: delivery_paused ? 1 : 0 }),
  };
}

function given<Value>(value: Value | null | undefined): value is Value {
  return value !== undefined && value !== null;
}

function within(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalidQueueSettings(`${name} is ${value}; give whole seconds from ${min} to ${max}.`);
}
