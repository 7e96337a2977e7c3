import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Kysely } from "kysely";
import { paths } from "../../domain/paths.ts";
import { syncDirectory } from "../../lib/durable-file.ts";
import type { Page } from "../../lib/paging.ts";
import type { Platform } from "../../store/platform.ts";
import type { Database, KvNamespaceRow } from "../../store/schema.ts";
import { invalidTitle, namespaceNotFound, titleExists, tooManyNamespaces } from "./errors.ts";
import { MAX_NAMESPACES, MAX_TITLE_CHARS } from "./limits.ts";

/** Directories of deleted namespaces, until they are removed. */
const DELETED = ".deleted-";

/** Makes a namespace: its directory, durably, by which the services role knows that it exists, then its row. */
export async function createNamespace(platform: Platform, accountId: string, title: string): Promise<KvNamespaceRow> {
  checkTitle(title);
  if (await titled(platform, accountId, title)) throw titleExists(title);
  if ((await countNamespaces(platform, accountId)) >= MAX_NAMESPACES) throw tooManyNamespaces();
  const row: KvNamespaceRow = {
    id: randomBytes(16).toString("hex"),
    account_id: accountId,
    title,
    created_on: new Date().toISOString(),
  };
  const directory = paths(platform.config).kvOf(accountId, row.id);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // The account's directory may be new as well.
  for (let above = 0, path = directory; above < 3; above++) {
    path = dirname(path);
    await syncDirectory(path);
  }
  const { numInsertedOrUpdatedRows } = await platform.db
    .insertInto("kv_namespaces")
    .values(row)
    .onConflict((conflict) => conflict.columns(["account_id", "title"]).doNothing())
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows === 1n) return row;
  // Somebody else took the title in this moment.
  await rm(directory, { recursive: true, force: true });
  throw titleExists(title);
}

/** Error 10013 when the account has none of this id. */
export async function requireNamespace(platform: Platform, accountId: string, id: string): Promise<KvNamespaceRow> {
  const row = await namespaces(platform, accountId).selectAll().where("id", "=", id).executeTakeFirst();
  if (!row) throw namespaceNotFound(id);
  return row;
}

export async function renameNamespace(platform: Platform, row: KvNamespaceRow, title: string): Promise<KvNamespaceRow> {
  checkTitle(title);
  const other = await titled(platform, row.account_id, title);
  if (other && other.id !== row.id) throw titleExists(title);
  await platform.db.updateTable("kv_namespaces").set({ title }).where("id", "=", row.id).execute();
  return { ...row, title };
}

/** A page of the account's namespaces, and how many there are. */
export async function listNamespaces(
  platform: Platform,
  accountId: string,
  page: Page,
  order: { by: "id" | "title"; direction: "asc" | "desc" },
): Promise<{ rows: KvNamespaceRow[]; total: number }> {
  const rows = await namespaces(platform, accountId)
    .selectAll()
    .orderBy(order.by, order.direction)
    .limit(page.size)
    .offset(page.offset)
    .execute();
  return { rows, total: await countNamespaces(platform, accountId) };
}

/**
 * Deletes a namespace. Its directory moves away before the services role is told to let go of it, so that nothing can open
 * it again; what is left by a crash is removed with the next deletion.
 */
export async function deleteNamespace(
  platform: Platform,
  row: KvNamespaceRow,
  close: () => Promise<void>,
): Promise<void> {
  const directory = paths(platform.config).kvOf(row.account_id, row.id);
  const account = dirname(directory);
  await platform.db.deleteFrom("kv_namespaces").where("id", "=", row.id).execute();
  await rename(directory, join(account, DELETED + row.id)).catch(ignoreMissing);
  await close();
  await syncDirectory(account).catch(ignoreMissing);
  for (const name of await readdir(account).catch(() => [])) {
    if (name.startsWith(DELETED)) await rm(join(account, name), { recursive: true, force: true });
  }
}

/** Which of the namespaces that bindings name the account has. */
export async function knownKvNamespaces(
  db: Kysely<Database>,
  accountId: string,
  raws: unknown[],
): Promise<Set<string>> {
  const wanted = raws.flatMap((raw) => {
    const { type, namespace_id } = (raw ?? {}) as Record<string, unknown>;
    return type === "kv_namespace" && typeof namespace_id === "string" ? [namespace_id] : [];
  });
  if (wanted.length === 0) return new Set();
  const rows = await db
    .selectFrom("kv_namespaces")
    .select("id")
    .where("account_id", "=", accountId)
    .where("id", "in", [...new Set(wanted)])
    .execute();
  return new Set(rows.map(({ id }) => id));
}

function checkTitle(title: string): void {
  if (title === "" || title.length > MAX_TITLE_CHARS) throw invalidTitle();
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}

function namespaces(platform: Platform, accountId: string) {
  return platform.db.selectFrom("kv_namespaces").where("account_id", "=", accountId);
}

function titled(platform: Platform, accountId: string, title: string): Promise<KvNamespaceRow | undefined> {
  return namespaces(platform, accountId).selectAll().where("title", "=", title).executeTakeFirst();
}

async function countNamespaces(platform: Platform, accountId: string): Promise<number> {
  const { count } = await namespaces(platform, accountId)
    .select(({ fn }) => fn.countAll().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}
