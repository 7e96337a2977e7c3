// @ts-check
/** What SQL of a tenant may do: an authorizer that SQLite asks for every action while it prepares a statement. */
import { constants as sqlite } from "node:sqlite";

/** PRAGMAs of the documented list (`workers-semantics.md` 8.1): those that tell, and those that concern only the request. */
const READING_PRAGMAS = new Set([
  ..."table_list table_info table_xinfo index_list index_info index_xinfo foreign_key_list foreign_key_check".split(
    " ",
  ),
  ..."quick_check integrity_check function_list collation_list compile_options data_version".split(" "),
  ..."page_count freelist_count optimize".split(" "),
]);
/** Only without a value: it would change the file. */
const READ_ONLY_PRAGMAS = new Set(["page_size", "schema_version", "encoding", "max_page_count"]);
const SETTING_PRAGMAS = new Set([
  ..."case_sensitive_like foreign_keys defer_foreign_keys ignore_check_constraints".split(" "),
  ..."legacy_alter_table recursive_triggers reverse_unordered_selects".split(" "),
]);
/** What the settings are outside of a request that changes them; `defer_foreign_keys` ends with its transaction. */
export const DEFAULT_SETTINGS =
  "PRAGMA foreign_keys=1; PRAGMA case_sensitive_like=0; PRAGMA ignore_check_constraints=0; PRAGMA legacy_alter_table=0; " +
  "PRAGMA recursive_triggers=0; PRAGMA reverse_unordered_selects=0";

const VIRTUAL_TABLES = new Set(["fts5", "fts5vocab", "rtree", "rtree_i32"]);
const REFUSED_FUNCTIONS = new Set(["load_extension", "fts3_tokenizer", "sqlite_log", "readfile", "writefile", "edit"]);

const TRANSACTION =
  "To execute a transaction, please use the batch() API instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements: " +
  "all statements of a batch take effect or none.";

const RESERVED = "not authorized: names that begin with _cf_ are reserved";
/** With whatever may stand between the words. */
const GAP = String.raw`(?:\s|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)`;
const RENAMES_TO_RESERVED = new RegExp(String.raw`\bRENAME${GAP}+TO${GAP}*["'\x60\[]?_cf_`, "i");

/** What to do instead, by the beginning of the refusal. */
const REMEDIES = [
  ["not authorized: ATTACH", "a query reaches one database; bind the other as well, and ask each by itself"],
  ["not authorized: DETACH", "a query reaches one database, which stays attached"],
  ["not authorized: VACUUM", "free pages are used again; for a smaller file, import an export into a new database"],
  ["not authorized: temporary", "use a table, or WITH"],
  ["not authorized: names", "choose another name"],
  ["not authorized: virtual", "fts5, fts5vocab, rtree and rtree_i32 are allowed"],
  ["not authorized: PRAGMA", "leave it out, also from dumps: the platform sets what the file needs"],
];

/** A refusal as the caller sees it; like the original's, it ends with the code. @param {string} refusal */
function worded(refusal) {
  const remedy = REMEDIES.find(([beginning]) => refusal.startsWith(/** @type {string} */ (beginning)))?.[1];
  return `${refusal}${remedy ? ` (${remedy})` : ""}: SQLITE_AUTH`;
}

const WRITING = new Set([
  ...[sqlite.SQLITE_INSERT, sqlite.SQLITE_UPDATE, sqlite.SQLITE_DELETE, sqlite.SQLITE_ALTER_TABLE],
  ...[sqlite.SQLITE_REINDEX, sqlite.SQLITE_ANALYZE, sqlite.SQLITE_CREATE_VTABLE, sqlite.SQLITE_DROP_VTABLE],
  ...[sqlite.SQLITE_CREATE_TABLE, sqlite.SQLITE_CREATE_INDEX, sqlite.SQLITE_CREATE_TRIGGER, sqlite.SQLITE_CREATE_VIEW],
  ...[sqlite.SQLITE_DROP_TABLE, sqlite.SQLITE_DROP_INDEX, sqlite.SQLITE_DROP_TRIGGER, sqlite.SQLITE_DROP_VIEW],
]);
const SCHEMA = new Set([...WRITING].slice(3));
const TEMPORARY = new Set([
  ...[sqlite.SQLITE_CREATE_TEMP_TABLE, sqlite.SQLITE_CREATE_TEMP_INDEX],
  ...[sqlite.SQLITE_CREATE_TEMP_TRIGGER, sqlite.SQLITE_CREATE_TEMP_VIEW],
]);

