// @ts-check
/**
 * Looks into one object's database and ends: a process of its own, so that a query that does not end, or data that nobody
 * foresaw, harms nobody else. It is started with Node's permissions for reading only; `inspect-object.ts` starts it.
 */
import { constants, DatabaseSync } from "node:sqlite";
import { inspect } from "node:util";
import { deserialize } from "node:v8";

/**
 * @typedef {{ path: string, maxRows: number, maxBytes: number, maxValueBytes: number } & (
 *   | { kind: "query", sql: string, params: (string | number | null)[] }
 *   | { kind: "keys", prefix: string, after: string }
 * )} InspectRequest
 */

/** Reading, and nothing that leads out of this file. */
const ALLOWED = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE,
]);

/** The limit of files that this process was started with is reached: what is sorted is put into temporary ones. */
const SQLITE_IOERR_WRITE = 778;
const TOO_LARGE = "The query has too much to sort or to keep meanwhile. Ask for less, or add an index.";

/** What an object's own SQL cannot do either, and what reads files. */
const REFUSED_FUNCTIONS = new Set(["load_extension", "readfile", "writefile", "fts3_tokenizer"]);

const text = await new Response(/** @type {any} */ (process.stdin)).text();
process.stdout.write(JSON.stringify(run(JSON.parse(text))));

/** @param {InspectRequest} request */
function run(request) {
  try {
    const database = open(request);
    return request.kind === "query" ? query(database, request) : keys(database, request);
  } catch (error) {
    const { errcode, message = String(error) } = /** @type {{ errcode?: number, message?: string }} */ (error);
    return { error: errcode === SQLITE_IOERR_WRITE ? TOO_LARGE : message };
  }
}

/** @param {InspectRequest} request */
function open({ path, maxBytes }) {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 1000, allowExtension: false });
  database.enableDefensive(true);
  database.limits.length = maxBytes;
  // A schema that somebody made hostile may not run functions of ours with effects.
  database.exec("pragma trusted_schema = off; pragma query_only = on;");
  database.setAuthorizer((action, _first, second) => {
    const allowed =
      ALLOWED.has(action) && !(action === constants.SQLITE_FUNCTION && REFUSED_FUNCTIONS.has(String(second)));
    return allowed ? constants.SQLITE_OK : constants.SQLITE_DENY;
  });
  return database;
}

/**
 * @param {DatabaseSync} database
 * @param {Extract<InspectRequest, { kind: "query" }>} request
 */
function query(database, { sql, params, maxRows, maxBytes, maxValueBytes }) {
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  const columns = statement.columns().map(({ name }) => name);
  const rows = [];
  let bytes = 0;
  for (const row of statement.iterate(...params)) {
    const shown = /** @type {unknown[]} */ (/** @type {unknown} */ (row)).map((value) => cell(value, maxValueBytes));
    bytes += JSON.stringify(shown).length;
    if (rows.length === maxRows || bytes > maxBytes) return { columns, rows, truncated: true };
    rows.push(shown);
  }
  return { columns, rows, truncated: false };
}

/**
 * @param {unknown} value
 * @param {number} maxBytes
 */
function cell(value, maxBytes) {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : { integer: value.toString() };
  }
  if (value instanceof Uint8Array) {
    return { blob: Buffer.from(value.subarray(0, maxBytes)).toString("base64"), bytes: value.length };
  }
  if (typeof value === "string" && value.length > maxBytes)
    return { text: value.slice(0, maxBytes), bytes: value.length };
  return value;
}

/**
 * What `storage.put()` stored, in the order of keys.
 * @param {DatabaseSync} database
 * @param {Extract<InspectRequest, { kind: "keys" }>} request
 */
function keys(database, { prefix, after, maxRows, maxBytes, maxValueBytes }) {
  const table = database.prepare("select 1 from sqlite_schema where type = 'table' and name = '_cf_KV'").get();
  if (!table) return { keys: [] };
  const statement = database.prepare(
    "select key, value from _cf_KV where key > ? and key >= ? and substr(key, 1, length(?)) = ? order by key limit ?",
  );
  const found = [];
  let bytes = 0;
  let last = "";
  for (const row of statement.iterate(after, prefix, prefix, prefix, maxRows + 1)) {
    const key = String(row.key);
    const shown = { key, ...describe(/** @type {Uint8Array} */ (row.value), maxValueBytes) };
    bytes += JSON.stringify(shown).length;
    if (found.length === maxRows || bytes > maxBytes) return { keys: found, cursor: last };
    found.push(shown);
    last = key;
  }
  return { keys: found };
}

/**
 * @param {Uint8Array} stored In the runtime's serialization, which is V8's.
 * @param {number} maxBytes
 */
function describe(stored, maxBytes) {
  const bytes = stored.length;
  try {
    const value = deserialize(stored);
    const shown = inspect(value, { depth: 8, maxArrayLength: 200, maxStringLength: maxBytes, breakLength: 120 });
    return { bytes, text: shown.slice(0, maxBytes), ...plainJson(value, maxBytes) };
  } catch {
    return { bytes, base64: Buffer.from(stored.subarray(0, maxBytes)).toString("base64") };
  }
}

/**
 * The value itself, when JSON says all of it.
 * @param {unknown} value
 * @param {number} maxBytes
 */
function plainJson(value, maxBytes) {
  if (!isPlain(value, 0)) return {};
  return JSON.stringify(value).length > maxBytes ? {} : { value };
}

/**
 * @param {unknown} value
 * @param {number} depth
 * @returns {boolean}
 */
function isPlain(value, depth) {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || depth > 20) return false;
  if (Array.isArray(value)) return value.every((item) => isPlain(item, depth + 1));
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  return Object.values(value).every((item) => isPlain(item, depth + 1));
}
