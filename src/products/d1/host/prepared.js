// @ts-check
/** The prepared statements of one connection: what SQLite and the rules say about a text before it runs. */
import { Failure, failureOf } from "./failure.js";
import { MAX_STATEMENTS } from "./limits.js";
import { statementsOf } from "./statements.js";

/**
 * @typedef {import("node:sqlite").DatabaseSync} DatabaseSync
 * @typedef {import("node:sqlite").StatementSync} StatementSync
 * @typedef {import("./statements.js").Piece} Piece
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
 * @typedef {Piece & { unprepared: true, changesSettings: true }} Unprepared One that may need what an earlier one of the same text makes.
 */

export class PreparedStatements {
  #connection;
  #rules;
  /** Texts of a single statement, the one used longest ago first. @type {Map<string, Prepared[]>} */
  #kept = new Map();

  /**
   * @param {DatabaseSync} connection
   * @param {import("./rules.js").Rules} rules
   */
  constructor(connection, rules) {
    this.#connection = connection;
    this.#rules = rules;
  }

  /**
   * The statements of a text: a single one prepared, several to be prepared one by one as their turn comes.
   * @param {string} sql
   * @param {number} index Of the text in the request, for failures.
   * @returns {(Prepared | Unprepared)[]}
   */
  of(sql, index, keep = true) {
    const known = this.#kept.get(sql);
    if (known) {
      if (this.#kept.size > MAX_STATEMENTS / 2) {
        this.#kept.delete(sql);
        this.#kept.set(sql, known);
      }
      return known;
    }
    const pieces = statementsOf(sql);
    const [only] = pieces;
    if (!only) throw new Failure("sql", "No SQL statements detected.", index);
    // Such a one may change settings, as far as anybody knows.
    if (pieces.length > 1) return pieces.map((piece) => ({ ...piece, unprepared: true, changesSettings: true }));
    const prepared = this.prepare(only, index);
    if (keep && !prepared.changesSchema) {
      this.#kept.set(sql, [prepared]);
      const [oldest] = this.#kept.keys();
      if (this.#kept.size > MAX_STATEMENTS && oldest !== undefined) this.#kept.delete(oldest);
    }
    return [prepared];
  }

  /**
   * @param {Pick<Piece, "sql" | "parameters">} piece
   * @param {number} index
   * @returns {Prepared}
   */
  prepare({ sql, parameters }, index) {
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
    const refusal = rules.refusalOfText(sql);
    if (refusal !== undefined) throw new Failure("refused", refusal, index);
    statement.setReturnArrays(true);
    const columns = statement.columns().map(({ name }) => name);
    const { writes, changesSchema, changesSettings, tables } = rules;
    // A statement that writes must not be run a second time for the sake of its integers.
    const big = writes && columns.length > 0;
    if (big) statement.setReadBigInts(true);
    const rowsPerChange = 1 + Math.max(0, ...[...tables].map((table) => this.#indexCount(table)));
    return { statement, columns, writes, changesSchema, changesSettings, rowsPerChange, parameters, big };
  }

  /** Forgets what is kept: the schema may be another now. */
  clear() {
    this.#kept.clear();
  }

  /** @param {string} table */
  #indexCount(table) {
    const row = this.#connection
      .prepare("SELECT count(*) AS count FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? COLLATE NOCASE")
      .get(table);
    return Number(row?.count ?? 0);
  }
}