/**
 * Watches one connection's statements: from `begin` to `end` while a tenant's is prepared, from `watch` to `end` while it
 * runs. SQLite asks at both times: VACUUM attaches a file only when it runs, and table-valued PRAGMAs are prepared then.
 */
export class Rules {
  #running = false;
  #altersTable = false;
  /** False while the host runs statements of its own. */
  #asked = false;
  reason = "";
  writes = false;
  changesSchema = false;
  changesSettings = false;
  /** Tables that rows are put into, deleted from or changed in. @type {Set<string>} */
  tables = new Set();

  begin() {
    this.#asked = true;
    this.#running = false;
    this.reason = "";
    this.writes = this.changesSchema = this.changesSettings = this.#altersTable = false;
    this.tables = new Set();
  }

  watch() {
    this.#asked = this.#running = true;
    this.reason = "";
  }

  end() {
    this.#asked = false;
  }

  /**
   * What the authorizer is not told of the statement just prepared: the new name in `ALTER TABLE … RENAME TO`.
   * @param {string} sql
   */
  refusalOfText(sql) {
    return this.#altersTable && RENAMES_TO_RESERVED.test(sql) ? worded(RESERVED) : undefined;
  }

  /**
   * The callback of `setAuthorizer`.
   * @param {number} action
   * @param {string | null} first
   * @param {string | null} second
   */
  authorize = (action, first, second) => {
    if (!this.#asked) return sqlite.SQLITE_OK;
    const refusal = this.#refusal(action, first ?? "", second);
    if (refusal !== undefined) {
      this.reason = refusal === TRANSACTION ? refusal : worded(refusal);
      return sqlite.SQLITE_DENY;
    }
    if (action === sqlite.SQLITE_ALTER_TABLE) this.#altersTable = true;
    if (WRITING.has(action)) {
      this.writes = true;
      if (SCHEMA.has(action)) this.changesSchema = true;
      else if (first !== null && !first.startsWith("sqlite_")) this.tables.add(first);
    }
    return sqlite.SQLITE_OK;
  };

  /**
   * @param {number} action
   * @param {string} first
   * @param {string | null} second
   * @returns {string | undefined}
   */
  #refusal(action, first, second) {
    switch (action) {
      case sqlite.SQLITE_SELECT:
      case sqlite.SQLITE_RECURSIVE:
        return undefined;
      case sqlite.SQLITE_TRANSACTION:
      case sqlite.SQLITE_SAVEPOINT:
        return TRANSACTION;
      case sqlite.SQLITE_ATTACH:
        return this.#running ? "not authorized: VACUUM" : "not authorized: ATTACH";
      case sqlite.SQLITE_DETACH:
        return "not authorized: DETACH";
      case sqlite.SQLITE_FUNCTION:
        return REFUSED_FUNCTIONS.has((second ?? "").toLowerCase())
          ? `not authorized to use function: ${second}`
          : undefined;
      case sqlite.SQLITE_PRAGMA:
        return this.#pragmaRefusal(first.toLowerCase(), second);
      case sqlite.SQLITE_CREATE_VTABLE:
        if (!VIRTUAL_TABLES.has((second ?? "").toLowerCase())) return `not authorized: virtual table module ${second}`;
    }
    if (TEMPORARY.has(action)) return "not authorized: temporary tables, indexes, triggers and views";
    return /^_cf_/i.test(first) ? RESERVED : undefined;
  }

  /**
   * @param {string} name
   * @param {string | null} value
   */
  #pragmaRefusal(name, value) {
    if (READING_PRAGMAS.has(name) || (READ_ONLY_PRAGMAS.has(name) && value === null)) {
      if (name === "optimize") this.writes = true;
      return undefined;
    }
    if (!SETTING_PRAGMAS.has(name)) return `not authorized: PRAGMA ${name}`;
    if (value !== null) this.changesSettings = true;
    return undefined;
  }
}
