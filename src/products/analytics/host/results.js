// @ts-check
/** Results in the original's formats, whose types are those of ClickHouse. */
import { DuckDBTypeId } from "@duckdb/node-api";
import { MAX_RESULT_BYTES, MAX_ROWS } from "../../segments/host/limits.ts";
import { InvalidQuery } from "./sql/invalid-query.js";

/** @typedef {import("./sql/parser.js").Format} Format */
/** @typedef {{ name: string, type: string }} Column */
/** A column's type, and how a value of it is written: as JSON, and plainly. @typedef {{ type: string, json(value: any): string, plain(value: any): string }} Writer */

/** @type {Writer} */
const text = { type: "String", json: JSON.stringify, plain: escapeTabs };
/** JSON has no infinity. @param {string} type @returns {Writer} */
const floating = (type) => ({
  type,
  json: (value) => (Number.isFinite(value) ? String(value) : "null"),
  plain: String,
});
/** @param {string} type @returns {Writer} */
const small = (type) => ({ type, json: String, plain: String });
/** In quotes, since not every reader has so large numbers. @param {string} type @returns {Writer} */
const large = (type) => ({ type, json: (value) => `"${value}"`, plain: String });
/** @param {string} type @param {(value: any) => string} write @returns {Writer} */
const written = (type, write) => ({ type, json: (value) => `"${write(value)}"`, plain: write });

/** @type {Map<number, Writer>} */
const writers = new Map([
  [DuckDBTypeId.VARCHAR, text],
  [DuckDBTypeId.DOUBLE, floating("Float64")],
  [DuckDBTypeId.FLOAT, floating("Float32")],
  [
    DuckDBTypeId.DECIMAL,
    { type: "Float64", json: (value) => String(value.toDouble()), plain: (value) => String(value.toDouble()) },
  ],
  [DuckDBTypeId.UTINYINT, small("UInt8")],
  [DuckDBTypeId.USMALLINT, small("UInt16")],
  [DuckDBTypeId.UINTEGER, small("UInt32")],
  [DuckDBTypeId.UBIGINT, large("UInt64")],
  [DuckDBTypeId.TINYINT, small("Int8")],
  [DuckDBTypeId.SMALLINT, small("Int16")],
  [DuckDBTypeId.INTEGER, small("Int32")],
  [DuckDBTypeId.BIGINT, large("Int64")],
  // What sums of whole numbers have here; those of the original are unsigned.
  [DuckDBTypeId.HUGEINT, large("UInt64")],
  [
    DuckDBTypeId.BOOLEAN,
    { type: "UInt8", json: (value) => (value ? "1" : "0"), plain: (value) => (value ? "1" : "0") },
  ],
  [DuckDBTypeId.TIMESTAMP, written("DateTime", (value) => timeText(value.micros / 1_000_000n))],
  [DuckDBTypeId.DATE, written("Date", (value) => timeText(BigInt(value.days) * 86_400n).slice(0, 10))],
  [DuckDBTypeId.INTERVAL, written("String", String)],
  [DuckDBTypeId.SQLNULL, { type: "Nullable(Nothing)", json: () => "null", plain: () => "\\N" }],
]);

/** @param {import("@duckdb/node-api").DuckDBType} type @returns {Writer} */
function writerOf(type) {
  if (type.typeId === DuckDBTypeId.LIST) {
    const inner = writerOf(/** @type {import("@duckdb/node-api").DuckDBListType} */ (type).valueType);
    const json = (/** @type {{ items: unknown[] }} */ { items }) => `[${items.map(inner.json).join(",")}]`;
    return { type: `Array(${inner.type})`, json, plain: json };
  }
  const found = writers.get(type.typeId);
  if (!found) throw new InvalidQuery(`a result of type ${type} cannot be shown.`);
  return found;
}

/** Seconds since 1970 as `YYYY-MM-DD hh:mm:ss`. @param {bigint} seconds */
export function timeText(seconds) {
  return new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace("T", " ");
}

/** @param {string} value */
function escapeTabs(value) {
  /** @type {Record<string, string>} */
  const escapes = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
  return value.replace(/[\\\t\n\r]/g, (sign) => escapes[sign] ?? sign);
}

/**
 * The result as text. Throws {@link InvalidQuery} when it is too large.
 * @param {import("@duckdb/node-api").DuckDBResult} result
 * @param {Format} format
 * @param {string[]} names
 */
export async function resultText(result, format, names) {
  const columns = names.map((name, index) => ({ name, writer: writerOf(result.columnType(index)) }));
  const output = new Output(
    format,
    columns.map(({ name, writer }) => ({ name, type: writer.type })),
  );
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) break;
    const values = columns.map((_, index) => chunk.getColumnValues(index));
    for (let row = 0; row < chunk.rowCount; row++) {
      output.add(
        columns.map(({ writer }, index) => {
          const value = values[index]?.[row];
          if (value === null || value === undefined) return format === "TabSeparated" ? "\\N" : "null";
          return format === "TabSeparated" ? writer.plain(value) : writer.json(value);
        }),
      );
    }
  }
  return output.end();
}

/** Rows of texts as a whole result. @param {Format} format @param {string[]} names @param {string[][]} rows */
export function textResult(format, names, rows) {
  const output = new Output(
    format,
    names.map((name) => ({ name, type: "String" })),
  );
  for (const row of rows) output.add(row.map(format === "TabSeparated" ? text.plain : text.json));
  return output.end();
}

class Output {
  #format;
  #columns;
  #keys;
  /** @type {string[]} */
  #rows = [];
  #bytes = 0;

  /** @param {Format} format @param {Column[]} columns */
  constructor(format, columns) {
    this.#format = format;
    this.#columns = columns;
    this.#keys = columns.map(({ name }) => `${JSON.stringify(name)}:`);
  }

  /** @param {string[]} cells */
  add(cells) {
    const row =
      this.#format === "TabSeparated"
        ? cells.join("\t")
        : `{${cells.map((cell, index) => this.#keys[index] + cell).join(",")}}`;
    this.#bytes += row.length;
    if (this.#rows.push(row) > MAX_ROWS || this.#bytes > MAX_RESULT_BYTES) {
      throw new InvalidQuery(
        `the result is too large: it may have ${MAX_ROWS} rows and ${MAX_RESULT_BYTES / 1024 / 1024} MiB. Add a LIMIT, or group the rows.`,
      );
    }
  }

  end() {
    if (this.#format !== "JSON") return this.#rows.map((row) => `${row}\n`).join("");
    return `{"meta":${JSON.stringify(this.#columns)},"data":[${this.#rows.join(",")}],"rows":${this.#rows.length}}`;
  }
}
