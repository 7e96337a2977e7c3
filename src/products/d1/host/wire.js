// @ts-check
/** D1 as workerd's binding speaks it (`workerd-bindings.md` 4.3): a body of one statement or an array of them. */
import { Failure } from "./failure.js";

/** @typedef {import("./database.js").Database} Database */

/** Flags of a request. */
export const AS_OBJECTS = 1;

/**
 * Answers a body with the text that the binding expects.
 * @param {Database} database
 * @param {Buffer} body
 * @param {number} flags
 */
export function answer(database, body, flags) {
  const request = parse(body);
  const statements = Array.isArray(request) ? request : [request];
  if (statements.length === 0) throw new Failure("sql", "No SQL statements detected.");
  const results = database.batch(statements.map(checked)).map(({ columns, rows, meta }) => ({
    success: true,
    meta,
    results: flags & AS_OBJECTS ? rows.map((row) => objectOf(columns, row)) : { columns, rows },
  }));
  return JSON.stringify(Array.isArray(request) ? results : results[0]);
}

/** @param {Buffer} body */
function parse(body) {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new Failure("sql", "The request is not JSON.");
  }
}

/** @param {any} statement */
export function checked(statement) {
  const { sql, params } = statement ?? {};
  if (typeof sql !== "string") throw new Failure("sql", "A statement has no SQL text.");
  if (params !== undefined && params !== null && !Array.isArray(params)) {
    throw new Failure("sql", "The parameters of a statement are not an array.");
  }
  for (const value of params ?? []) {
    const type = typeof value;
    if (value !== null && type !== "number" && type !== "string" && !Array.isArray(value)) {
      throw new Failure(
        "sql",
        `A parameter has the type ${type}; it must be null, a number, a string or a list of bytes.`,
      );
    }
  }
  return { sql, params: params ?? [] };
}

/**
 * @param {string[]} columns
 * @param {any[]} row
 */
function objectOf(columns, row) {
  return Object.fromEntries(columns.map((column, index) => [column, row[index]]));
}
