import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Kysely } from "kysely";
import { paths } from "../../domain/paths.ts";
import { removeFile, syncDirectory, writeDurably } from "../../lib/durable-file.ts";
import { KeyedMutex } from "../../lib/keyed-mutex.ts";
import type { Platform } from "../../store/platform.ts";
import type { Database, SecretsStoreRow, StoreSecretRow } from "../../store/schema.ts";
import {
  secretNameExists,
  secretNotFound,
  storeNotEmpty,
  storeNotFound,
  tooManySecrets,
  tooManyStores,
} from "./errors.ts";
import { MAX_SECRETS, MAX_STORES } from "./limits.ts";
import { type PublishedSecret, secretPath } from "./published.ts";

/** A secret that is to be made; the value in clear or, of a duplicate, as it is sealed. */
export interface NewSecret {
  name: string;
  sealed: string;
  scopes: string[];
  comment: string;
}

/** What may change about a secret. */
export interface SecretChange {
  sealed?: string | undefined;
  scopes?: string[] | undefined;
  comment?: string | undefined;
}

/** Changes of an account come one after the other, so that files stay in the order of the rows. */
const changes = new KeyedMutex();

const newId = () => randomBytes(16).toString("hex");

export async function createStore({ db }: Platform, accountId: string, name: string): Promise<SecretsStoreRow> {
  const now = new Date().toISOString();
  const row = { id: newId(), account_id: accountId, name, created_on: now, modified_on: now };
  return changes.run(accountId, async () => {
    const { count } = await countOf(db, "secrets_stores", accountId);
    if (count >= MAX_STORES) throw tooManyStores();
    await db.insertInto("secrets_stores").values(row).execute();
    return row;
  });
}

/** Error 1001 when the account has none of this id. */
export async function requireStore({ db }: Platform, accountId: string, id: string): Promise<SecretsStoreRow> {
  const row = await db
    .selectFrom("secrets_stores")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("id", "=", id)
    .executeTakeFirst();
  if (!row) throw storeNotFound(id);
  return row;
}

/** Deletes the store; with `force`, its secrets too. */
export function deleteStore(platform: Platform, store: SecretsStoreRow, force: boolean): Promise<void> {
  return changes.run(store.account_id, async () => {
    const secrets = await secretsOf(platform.db, store);
    if (secrets.length > 0 && !force) throw storeNotEmpty();
    await platform.db.transaction().execute(async (tx) => {
      await tx.deleteFrom("secrets_store_secrets").where("store_id", "=", store.id).execute();
      await tx.deleteFrom("secrets_stores").where("id", "=", store.id).execute();
    });
    await withdraw(platform, store, secrets);
  });
}

export function secretsOf(db: Kysely<Database>, store: SecretsStoreRow): Promise<StoreSecretRow[]> {
  return db.selectFrom("secrets_store_secrets").selectAll().where("store_id", "=", store.id).execute();
}

/** Error 1001 when the store has none of this id. */
export async function requireSecret({ db }: Platform, store: SecretsStoreRow, id: string): Promise<StoreSecretRow> {
  const row = await db
    .selectFrom("secrets_store_secrets")
    .selectAll()
    .where("store_id", "=", store.id)
    .where("id", "=", id)
    .executeTakeFirst();
  if (!row) throw secretNotFound(id);
  return row;
}

/** Makes all of them or none; Workers can read them when it resolves. */
export function createSecrets(
  platform: Platform,
  store: SecretsStoreRow,
  secrets: NewSecret[],
): Promise<StoreSecretRow[]> {
  const { db } = platform;
  return changes.run(store.account_id, async () => {
    const taken = new Set((await secretsOf(db, store)).map(({ name }) => name));
    for (const { name } of secrets) {
      if (taken.has(name)) throw secretNameExists(name);
      taken.add(name);
    }
    const { count } = await countOf(db, "secrets_store_secrets", store.account_id);
    if (count + secrets.length > MAX_SECRETS) throw tooManySecrets();
    const now = new Date().toISOString();
    const rows = secrets.map(({ name, sealed, scopes, comment }) => ({
      id: newId(),
      account_id: store.account_id,
      store_id: store.id,
      name,
      comment,
      scopes_json: JSON.stringify(scopes),
      sealed,
      created_on: now,
      modified_on: now,
    }));
    await db.insertInto("secrets_store_secrets").values(rows).execute();
    for (const row of rows) await publish(platform, row);
    return rows;
  });
}

