import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  openSync,
  readSync,
  type Stats,
  statSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { isPlainDatabase } from "../../lib/plain-files.ts";
import { COLLECT_LOCK } from "../../products/kv/collect-lock.ts";

const MAGIC = "SQLite format 3\0";

/** How long to wait for a process that holds a file's lock: only recovery after a crash takes one for long. */
const BUSY_TIMEOUT_MS = 10_000;

/** All pages in one step: a copy in several is begun anew whenever somebody writes between them. */
const ALL_PAGES = 0x7fff_ffff;

/** A file changed so lately may change again without its time telling. */
const SETTLED_MS = 2000;

/** Whether a file is a SQLite database, or was made to become one. */
export function isSqlite(path: string): boolean {
  const bytes = Buffer.alloc(MAGIC.length);
  // Sandboxed code wrote it: a pipe must not hold us up, nor a link lead elsewhere.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const count = readSync(descriptor, bytes);
    return bytes.toString("latin1", 0, count) === MAGIC || (count === 0 && existsSync(`${path}-wal`));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Copies a SQLite database as of one moment, with all that was committed before, whoever has it open. It never takes a lock
 * that a process with the file in WAL mode would have to wait for.
 */
export async function copySqlite(from: string, to: string): Promise<void> {
  if (!isPlainDatabase(from))
    throw new Error(`${from} or a file beside it is a link or a pipe, which Freehold never makes`);
  if (await copySettled(from, to)) return;
  rmIfPresent(to);
  // Read only: it does not write the log back when it closes, which would lock out a process that opens the file just then.
  const database = new DatabaseSync(from, { readOnly: true, defensive: true, timeout: BUSY_TIMEOUT_MS });
  try {
    await backup(database, to, { rate: ALL_PAGES });
  } finally {
    database.close();
  }
}

/**
 * A database without a log is open nowhere: it is copied as the file it is, which leaves no traces beside it and lets the
 * file system share the bytes. False when somebody opened it meanwhile.
 */
async function copySettled(from: string, to: string): Promise<boolean> {
  const before = settled(from);
  if (!before) return false;
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
  const after = settled(from);
  return after?.mtimeMs === before.mtimeMs && after.size === before.size && after.ino === before.ino;
}

/**
 * Keeps the log of a D1 database from being archived and written back until the lock that is returned is closed. Its host
 * takes the lock alone for that, and goes on without when it does not get it (`products/d1/host/standing.js`).
 * Undefined when the database is gone.
 */
export function holdD1(directory: string): DatabaseSync | undefined {
  if (!existsSync(join(directory, "db.sqlite"))) return undefined;
  const path = join(directory, "lock");
  if (!isPlainDatabase(path))
    throw new Error(`${path} or a file beside it is a link or a pipe, which Freehold never makes`);
  return shareLock(new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS }));
}

/** Shares the lock of a file that others want alone. */
function shareLock(lock: DatabaseSync): DatabaseSync {
  lock.exec("begin");
  lock.prepare("select count(*) from sqlite_schema").get();
  return lock;
}

/**
 * Keeps files that no row names any more (large values of KV, contents of R2) from being removed until the lock that is
 * returned is closed: the copy of the rows may still name them. Undefined when there is no such store.
 */
export function holdContents(directory: string): DatabaseSync | undefined {
  if (!existsSync(directory)) return undefined;
  return shareLock(new DatabaseSync(join(directory, COLLECT_LOCK), { timeout: BUSY_TIMEOUT_MS }));
}

/** Adds the alarms of one copy to another; of two for an object the earlier one stays. */
export function addAlarms(to: string, from: string): void {
  const database = new DatabaseSync(to, { defensive: true });
  try {
    database.exec("pragma trusted_schema = off; pragma journal_mode = delete");
    database.prepare("attach ? as early").run(from);
    const both = database
      .prepare(
        "select 1 from main.sqlite_schema m join early.sqlite_schema e using (name, sql) where name = '_cf_ALARM' and m.type = 'table'",
      )
      .get();
    if (!both) return;
    database.exec(
      "insert into main._cf_ALARM select * from early._cf_ALARM where true " +
        "on conflict do update set scheduled_time = min(scheduled_time, excluded.scheduled_time)",
    );
  } finally {
    database.close();
  }
}

function settled(path: string): Stats | undefined {
  if (existsSync(`${path}-wal`) || existsSync(`${path}-journal`)) return undefined;
  const stats = statSync(path);
  return Math.abs(Date.now() - stats.mtimeMs) > SETTLED_MS ? stats : undefined;
}

function rmIfPresent(path: string): void {
  if (existsSync(path)) unlinkSync(path);
}
