// @ts-check
/** Writes a database as SQL text, in the order in which it can be read back. */
import { closeSync, fstatSync, fsyncSync, openSync, writeSync } from "node:fs";
import { Failure } from "./failure.js";

/** @typedef {import("node:sqlite").DatabaseSync} DatabaseSync */

const FLUSH_CHARACTERS = 256 * 1024;

/**
 * @param {DatabaseSync} connection
 * @param {string} path
 * @param {{ schema: boolean, data: boolean, tables: string[] }} options No tables: all.
 * @returns {number} Bytes written.
 */
export function dump(connection, path, options) {
  const fd = openSync(path, "w", 0o600);
  connection.exec("BEGIN");
  try {
    let text = "";
    for (const line of lines(connection, options)) {
      text += `${line}\n`;
      if (text.length < FLUSH_CHARACTERS) continue;
      writeSync(fd, text);
      text = "";
    }
    writeSync(fd, text);
    fsyncSync(fd);
    return fstatSync(fd).size;
  } finally {
    connection.exec("COMMIT");
    closeSync(fd);
  }
}

/**
 * @param {DatabaseSync} connection
 * @param {{ schema: boolean, data: boolean, tables: string[] }} options
 * @returns {Generator<string>}
 */
function* lines(connection, { schema, data, tables }) {
  yield "PRAGMA defer_foreign_keys=TRUE;";
  const only = new Set(tables);
  const wanted = (/** @type {string} */ name) => only.size === 0 || only.has(name);
  const objects = /** @type {{ type: string, name: string, table: string, sql: string }[]} */ (
    /** @type {unknown} */ (
      connection
        .prepare(
          "SELECT type, name, tbl_name AS 'table', sql FROM sqlite_schema WHERE sql NOT NULL " +
            "ORDER BY tbl_name = 'sqlite_sequence', rowid",
        )
        .all()
    )
  );
  const virtual = new Set(objects.filter(({ sql }) => /^\s*CREATE\s+VIRTUAL/i.test(sql)).map(({ name }) => name));
  const all = objects.filter(({ type }) => type === "table");
  for (const { name, sql } of all) {
    if (!wanted(name)) continue;
    if (name === "sqlite_sequence") {
      if (schema) yield "DELETE FROM sqlite_sequence;";
    } else if (name.startsWith("sqlite_stat")) {
      if (schema) yield "ANALYZE sqlite_schema;";
    } else if (virtual.has(name)) {
      throw new Failure(
        "refused",
        "D1 Export error: cannot export databases with Virtual Tables (fts5). Name the other tables, or drop it and make it again.",
      );
    } else if (name.startsWith("sqlite_") || name.startsWith("_cf_")) {
      continue;
    } else if (schema) yield `${sql};`;
    if (data) yield* rowsOf(connection, name);
  }
  if (!schema) return;
  for (const type of ["index", "trigger", "view"]) {
    for (const { sql, table } of objects.filter((one) => one.type === type)) if (wanted(table)) yield `${sql};`;
  }
}

/**
 * @param {DatabaseSync} connection
 * @param {string} table
 * @returns {Generator<string>}
 */
function* rowsOf(connection, table) {
  const columns = connection
    .prepare(`PRAGMA table_info(${identifier(table)})`)
    .all()
    .map(({ name }) => identifier(String(name)))
    .join(",");
  // SQLite's own words for a value keep every digit; text is ours, because line breaks must not end a statement's line.
  const statement = connection.prepare(`SELECT ${columns} FROM ${identifier(table)}`);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  for (const row of statement.iterate()) {
    const values = /** @type {any[]} */ (/** @type {unknown} */ (row)).map(literal).join(",");
    yield `INSERT INTO ${identifier(table)} (${columns}) VALUES(${values});`;
  }
}

/** @param {any} value */
function literal(value) {
  if (value === null) return "NULL";
  if (typeof value === "string") return quoted(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) return value > 0 ? "9e999" : "-9e999";
    // A real number must not come back as an integer.
    return Number.isInteger(value) && !String(value).includes("e") ? `${value}.0` : String(value);
  }
  return `X'${Buffer.from(value).toString("hex")}'`;
}

/** @param {string} text */
function quoted(text) {
  // What the forms below cannot hold.
  if (text.includes("\0") || (/[\n\r]/.test(text) && /\\[nr]/.test(text))) {
    return `CAST(X'${Buffer.from(text).toString("hex")}' AS TEXT)`;
  }
  const plain = `'${text.replaceAll("'", "''").replaceAll("\n", "\\n").replaceAll("\r", "\\r")}'`;
  const withReturns = text.includes("\r") ? `replace(${plain},'\\r',char(13))` : plain;
  return text.includes("\n") ? `replace(${withReturns},'\\n',char(10))` : withReturns;
}

/** @param {string} name */
function identifier(name) {
  return `"${name.replaceAll('"', '""')}"`;
}
