// @ts-check
/** One open D1 database: its connection, its prepared statements, where it stands, and its lock. */
import { closeSync, existsSync, fstatSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Failure, failureOf } from "./failure.js";
import { History } from "./history.js";
import {
  CACHE_KIB,
  EXISTS_CHECK_MS,
  LOCK_TIMEOUT_MS,
  MAX_INSIGHTS,
  MAX_STATEMENTS,
  PAGE_BYTES,
  ROTATE_FRAMES,
  sqliteLimits,
} from "./limits.js";
import { Lock } from "./lock.js";
import { DEFAULT_SETTINGS, Rules } from "./rules.js";
import { statementsOf } from "./statements.js";
import { bookmarkOf, readIndex } from "./wal.js";

/**
 * @typedef {import("node:sqlite").StatementSync} StatementSync
 * @typedef {import("./wal.js").Position} Position
 * @typedef {null | number | string | number[]} Value
 *
 * @typedef {object} Prepared
 * @property {StatementSync} statement
 * @property {string[]} columns
 * @property {boolean} writes
 * @property {boolean} changesSchema
 * @property {boolean} changesSettings
 * @property {number} rowsPerChange Rows of tables and indexes that a changed row stands for.
 * @property {number} parameters
 * @property {boolean} big Whether integers are read as BigInt, because some do not fit a number.
 *
 * @typedef {object} Settings
 * @property {number} retentionMs
 * @property {number} maxBytes
 */

export class Database {
  usedAtMs = 0;
  /** @type {Map<string, { count: number, totalMs: number, rowsRead: number, rowsWritten: number, rowsReturned: number }>} */
  insights = new Map();
  #directory;
  #rules = new Rules();
  #lock;
  #connection;
  #index;
  #history;
  /** @type {Map<string, Prepared[]>} */
  #prepared = new Map();
  /** @type {Position} */
  #position;
  /** The newest commit when the WAL was last emptied: what an empty WAL stands for. @type {Position} */
  #base;
  #lastRowId = 0;
  #changes = 0;
  #counters;
  #existedAtMs = 0;
  #notedSecond = 0;

