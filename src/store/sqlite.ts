import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { Kysely, SqliteAdapter, type SqliteDatabase, SqliteDialect, type SqliteStatement } from "kysely";
import type { Database } from "./schema.ts";

/** How long a statement waits for another process that holds the write lock. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Opens the embedded driver of the `sql` port: one SQLite file, made when it is missing, or `:memory:`.
 * A transaction that was committed survives the death of the process and of the machine.
 * Run the migrations before the first query.
 */
export function openDatabase(path: string): Kysely<Database> {
  if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const sqlite = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
  // FULL syncs the log at each commit; WAL lets other processes (backup, command line) read meanwhile.
  sqlite.exec("pragma journal_mode = wal; pragma synchronous = full;");
  return new Kysely<Database>({ dialect: new Dialect({ database: adapt(sqlite) }) });
}

/** What Kysely expects of a SQLite library, on top of the one in Node. */
function adapt(sqlite: DatabaseSync): SqliteDatabase {
  return {
    close: () => sqlite.close(),
    // A transaction takes the write lock at once: one that reads first and then cannot
    // upgrade would fail with SQLITE_BUSY without waiting.
    prepare: (sql) => adaptStatement(sqlite.prepare(sql === "begin" ? "begin immediate" : sql)),
  };
}

function adaptStatement(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}

/** SQLite can undo table changes in a transaction; with this, a migration that is killed leaves nothing behind. */
class TransactionalDdl extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class Dialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalDdl();
  }
}
