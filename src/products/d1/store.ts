import { randomUUID } from "node:crypto";
import type { Dirent } from "node:fs";
import { lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sql } from "kysely";
import { paths } from "../../domain/paths.ts";
import { syncDirectory } from "../../lib/durable-file.ts";
import type { Page } from "../../lib/paging.ts";
import type { Platform } from "../../store/platform.ts";
import type { D1DatabaseRow } from "../../store/schema.ts";
import { MAX_DATABASES, MAX_NAME_CHARS } from "./api-limits.ts";
import { databaseExists, databaseNotFound, invalidName, tooManyDatabases } from "./errors.ts";

/** What a database was told at its creation or by an update. Kept and shown; one machine has one place. */
export interface DatabaseSettings {
  readReplication: "auto" | "disabled";
  locationHint?: string;
  jurisdiction?: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const NAME = /^[A-Za-z0-9][\w-]*$/;

/** Directories of deleted databases, until they are removed. */
const DELETED = ".deleted-";
/** A directory without a row may be of a database that is just being made. */
const MAKING_MS = 60_000;

/** Makes a database: its directory, durably, then its row. The host makes the file when it is first used. */
export async function createDatabase(
  platform: Platform,
  accountId: string,
  name: string,
  settings: DatabaseSettings,
): Promise<D1DatabaseRow> {
  if (!NAME.test(name) || name.length > MAX_NAME_CHARS || UUID.test(name)) throw invalidName(name);
  if (await findByName(platform, accountId, name)) throw databaseExists(name);
  if ((await countDatabases(platform, accountId)) >= MAX_DATABASES) throw tooManyDatabases();
  const row: D1DatabaseRow = {
    id: randomUUID(),
    account_id: accountId,
    name,
    created_on: new Date().toISOString(),
    settings_json: JSON.stringify(settings),
  };
  const directory = paths(platform.config).databaseOf(accountId, row.id);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // The account's directory may be new as well.
  for (let above = 0, path = directory; above < 3; above++) {
    path = dirname(path);
    await syncDirectory(path);
  }
  const { numInsertedOrUpdatedRows } = await platform.db
    .insertInto("d1_databases")
    .values(row)
    .onConflict((conflict) => conflict.columns(["account_id", "name"]).doNothing())
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows === 1n) return row;
  // Somebody else took the name in this moment.
  await rm(directory, { recursive: true, force: true });
  throw databaseExists(name);
}

/** The database of this id or name; error 7404 when there is none. */
export async function requireDatabase(platform: Platform, accountId: string, idOrName: string): Promise<D1DatabaseRow> {
  const row = UUID.test(idOrName)
    ? await databases(platform, accountId).selectAll().where("id", "=", idOrName.toLowerCase()).executeTakeFirst()
    : await findByName(platform, accountId, idOrName);
  if (!row) throw databaseNotFound(idOrName);
  return row;
}

/** A page of the account's databases, newest first, and how many there are. `part`: only names that contain it. */
export async function listDatabases(
  platform: Platform,
  accountId: string,
  page: Page,
  part: string,
): Promise<{ rows: D1DatabaseRow[]; total: number }> {
  const rows = await matching(platform, accountId, part)
    .selectAll()
    .orderBy("created_on", "desc")
    .orderBy("id")
    .limit(page.size)
    .offset(page.offset)
    .execute();
  return { rows, total: await countDatabases(platform, accountId, part) };
}

export async function changeSettings(
  platform: Platform,
  row: D1DatabaseRow,
  change: Partial<DatabaseSettings>,
): Promise<D1DatabaseRow> {
  const settings_json = JSON.stringify({ ...settingsOf(row), ...change });
  await platform.db.updateTable("d1_databases").set({ settings_json }).where("id", "=", row.id).execute();
  return { ...row, settings_json };
}

export function settingsOf(row: D1DatabaseRow): DatabaseSettings {
  return JSON.parse(row.settings_json) as DatabaseSettings;
}

/**
 * Deletes a database. Its directory moves away before the host is told to close it, so that no later query can
 * open it again; what is left by a crash is removed with the next deletion.
 */
export async function deleteDatabase(
  platform: Platform,
  row: D1DatabaseRow,
  close: () => Promise<void>,
): Promise<void> {
  const files = paths(platform.config);
  await platform.db.deleteFrom("d1_databases").where("id", "=", row.id).execute();
  const account = files.databases(row.account_id);
  await rename(files.databaseOf(row.account_id, row.id), join(account, DELETED + row.id)).catch(ignoreMissing);
  await close();
  await syncDirectory(account).catch(ignoreMissing);
  for (const name of await readdir(account).catch(() => [])) {
    if (name.startsWith(DELETED)) await rm(join(account, name), { recursive: true, force: true });
  }
}

/**
 * Removes the directories of databases that have no row: a deletion or a creation was cut off by the end of the process.
 * Young ones are left; true: there were some.
 */
export async function sweepDatabases(platform: Platform, nowMs: number): Promise<boolean> {
  const files = paths(platform.config);
  let young = false;
  for (const { name: accountId } of await directoriesIn(dirname(files.databases("-")))) {
    const account = files.databases(accountId);
    for (const { name } of await directoriesIn(account)) {
      const path = join(account, name);
      if (name.startsWith(DELETED)) await rm(path, { recursive: true, force: true });
      if (
        !UUID.test(name) ||
        (await databases(platform, accountId).select("id").where("id", "=", name).executeTakeFirst())
      )
        continue;
      if (nowMs - ((await lstat(path).catch(() => undefined))?.mtimeMs ?? 0) < MAKING_MS) {
        young = true;
        continue;
      }
      console.error(`Removing what is left of the deleted D1 database ${name}.`);
      await rename(path, join(account, DELETED + name));
      await rm(join(account, DELETED + name), { recursive: true, force: true });
    }
  }
  return young;
}

/** Sweeps now, and once more when those that are young now are not any more. Does not wait, and never fails. */
export function sweepDatabasesLater(platform: Platform): void {
  const sweep = () =>
    sweepDatabases(platform, Date.now()).catch((error: unknown) => {
      console.error("Data of deleted D1 databases could not be removed yet:", error);
      return false;
    });
  void sweep().then((young) => {
    if (young) setTimeout(sweep, MAKING_MS).unref();
  });
}

async function directoriesIn(path: string): Promise<Dirent[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory());
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}

function databases(platform: Platform, accountId: string) {
  return platform.db.selectFrom("d1_databases").where("account_id", "=", accountId);
}

function findByName(platform: Platform, accountId: string, name: string): Promise<D1DatabaseRow | undefined> {
  return databases(platform, accountId).selectAll().where("name", "=", name).executeTakeFirst();
}

function matching(platform: Platform, accountId: string, part: string) {
  const query = databases(platform, accountId);
  if (part === "") return query;
  const pattern = `%${part.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`;
  return query.where(sql<boolean>`lower(name) like ${pattern} escape '\\'`);
}

async function countDatabases(platform: Platform, accountId: string, part = ""): Promise<number> {
  const { count } = await matching(platform, accountId, part)
    .select(({ fn }) => fn.countAll().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}
