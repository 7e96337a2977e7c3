import { randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import { ApiError } from "../../lib/api.ts";
import type { Page } from "../../lib/paging.ts";
import type { Platform } from "../../store/platform.ts";
import type { Database, S3KeyRow } from "../../store/schema.ts";
import type { SealedRows } from "../../store/sealed-row-file.ts";
import type { Permission, PublishedKey } from "./keys.ts";
import { s3Limits } from "./limits.ts";

/** An access key as the API shows it. */
export interface ShownKey {
  id: string;
  name: string;
  permission: string;
  /** Null: all buckets of the account. */
  buckets: string[] | null;
  created_on: string;
}

export interface KeyChoices {
  name: string;
  permission: Permission;
  buckets?: string[] | null | undefined;
}

/** Makes an access key, which is good when this resolves. Its secret is known only here and now. */
export async function createKey(
  platform: Platform,
  accountId: string,
  { name, permission, buckets }: KeyChoices,
): Promise<{ key: ShownKey; secret: string }> {
  if ((await countKeys(platform.db, accountId)) >= s3Limits.accessKeys) throw tooManyKeys();
  const secret = randomBytes(32).toString("hex");
  const row: S3KeyRow = {
    id: randomBytes(16).toString("hex"),
    account_id: accountId,
    name,
    permission,
    buckets_json: buckets ? JSON.stringify([...new Set(buckets)]) : null,
    secret_sealed: platform.seal(secret).sealed,
    created_on: new Date().toISOString(),
  };
  await platform.db.insertInto("s3_keys").values(row).execute();
  await platform.runtime.publish();
  return { key: shown(row), secret };
}

/** Newest first, and how many there are. */
export async function listKeys(
  { db }: Platform,
  accountId: string,
  page: Page,
): Promise<{ keys: ShownKey[]; total: number }> {
  const rows = await db
    .selectFrom("s3_keys")
    .selectAll()
    .where("account_id", "=", accountId)
    .orderBy("created_on", "desc")
    .orderBy("id")
    .limit(page.size)
    .offset(page.offset)
    .execute();
  return { keys: rows.map(shown), total: await countKeys(db, accountId) };
}

/** Ends an access key: it is good no more when this resolves. */
export async function revokeKey(platform: Platform, accountId: string, id: string): Promise<void> {
  const { numDeletedRows } = await platform.db
    .deleteFrom("s3_keys")
    .where("account_id", "=", accountId)
    .where("id", "=", id)
    .executeTakeFirst();
  if (numDeletedRows === 0n) throw noSuchAccessKey(id);
  await platform.runtime.publish();
}

/** What services know of the access keys: they are good with the control process dead, too. */
export const publishedKeys: SealedRows<S3KeyRow> = {
  rows: (db) => db.selectFrom("s3_keys").selectAll().orderBy("id").execute(),
  sealedOf: ({ secret_sealed }) => secret_sealed,
  published,
  nameOf: ({ id, account_id }) => `access key ${id} of ${account_id}`,
};

function published({ id, account_id, permission, buckets_json, secret_sealed }: S3KeyRow): PublishedKey {
  return {
    id,
    accountId: account_id,
    permission: permission as Permission,
    sealed: secret_sealed,
    ...(buckets_json !== null && { buckets: JSON.parse(buckets_json) }),
  };
}

function shown({ id, name, permission, buckets_json, created_on }: S3KeyRow): ShownKey {
  return { id, name, permission, buckets: buckets_json === null ? null : JSON.parse(buckets_json), created_on };
}

async function countKeys(db: Kysely<Database>, accountId: string): Promise<number> {
  const { count } = await db
    .selectFrom("s3_keys")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

const tooManyKeys = () =>
  new ApiError(400, {
    code: 10026,
    message: `This account has ${s3Limits.accessKeys} access keys, which is the most. Revoke some that are not used.`,
  });

const noSuchAccessKey = (id: string) =>
  new ApiError(404, {
    code: 7003,
    message: `There is no access key ${id.slice(0, 64)} in this account. \`freehold token list\` shows those there are.`,
  });
