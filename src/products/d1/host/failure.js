// @ts-check
/** Failures that reach the caller, worded as the original words them: SQLite's message, then the name of its code. */

/** Names of SQLite's primary result codes. Source: sqlite.org/rescode.html. */
const NAMES = [
  ..."OK ERROR INTERNAL PERM ABORT BUSY LOCKED NOMEM READONLY INTERRUPT IOERR CORRUPT NOTFOUND FULL CANTOPEN".split(
    " ",
  ),
  ..."PROTOCOL EMPTY SCHEMA TOOBIG CONSTRAINT MISMATCH MISUSE NOLFS AUTH FORMAT RANGE NOTADB".split(" "),
];
/** The extended codes that an application can act on. */
const EXTENDED = new Map([
  [275, "CONSTRAINT_CHECK"],
  [787, "CONSTRAINT_FOREIGNKEY"],
  [1299, "CONSTRAINT_NOTNULL"],
  [1555, "CONSTRAINT_PRIMARYKEY"],
  [1811, "CONSTRAINT_TRIGGER"],
  [2067, "CONSTRAINT_UNIQUE"],
  [2579, "CONSTRAINT_ROWID"],
  [3091, "CONSTRAINT_DATATYPE"],
]);

/** `code` is one of `D1Failure` in `operations.ts`. */
export class Failure extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} [statement] Index of the statement that failed.
   */
  constructor(code, message, statement) {
    super(message);
    this.code = code;
    this.statement = statement;
  }
}

/**
 * @param {any} error What `node:sqlite` or the host threw.
 * @param {number} [statement]
 * @returns {Failure}
 */
export function failureOf(error, statement) {
  if (error instanceof Failure) {
    error.statement ??= statement;
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (typeof error?.errcode !== "number") return new Failure("sql", message, statement);
  const name = NAMES[error.errcode & 0xff] ?? "ERROR";
  const extended = EXTENDED.get(error.errcode);
  const code = name === "TOOBIG" || name === "FULL" ? "too-large" : "sql";
  return new Failure(code, `${message}: SQLITE_${name}${extended ? ` (extended: SQLITE_${extended})` : ""}`, statement);
}