  /**
   * Opens the database; makes its file if there is none, but never its directory, which means that it exists.
   * @param {string} directory
   * @param {Settings} settings
   */
  constructor(directory, settings) {
    if (!existsSync(directory)) throw new Failure("not-found", "the database does not exist");
    this.#directory = directory;
    const path = join(directory, "db.sqlite");
    this.#lock = new Lock(join(directory, "lock"));
    try {
      this.#connection = new DatabaseSync(path, { limits: sqliteLimits, defensive: true, timeout: LOCK_TIMEOUT_MS });
      this.#connection.exec(
        `PRAGMA page_size=${PAGE_BYTES}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; ` +
          `PRAGMA cache_size=-${CACHE_KIB}; PRAGMA max_page_count=${Math.ceil(settings.maxBytes / PAGE_BYTES)}; ` +
          `PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=0; ${DEFAULT_SETTINGS}`,
      );
      // Makes SQLite read the WAL, or begin one.
      this.#connection.prepare("SELECT count(*) FROM sqlite_schema").get();
      this.#index = openSync(`${path}-shm`, "r");
    } catch (error) {
      this.#lock.close();
      throw failureOf(error);
    }
    this.#connection.setAuthorizer(this.#rules.authorize);
    this.#counters = this.#connection.prepare("SELECT total_changes(), last_insert_rowid()");
    this.#counters.setReturnArrays(true);
    this.#history = new History(directory, settings.retentionMs);
    this.#base = { ...this.#history.end, pages: Math.ceil(statSync(path).size / PAGE_BYTES) };
    this.#position = this.#look();
  }

  get path() {
    return join(this.#directory, "db.sqlite");
  }

  get connection() {
    return this.#connection;
  }

  get history() {
    return this.#history;
  }

  get directory() {
    return this.#directory;
  }

  get position() {
    return this.#position;
  }

  get bookmark() {
    return bookmarkOf(this.#position);
  }

  get bytes() {
    return this.#position.pages * PAGE_BYTES;
  }

  /** Frames that are in the WAL. */
  get walFrames() {
    return readIndex(this.#index)?.frame ?? 0;
  }

  /**
   * Called before each use: notices a removed directory, and what another process wrote.
   * @param {number} nowMs
   */
  use(nowMs) {
    this.usedAtMs = nowMs;
    if (!this.#lock.held) {
      // It could not be had again after archiving: somebody else may have archived since.
      this.#lock.share();
      this.#reload();
    }
    if (nowMs - this.#existedAtMs > EXISTS_CHECK_MS) {
      if (fstatSync(this.#index).nlink === 0) throw new Failure("not-found", "the database does not exist");
      this.#existedAtMs = nowMs;
    }
    const seen = this.#look();
    if (seen.digest !== this.#position.digest || seen.frame !== this.#position.frame) {
      this.#prepared.clear();
      this.#position = seen;
    }
  }

  /**
   * Runs statements in one transaction, or a single one by itself.
   * @param {{ sql: string, params?: Value[] }[]} statements
   */
  batch(statements) {
    const nowMs = Date.now();
    this.use(nowMs);
    const before = this.#position;
    const [only] = statements;
    if (statements.length === 1 && only) {
      const prepared = this.#prepare(only.sql, 0);
      // SQLite makes a transaction of its own for each statement.
      if (prepared.length === 1 && !prepared[0]?.changesSettings) {
        const result = this.#run(only.sql, prepared, only.params ?? [], 0);
        this.#note(before, nowMs);
        return [result];
      }
    }
    let settings = false;
    try {
      const results = this.transaction(() =>
        statements.map(({ sql, params }, index) => {
          const prepared = this.#prepare(sql, index);
          settings ||= prepared.some((one) => one.changesSettings);
          return this.#run(sql, prepared, params ?? [], index);
        }),
      );
      this.#note(before, nowMs);
      return results;
    } finally {
      if (settings) this.#connection.exec(DEFAULT_SETTINGS);
    }
  }

  /**
   * @template Result
   * @param {() => Result} work
   * @returns {Result}
   */
  transaction(work) {
    this.#connection.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#connection.exec("COMMIT");
      this.#position = this.#look();
      return result;
    } catch (error) {
      // Some failures have rolled back already.
      if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK");
      this.#prepared.clear();
      throw failureOf(error);
    }
  }

  /**
   * One statement of an import, within a transaction; nothing of it is kept.
   * @param {string} sql
   * @param {number} index
   */
  runOnce(sql, index) {
    return this.#run("", this.#prepare(sql, index, false), [], index);
  }

  /** After a transaction that went around {@link Database.batch}. @param {Position} before */
  wrote(before) {
    this.#prepared.clear();
    this.#position = this.#look();
    this.#note(before, Date.now());
  }

  /** Forgets what was prepared, and looks where the database stands now. */
  refresh() {
    this.#prepared.clear();
    this.#position = this.#look();
  }

  /**
   * @param {string} sql
   * @param {number} index
   * @returns {Prepared[]}
   */
  #prepare(sql, index, keep = true) {
    const known = this.#prepared.get(sql);
    if (known) {
      if (this.#prepared.size > MAX_STATEMENTS / 2) {
        this.#prepared.delete(sql);
        this.#prepared.set(sql, known);
      }
      return known;
    }
    const pieces = statementsOf(sql);
    if (pieces.length === 0) throw new Failure("sql", "No SQL statements detected.", index);
    // A later one may need what an earlier one makes.
    const prepared = pieces.length === 1 ? pieces.map((piece) => this.#prepareOne(piece, index)) : undefined;
    if (!prepared) return pieces.map((piece) => ({ ...lazy, ...piece }));
    if (keep && !prepared[0]?.changesSchema) {
      this.#prepared.set(sql, prepared);
      const [oldest] = this.#prepared.keys();
      if (this.#prepared.size > MAX_STATEMENTS && oldest !== undefined) this.#prepared.delete(oldest);
    }
    return prepared;
  }

  /**
   * @param {{ sql: string, parameters: number }} piece
   * @param {number} index
   * @returns {Prepared}
   */
  #prepareOne({ sql, parameters }, index) {
    const rules = this.#rules;
    rules.begin();
    let statement;
    try {
      statement = this.#connection.prepare(sql);
    } catch (error) {
      if (rules.reason === "") throw failureOf(error, index);
      throw new Failure("refused", rules.reason, index);
    } finally {
      rules.end();
    }
    statement.setReturnArrays(true);
    const columns = statement.columns().map(({ name }) => name);
    const { writes, changesSchema, changesSettings, tables } = rules;
    // A statement that writes must not be run a second time for the sake of its integers.
    const big = writes && columns.length > 0;
    if (big) statement.setReadBigInts(true);
    const rowsPerChange = 1 + Math.max(0, ...[...tables].map((table) => this.#indexCount(table)));
    return { statement, columns, writes, changesSchema, changesSettings, rowsPerChange, parameters, big };
  }

  /** @param {string} table */
  #indexCount(table) {
    const row = this.#connection
      .prepare("SELECT count(*) AS count FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? COLLATE NOCASE")
      .get(table);
    return Number(row?.count ?? 0);
  }

  /**
   * Several statements in one text: the parameters are the last one's, and so is the result.
   * @param {string} sql
   * @param {Prepared[]} prepared
   * @param {Value[]} params
   * @param {number} index
   */
  #run(sql, prepared, params, index) {
    let result;
    for (let at = 0; at < prepared.length; at++) {
      const last = at === prepared.length - 1;
      const one = /** @type {Prepared & { sql?: string }} */ (prepared[at]);
      const ready = one.sql === undefined ? one : this.#prepareOne({ sql: one.sql, parameters: one.parameters }, index);
      result = this.#runOne(sql, ready, last ? params : [], index);
    }
    return /** @type {NonNullable<typeof result>} */ (result);
  }

  /**
   * @param {string} sql
   * @param {Prepared} prepared
   * @param {Value[]} params
   * @param {number} index
   */
  #runOne(sql, prepared, params, index) {
    if (params.length !== prepared.parameters) {
      throw new Failure(
        "sql",
        `Wrong number of parameter bindings for SQL query: it takes ${prepared.parameters} and was given ${params.length}.`,
        index,
      );
    }
    const values = params.map((value) => (Array.isArray(value) ? Uint8Array.from(value) : value));
    const startedAt = performance.now();
    const rows = this.#rowsOf(prepared, values, index);
    const duration = performance.now() - startedAt;
    toJson(rows, prepared.big);
    const counts = /** @type {{ stat(name: string): number, resetStats(): void }} */ (
      /** @type {unknown} */ (prepared.statement)
    );
    const steps = counts.stat("fullscanStep");
    if (steps > 0) counts.resetStats();
    let changes = 0;
    let changed = false;
    if (prepared.writes) {
      const [total, lastRowId] = /** @type {number[]} */ (/** @type {unknown} */ (this.#counters.get()));
      changes = /** @type {number} */ (total) - this.#changes;
      this.#changes = /** @type {number} */ (total);
      this.#lastRowId = /** @type {number} */ (lastRowId);
      changed = changes > 0 || prepared.changesSchema;
      if (!this.#connection.isTransaction) this.#position = this.#look();
      if (prepared.changesSchema) this.#prepared.clear();
    } else if (prepared.statement.columns().length !== prepared.columns.length) {
      prepared.columns = prepared.statement.columns().map(({ name }) => name);
    }
    const meta = {
      served_by: "freehold",
      served_by_region: "",
      served_by_colo: "",
      served_by_primary: true,
      total_attempts: 1,
      timings: { sql_duration_ms: duration },
      duration,
      changes,
      last_row_id: this.#lastRowId,
      changed_db: changed,
      size_after: this.#connection.isTransaction ? this.#pageCount() * PAGE_BYTES : this.bytes,
      // A full scan's first row takes no step. Rows found through an index count when they are in the result or changed.
      rows_read: Math.max(steps > 0 ? steps + 1 : 0, rows.length, prepared.writes && changes > 0 ? steps : 0),
      rows_written: prepared.changesSchema ? changes + 1 : changes * prepared.rowsPerChange,
    };
    this.#count(sql, meta, rows.length);
    return { columns: prepared.columns, rows, meta };
  }

  /**
   * @param {Prepared} prepared
   * @param {any[]} values
   * @param {number} index
   * @returns {any[][]}
   */
  #rowsOf(prepared, values, index) {
    const rules = this.#rules;
    rules.watch();
    try {
      return /** @type {any[][]} */ (/** @type {unknown} */ (prepared.statement.all(...values)));
    } catch (/** @type {any} */ error) {
      if (rules.reason !== "") throw new Failure("refused", rules.reason, index);
      if (error?.code !== "ERR_OUT_OF_RANGE" || prepared.writes || prepared.big) throw failureOf(error, index);
      prepared.big = true;
      prepared.statement.setReadBigInts(true);
      return this.#rowsOf(prepared, values, index);
    } finally {
      rules.end();
    }
  }

  #pageCount() {
    this.#pages ??= this.#connection.prepare("PRAGMA page_count");
    return Number(this.#pages.get()?.page_count);
  }
  /** @type {StatementSync | undefined} */
  #pages;

  /**
   * @param {string} sql
   * @param {{ duration: number, rows_read: number, rows_written: number }} meta
   * @param {number} returned
   */
  #count(sql, meta, returned) {
    if (sql === "") return;
    let insight = this.insights.get(sql);
    if (!insight) {
      if (this.insights.size >= MAX_INSIGHTS) return;
      insight = { count: 0, totalMs: 0, rowsRead: 0, rowsWritten: 0, rowsReturned: 0 };
      this.insights.set(sql, insight);
    }
    insight.count++;
    insight.totalMs += meta.duration;
    insight.rowsRead += meta.rows_read;
    insight.rowsWritten += meta.rows_written;
    insight.rowsReturned += returned;
  }

  /** @returns {Position} */
  #look() {
    const seen = readIndex(this.#index);
    if (!seen || seen.frame === 0) return this.#base;
    return {
      generation: this.#history.generationOf(seen.salts),
      frame: seen.frame,
      pages: seen.pages,
      digest: seen.digest,
    };
  }

  /**
   * Remembers, once a second with writes, where the database stood before.
   * @param {Position} before
   * @param {number} nowMs
   */
  #note(before, nowMs) {
    if (this.#position === before || this.#position.digest === before.digest) return;
    const second = Math.floor(nowMs / 1000);
    if (second === this.#notedSecond) return;
    this.#notedSecond = second;
    this.#history.note(second * 1000, before);
  }

  /** Whether the WAL is long enough to be moved to the archive. */
  get wantsRotation() {
    return this.#position.frame >= ROTATE_FRAMES && this.#position !== this.#base;
  }

  /**
   * Moves the WAL to the archive and its pages to the database file. False: another process has the database open too,
   * and must not lose what it writes in between.
   */
  rotate() {
    if (!this.#lock.acquire()) {
      // Who else has it open may have archived while nothing was held.
      this.#reload();
      return false;
    }
    try {
      const seen = readIndex(this.#index);
      if (!seen || seen.frame === 0) return true;
      this.#position = this.#look();
      this.#history.archive(`${this.path}-wal`, this.#position, seen.salts);
      const result = this.#connection.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
      if (result?.busy !== 0) return false;
      this.#base = this.#position;
      return true;
    } finally {
      this.#lock.share();
    }
  }

  /**
   * Closes the database. Afterwards the file alone is whole, if nobody else has it open. SQLite's own checkpoint at the
   * close of the last connection would lose the WAL for the archive: a second connection that may not write prevents it.
   */
  close() {
    try {
      if (fstatSync(this.#index).nlink > 0) this.rotate();
    } catch (error) {
      console.error(`archiving ${this.#directory} failed:`, error instanceof Error ? error.message : error);
    }
    this.#prepared.clear();
    /** @type {DatabaseSync | undefined} */
    let guard;
    try {
      guard = new DatabaseSync(this.path, { readOnly: true });
      guard.prepare("SELECT count(*) FROM sqlite_schema").get();
    } catch {
      // The files are gone.
    }
    this.#connection.close();
    guard?.close();
    // Only now: closing a file of SQLite's gives up the locks that this process has on it.
    closeSync(this.#index);
    this.#lock.close();
    this.#history.close();
  }

  /** What another process has archived. */
  #reload() {
    this.#history.load();
    if (this.#history.end.generation > this.#base.generation) this.#base = this.#history.end;
  }
}

/** Stands for a statement that is prepared when its turn comes. @type {Prepared} */
const lazy = {
  statement: /** @type {any} */ (undefined),
  columns: [],
  writes: true,
  changesSchema: true,
  changesSettings: true,
  rowsPerChange: 1,
  parameters: 0,
  big: false,
};

/**
 * Values as they cross the wire: blobs as lists of bytes, integers as numbers, however large.
 * @param {any[][]} rows
 * @param {boolean} big
 */
function toJson(rows, big) {
  for (const row of rows) {
    for (let index = 0; index < row.length; index++) {
      const value = row[index];
      if (typeof value === "object" && value !== null) row[index] = Array.from(value);
      else if (big && typeof value === "bigint") row[index] = Number(value);
    }
  }
}
