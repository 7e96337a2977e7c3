// @ts-check
/** Runs prepared statements, and tells what they did (`meta`). */
import { Failure, failureOf } from "./failure.js";

/**
 * @typedef {import("./prepared.js").Prepared} Prepared
 * @typedef {import("./prepared.js").Unprepared} Unprepared
 * @typedef {null | number | string | number[]} Value
 */

export class Execution {
  #rules;
  #prepared;
  #sizeAfter;
  #counters;
  #changes = 0;
  #lastRowId = 0;

  /**
   * @param {import("node:sqlite").DatabaseSync} connection
   * @param {import("./rules.js").Rules} rules
   * @param {import("./prepared.js").PreparedStatements} prepared
   * @param {(wrote: boolean) => number} sizeAfter The database's bytes, asked after each statement.
   */
  constructor(connection, rules, prepared, sizeAfter) {
    this.#rules = rules;
    this.#prepared = prepared;
    this.#sizeAfter = sizeAfter;
    this.#counters = connection.prepare("SELECT total_changes(), last_insert_rowid()");
    this.#counters.setReturnArrays(true);
  }

  /**
   * Several statements in one text: the parameters are the last one's, and so is the result. `costs` is told of each.
   * @param {string} sql
   * @param {(Prepared | Unprepared)[]} prepared
   * @param {Value[]} params
   * @param {number} index
   * @param {import("./insights.js").Costs} [costs]
   */
  run(sql, prepared, params, index, costs) {
    let result;
    for (let at = 0; at < prepared.length; at++) {
      const last = at === prepared.length - 1;
      const one = /** @type {Prepared | Unprepared} */ (prepared[at]);
      const ready = "unprepared" in one ? this.#prepared.prepare(one, index) : one;
      result = this.#runOne(ready, last ? params : [], index);
      costs?.add(sql, result.meta, result.rows.length);
    }
    return /** @type {NonNullable<typeof result>} */ (result);
  }

  /**
   * @param {Prepared} prepared
   * @param {Value[]} params
   * @param {number} index
   */
  #runOne(prepared, params, index) {
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
    if (prepared.writes) {
      const [total, lastRowId] = /** @type {number[]} */ (/** @type {unknown} */ (this.#counters.get()));
      changes = /** @type {number} */ (total) - this.#changes;
      this.#changes = /** @type {number} */ (total);
      this.#lastRowId = /** @type {number} */ (lastRowId);
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
      changed_db: changes > 0 || prepared.changesSchema,
      size_after: this.#sizeAfter(prepared.writes),
      // A full scan's first row takes no step. Rows found through an index count when they are in the result or changed.
      rows_read: Math.max(steps > 0 ? steps + 1 : 0, rows.length, prepared.writes && changes > 0 ? steps : 0),
      rows_written: prepared.changesSchema ? changes + 1 : changes * prepared.rowsPerChange,
    };
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
}

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
