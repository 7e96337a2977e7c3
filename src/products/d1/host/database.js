// @ts-check
/** One open D1 database: its connection, its lock, and the transactions on it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Execution } from "./execution.js";
import { Failure, failureOf } from "./failure.js";
import { CACHE_KIB, EXISTS_CHECK_MS, LOCK_TIMEOUT_MS, PAGE_BYTES, sqliteLimits } from "./limits.js";
import { Lock } from "./lock.js";
import { PreparedStatements } from "./prepared.js";
import { DEFAULT_SETTINGS, Rules } from "./rules.js";
import { Standing } from "./standing.js";
import { bookmarkOf } from "./wal.js";

/**
 * @typedef {import("./wal.js").Position} Position
 * @typedef {import("./execution.js").Value} Value
 *
 * @typedef {object} Settings
 * @property {number} retentionMs
 * @property {number} maxBytes
 */

export class Database {
  usedAtMs = 0;
  #existedAtMs = 0;
  #lock;
  #standing;
  #prepared;
  #execution;
  /** @type {import("node:sqlite").StatementSync | undefined} */
  #pageCount;

  /**
   * Opens the database; makes its file if there is none, but never its directory, which means that it exists.
   * @param {string} directory
   * @param {Settings} settings
   * @param {import("./insights.js").Costs} costs
   */
  constructor(directory, settings, costs) {
    if (!existsSync(directory)) throw new Failure("not-found", "the database does not exist");
    this.directory = directory;
    this.path = join(directory, "db.sqlite");
    this.costs = costs;
    this.#lock = new Lock(join(directory, "lock"));
    try {
      this.connection = connect(this.path, settings.maxBytes);
      this.#standing = new Standing(directory, this.connection, this.#lock, settings.retentionMs);
    } catch (error) {
      this.#lock.close();
      throw failureOf(error);
    }
    const rules = new Rules();
    this.connection.setAuthorizer(rules.authorize);
    this.#prepared = new PreparedStatements(this.connection, rules);
    this.#execution = new Execution(this.connection, rules, this.#prepared, (wrote) => this.#sizeAfter(wrote));
  }

  get history() {
    return this.#standing.history;
  }

  get position() {
    return this.#standing.position;
  }

  get bookmark() {
    return bookmarkOf(this.position);
  }

  get bytes() {
    return this.position.pages * PAGE_BYTES;
  }

  get wantsRotation() {
    return this.#standing.wantsRotation;
  }

  /** See {@link Standing.rotate}. */
  rotate() {
    return this.#standing.rotate();
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
      this.#standing.reload();
    }
    if (nowMs - this.#existedAtMs > EXISTS_CHECK_MS) {
      if (this.#standing.removed) throw new Failure("not-found", "the database does not exist");
      this.#existedAtMs = nowMs;
    }
    if (this.#standing.look()) this.#prepared.clear();
  }

  /**
   * Runs statements in one transaction, or a single one by itself.
   * @param {{ sql: string, params?: Value[] }[]} statements
   */
  batch(statements) {
    const nowMs = Date.now();
    this.use(nowMs);
    const before = this.position;
    const [only] = statements;
    if (statements.length === 1 && only) {
      const prepared = this.#prepared.of(only.sql, 0);
      // SQLite makes a transaction of its own for each statement.
      if (prepared.length === 1 && !prepared[0]?.changesSettings) {
        const result = this.#execution.run(only.sql, prepared, only.params ?? [], 0, this.costs);
        this.#standing.note(before, nowMs);
        return [result];
      }
    }
    let settings = false;
    try {
      const results = this.transaction(() =>
        statements.map(({ sql, params }, index) => {
          const prepared = this.#prepared.of(sql, index);
          settings ||= prepared.some((one) => one.changesSettings);
          return this.#execution.run(sql, prepared, params ?? [], index, this.costs);
        }),
      );
      this.#standing.note(before, nowMs);
      return results;
    } finally {
      if (settings) this.connection.exec(DEFAULT_SETTINGS);
    }
  }

  /**
   * @template Result
   * @param {() => Result} work
   * @returns {Result}
   */
  transaction(work) {
    this.connection.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.connection.exec("COMMIT");
      this.#standing.look();
      return result;
    } catch (error) {
      // Some failures have rolled back already.
      if (this.connection.isTransaction) this.connection.exec("ROLLBACK");
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
    return this.#execution.run(sql, this.#prepared.of(sql, index, false), [], index);
  }

  /** After a transaction that went around {@link Database.batch}. @param {Position} before */
  wrote(before) {
    this.#prepared.clear();
    this.#standing.look();
    this.#standing.note(before, Date.now());
  }

  /**
   * Closes the database. Afterwards the file alone is whole, if nobody else has it open. SQLite's own checkpoint at the
   * close of the last connection would lose the WAL for the archive: a second connection that may not write prevents it.
   */
  close() {
    this.#standing.rotateLast();
    this.#prepared.clear();
    /** @type {DatabaseSync | undefined} */
    let guard;
    try {
      guard = new DatabaseSync(this.path, { readOnly: true });
      guard.prepare("SELECT count(*) FROM sqlite_schema").get();
    } catch {
      // The files are gone.
    }
    this.connection.close();
    guard?.close();
    this.#standing.close();
    this.#lock.close();
  }

  /** @param {boolean} wrote */
  #sizeAfter(wrote) {
    if (!this.connection.isTransaction) {
      if (wrote) this.#standing.look();
      return this.bytes;
    }
    this.#pageCount ??= this.connection.prepare("PRAGMA page_count");
    return Number(this.#pageCount.get()?.page_count) * PAGE_BYTES;
  }
}

/**
 * @param {string} path
 * @param {number} maxBytes
 */
function connect(path, maxBytes) {
  const connection = new DatabaseSync(path, { limits: sqliteLimits, defensive: true, timeout: LOCK_TIMEOUT_MS });
  connection.exec(
    `PRAGMA page_size=${PAGE_BYTES}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; ` +
      `PRAGMA cache_size=-${CACHE_KIB}; PRAGMA max_page_count=${Math.ceil(maxBytes / PAGE_BYTES)}; ` +
      `PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=0; ${DEFAULT_SETTINGS}`,
  );
  // Makes SQLite read the WAL, or begin one.
  connection.prepare("SELECT count(*) FROM sqlite_schema").get();
  return connection;
}
