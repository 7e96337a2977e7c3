import { openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { LogSync } from "../lib/log-sync.ts";

/** How long to wait for another process that has the file locked: a backup reads only, so it is never long. */
const BUSY_TIMEOUT_MS = 10_000;

export interface RowFileOptions<Name extends string> {
  /** Statements that make what is missing; run in one transaction. */
  schema: string;
  /** Pages kept in memory, in KiB; the system's own cache does the rest. */
  cacheKib: number;
  /** Triggers and rows that refer to others must see each row go, one that is replaced too. */
  related?: boolean;
  /** Prepared at once, each under its name; their rows are arrays. */
  statements: Readonly<Record<Name, string>>;
}

/**
 * A SQLite file of a resource's rows, made when there is none; its directory must be there. Its log is synced beside the
 * event loop: what was committed may be told of once {@link durable} resolves.
 */
export class RowFile<Name extends string> {
  readonly statements: Readonly<Record<Name, StatementSync>>;
  readonly #database: DatabaseSync;
  readonly #log: LogSync;

  constructor(path: string, { schema, cacheKib, related = false, statements }: RowFileOptions<Name>) {
    const database = new DatabaseSync(path, {
      timeout: BUSY_TIMEOUT_MS,
      defensive: true,
      enableForeignKeyConstraints: related,
    });
    this.#database = database;
    try {
      // Normal: the log is synced by `LogSync`, before anybody is told that something is stored.
      database.exec(`pragma journal_mode = wal; pragma synchronous = normal; pragma cache_size = -${cacheKib};`);
      if (related) database.exec("pragma recursive_triggers = on");
      database.exec(`begin immediate; ${schema} commit`);
      const prepared = Object.entries<string>(statements).map(([name, sql]) => [name, this.prepare(sql)]);
      this.statements = Object.fromEntries(prepared);
      this.#log = new LogSync(openSync(`${path}-wal`, "r"));
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** A statement whose rows are arrays. */
  prepare(sql: string): StatementSync {
    const statement = this.#database.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  }

  /** Nothing is being synced. */
  get idle(): boolean {
    return this.#log.idle;
  }

  /** Resolves when all that was committed before is on disk. */
  durable(): Promise<void> {
    return this.#log.durable();
  }

  /** Runs the work as one transaction; undone when it throws. */
  atomically<Result>(work: () => Result): Result {
    this.#database.exec("begin immediate");
    try {
      const result = work();
      this.#database.exec("commit");
      return result;
    } catch (error) {
      // A full disk may have rolled it back already.
      if (this.#database.isTransaction) this.#database.exec("rollback");
      throw error;
    }
  }

  /** Call it when idle. */
  close(): void {
    this.#log.close();
    this.#database.close();
  }
}