/** Changes a secret; what Workers read from then on is the new value. */
export function changeSecret(platform: Platform, row: StoreSecretRow, change: SecretChange): Promise<StoreSecretRow> {
  const { db } = platform;
  return changes.run(row.account_id, async () => {
    const { sealed, scopes, comment } = change;
    const changed = await db
      .updateTable("secrets_store_secrets")
      .set({
        ...(sealed !== undefined && { sealed }),
        ...(scopes !== undefined && { scopes_json: JSON.stringify(scopes) }),
        ...(comment !== undefined && { comment }),
        modified_on: new Date().toISOString(),
      })
      .where("id", "=", row.id)
      .returningAll()
      .executeTakeFirst();
    if (!changed) throw secretNotFound(row.id);
    await publish(platform, changed);
    return changed;
  });
}

/** Deletes secrets, bound or not: a Worker that still reads one gets an exception, as with the original. */
export function deleteSecrets(platform: Platform, store: SecretsStoreRow, rows: StoreSecretRow[]): Promise<void> {
  return changes.run(store.account_id, async () => {
    const ids = rows.map(({ id }) => id);
    await platform.db.deleteFrom("secrets_store_secrets").where("id", "in", ids).execute();
    await withdraw(platform, store, rows);
  });
}

export async function countSecrets({ db }: Platform, accountId: string): Promise<number> {
  return (await countOf(db, "secrets_store_secrets", accountId)).count;
}

/** Scopes of the secrets that bindings name, by {@link referenceKey}; those that the account does not have are left out. */
export async function boundSecretScopes(
  db: Kysely<Database>,
  accountId: string,
  raws: unknown[],
): Promise<Map<string, string[]>> {
  const wanted = raws.some((raw) => (raw as { type?: unknown } | null)?.type === "secrets_store_secret");
  if (!wanted) return new Map();
  const rows = await db
    .selectFrom("secrets_store_secrets")
    .select(["store_id", "name", "scopes_json"])
    .where("account_id", "=", accountId)
    .execute();
  return new Map(rows.map((row) => [referenceKey(row.store_id, row.name), JSON.parse(row.scopes_json)]));
}

export function referenceKey(storeId: string, secretName: string): string {
  return `${storeId}/${secretName}`;
}

/** Makes the files agree with the database: after a crash between the two, and after a restore. */
export async function restorePublishedSecrets(platform: Platform): Promise<void> {
  const root = paths(platform.config).secrets;
  const rows = await platform.db.selectFrom("secrets_store_secrets").selectAll().execute();
  const wanted = new Map(rows.map((row) => [pathOf(platform, row), fileText(row)]));
  const present = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of present) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile()) continue;
    const text = wanted.get(path);
    if (text === undefined) await removeFile(path);
    else if ((await readFile(path, "utf8")) === text) wanted.delete(path);
  }
  for (const [path, text] of wanted) await writeDurably(path, text);
}

function publish(platform: Platform, row: StoreSecretRow): Promise<void> {
  return writeDurably(pathOf(platform, row), fileText(row));
}

async function withdraw(platform: Platform, store: SecretsStoreRow, rows: StoreSecretRow[]): Promise<void> {
  for (const row of rows) await removeFile(pathOf(platform, row));
  // Without any there may be no directory.
  if (rows.length > 0) await syncDirectory(join(paths(platform.config).secrets, store.account_id, store.id));
}

function pathOf({ config }: Platform, { account_id, store_id, name }: StoreSecretRow): string {
  return secretPath(paths(config).secrets, { accountId: account_id, storeId: store_id, secretName: name });
}

function fileText({ name, scopes_json, sealed }: StoreSecretRow): string {
  const secret: PublishedSecret = { name, scopes: JSON.parse(scopes_json), value: { sealed } };
  return JSON.stringify(secret);
}

async function countOf(
  db: Kysely<Database>,
  table: "secrets_stores" | "secrets_store_secrets",
  accountId: string,
): Promise<{ count: number }> {
  const { count } = await db
    .selectFrom(table)
    .select(({ fn }) => fn.countAll().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  return { count: Number(count) };
}
