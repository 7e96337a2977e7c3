// @ts-check
/** What statements have cost, of all databases that this process has served: also of those that are closed by now. */
import { INSIGHT_SQL_CHARACTERS, MAX_INSIGHT_CHARACTERS, MAX_INSIGHTS } from "./limits.js";

/**
 * @typedef {{ count: number, totalMs: number, rowsRead: number, rowsWritten: number, rowsReturned: number }} Cost
 */

export class Insights {
  /** By database; the one that got a new statement longest ago comes first. @type {Map<string, Costs>} */
  #databases = new Map();
  #characters = 0;

  /** @param {string} databaseId */
  of(databaseId) {
    return this.#databases.get(databaseId) ?? new Costs(this, databaseId);
  }

  /** @param {string} databaseId */
  forget(databaseId) {
    const costs = this.#databases.get(databaseId);
    if (!costs) return;
    this.#databases.delete(databaseId);
    this.#characters -= costs.clear();
  }

  /**
   * A database has a new statement: beyond the bound of the process the others' go, that of the longest pause first.
   * @param {string} databaseId
   * @param {Costs} costs
   * @param {number} characters
   */
  grow(databaseId, costs, characters) {
    this.#databases.delete(databaseId);
    this.#databases.set(databaseId, costs);
    this.#characters += characters;
    while (this.#characters > MAX_INSIGHT_CHARACTERS) {
      const [oldest] = this.#databases.keys();
      if (oldest === undefined || oldest === databaseId) return;
      this.forget(oldest);
    }
  }
}

/** Of one database: its first statements, by their text. */
export class Costs {
  #all;
  #databaseId;
  #characters = 0;
  /** @type {Map<string, Cost>} */
  #statements = new Map();

  /**
   * @param {Insights} all
   * @param {string} databaseId
   */
  constructor(all, databaseId) {
    this.#all = all;
    this.#databaseId = databaseId;
  }

  /**
   * @param {string} text
   * @param {{ duration: number, rows_read: number, rows_written: number }} meta
   * @param {number} returned
   */
  add(text, meta, returned) {
    const sql = text.length > INSIGHT_SQL_CHARACTERS ? `${text.slice(0, INSIGHT_SQL_CHARACTERS)}…` : text;
    let cost = this.#statements.get(sql);
    if (!cost) {
      if (this.#statements.size >= MAX_INSIGHTS) return;
      cost = { count: 0, totalMs: 0, rowsRead: 0, rowsWritten: 0, rowsReturned: 0 };
      this.#statements.set(sql, cost);
      this.#characters += sql.length;
      this.#all.grow(this.#databaseId, this, sql.length);
    }
    cost.count++;
    cost.totalMs += meta.duration;
    cost.rowsRead += meta.rows_read;
    cost.rowsWritten += meta.rows_written;
    cost.rowsReturned += returned;
  }

  /** Costliest first. */
  list() {
    const queries = [...this.#statements].map(([sql, cost]) => ({ sql, ...cost }));
    return queries.sort((a, b) => b.totalMs - a.totalMs);
  }

  /** Forgets all; answers how many characters that were. */
  clear() {
    const characters = this.#characters;
    this.#statements.clear();
    this.#characters = 0;
    return characters;
  }
}
