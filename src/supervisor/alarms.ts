import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isPlainDatabase } from "../lib/plain-files.ts";

const NS_PER_MS = 1_000_000n;
/** For somebody else's moment with the file. */
const BUSY_TIMEOUT_MS = 100;

/**
 * When the next alarm in a directory of objects is due, in milliseconds since 1970; undefined: there is none, or it cannot be
 * read. The runtime keeps alarms in the table `_cf_ALARM` of `metadata.sqlite`, in nanoseconds (measured); the engine
 * of workflows sets its timers as alarms, too.
 * `live`: a runner has the directory, so only look. Otherwise what a killed one left in the write-ahead log is taken in.
 */
export function earliestAlarm(directory: string, live = false): number | undefined {
  const path = join(directory, "metadata.sqlite");
  let database: DatabaseSync | undefined;
  try {
    // A runner can write anything there: no link shall lead elsewhere, no pipe hold us up, and only a plain table is read.
    if (!isPlainDatabase(path)) return undefined;
    database = new DatabaseSync(path, { readOnly: live, timeout: BUSY_TIMEOUT_MS, defensive: true });
    database.exec("PRAGMA trusted_schema = OFF");
    const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = '_cf_ALARM' AND type = 'table'").get();
    if (!table) return undefined;
    const statement = database.prepare("SELECT min(scheduled_time) AS due FROM _cf_ALARM");
    statement.setReadBigInts(true);
    const due = statement.get()?.due;
    return typeof due === "bigint" ? Number(due / NS_PER_MS) : undefined;
  } catch {
    return undefined;
  } finally {
    database?.close();
  }
}
