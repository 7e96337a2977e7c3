// @ts-check
/** The operations of `operations.ts`, on an open database. */
import { closeSync, openSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { StringDecoder } from "node:string_decoder";
import { dump } from "./dump.js";
import { Failure, failureOf } from "./failure.js";
import { IMPORT_CHUNK_BYTES, IMPORTED_SQL_BYTES, SHOWN_SQL_CHARACTERS, sqliteLimits } from "./limits.js";
import { nextStatement, statementsOf } from "./statements.js";
import { bookmarkOf, positionOf } from "./wal.js";
import { checked } from "./wire.js";

/** @typedef {import("./database.js").Database} Database */

/** @type {Record<string, (database: Database, request: any) => unknown>} */
export const operations = {
  batch: (database, { statements }) => {
    const results = database.batch(statements.map(checked));
    return { results, bookmark: database.bookmark };
  },

  script(database, { sql, params }) {
    const pieces = statementsOf(String(sql));
    if (pieces.length === 0) throw new Failure("sql", "No SQL statements detected.");
    if (pieces.length > 1 && params?.length > 0) {
      throw new Failure("sql", "Parameters can be given to a single statement only.");
    }
    const results = database.batch(pieces.map((piece) => checked({ sql: piece.sql, params: params ?? [] })));
    return { results, bookmark: database.bookmark };
  },

  info(database) {
    database.use(Date.now());
    const row = database.connection
      .prepare(
        "SELECT count(*) AS tables FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'",
      )
      .get();
    return { fileBytes: database.bytes, tables: Number(row?.tables ?? 0) };
  },

  bookmark(database, { atMs }) {
    database.use(Date.now());
    const position = atMs === undefined ? undefined : database.history.at(Number(atMs));
    return { bookmark: position ? bookmarkOf(position) : database.bookmark };
  },

  async restore(database, { bookmark }) {
    database.use(Date.now());
    const position = positionOf(String(bookmark));
    if (!position) throw malformedBookmark();
    const previousBookmark = database.bookmark;
    // What is restored is read from the archive, and the present is kept there.
    if (!database.rotate()) throw new Failure("unavailable", "the database is busy; try again");
    const path = join(database.directory, "restore.tmp");
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    try {
      for (const _ of database.history.materialize(position, path));
      await replaceContent(database, path);
    } finally {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    }
    return { bookmark: database.bookmark, previousBookmark };
  },

  import(database, { file }) {
    let queries = 0;
    /** @type {any} */
    let meta;
    const startedAt = performance.now();
    let read = 0;
    let written = 0;
    let changes = 0;
    const before = database.position;
    database.use(Date.now());
    const { limits } = database.connection;
    limits.sqlLength = IMPORTED_SQL_BYTES;
    try {
      database.transaction(() => {
        for (const sql of readStatements(join(database.directory, fileName(file)))) {
          try {
            ({ meta } = database.runOnce(sql, queries));
          } catch (error) {
            throw named(failureOf(error), sql, queries);
          }
          queries++;
          read += meta.rows_read;
          written += meta.rows_written;
          changes += meta.changes;
        }
        if (queries === 0) throw new Failure("sql", "No SQL statements detected.");
      });
    } finally {
      limits.sqlLength = sqliteLimits.sqlLength;
    }
    database.wrote(before);
    const duration = performance.now() - startedAt;
    const total = { duration, timings: { sql_duration_ms: duration }, rows_read: read, rows_written: written, changes };
    return {
      queries,
      meta: { ...meta, ...total, changed_db: written > 0, size_after: database.bytes },
      bookmark: database.bookmark,
    };
  },

  export(database, { file, schema, data, tables }) {
    database.use(Date.now());
    const bytes = dump(database.connection, join(database.directory, fileName(file)), { schema, data, tables });
    return { bytes, bookmark: database.bookmark };
  },

  insights(database) {
    return { queries: database.costs.list() };
  },
};

/**
 * Puts the content of another file in place of the database's, as one transaction of SQLite's: the change is in the WAL
 * like any other, so a crash leaves the old or the new, other connections notice, and it can be undone.
 * @param {Database} database
 * @param {string} path
 */
async function replaceContent(database, path) {
  const restored = new DatabaseSync(path);
  try {
    const [row] = restored.prepare("PRAGMA quick_check(1)").all();
    if (row?.quick_check !== "ok") throw new Failure("unavailable", `the archive is damaged: ${row?.quick_check}`);
    const { connection } = database;
    // The connection that `backup` makes would checkpoint at its end; a reader keeps the WAL for the archive.
    connection.exec("BEGIN");
    try {
      connection.prepare("SELECT count(*) FROM sqlite_schema").get();
      await backup(restored, database.path, { rate: 0x7fffffff });
    } finally {
      connection.exec("COMMIT");
    }
    const before = database.position;
    database.wrote(before);
  } finally {
    restored.close();
  }
}

function malformedBookmark() {
  return new Failure(
    "bad-bookmark",
    "the bookmark is malformed: give one that `wrangler d1 time-travel info` or a restore has printed, or a timestamp",
  );
}

/**
 * The failure of a file's statement, which says which one it is.
 * @param {Failure} failure
 * @param {string} sql
 * @param {number} index
 */
function named({ code, message }, sql, index) {
  const line = sql.replace(/\s+/g, " ");
  const shown = line.length > SHOWN_SQL_CHARACTERS ? `${line.slice(0, SHOWN_SQL_CHARACTERS)}…` : line;
  return new Failure(code, `${message} (statement ${index + 1} of the file: ${shown})`, index);
}

/** @param {unknown} name */
function fileName(name) {
  if (typeof name !== "string" || !/^[\w-][\w.-]{0,200}$/.test(name) || /^(db\.sqlite|lock|history)/.test(name)) {
    throw new Failure("refused", "the file name is not allowed");
  }
  return name;
}

/**
 * The statements of a file, a part of it at a time.
 * @param {string} path
 * @returns {Generator<string>}
 */
function* readStatements(path) {
  let fd;
  try {
    fd = openSync(path, "r");
  } catch {
    throw new Failure("not-found", "the file to import is not there");
  }
  try {
    const decoder = new StringDecoder("utf8");
    const bytes = Buffer.allocUnsafe(IMPORT_CHUNK_BYTES);
    let text = "";
    for (;;) {
      const count = readSync(fd, bytes, 0, bytes.length, null);
      text += count === 0 ? decoder.end() : decoder.write(bytes.subarray(0, count));
      let at = 0;
      for (let piece = nextStatement(text, at, count > 0); piece; piece = nextStatement(text, at, count > 0)) {
        yield piece.sql;
        at = piece.next;
      }
      text = text.slice(at);
      if (count === 0) return;
    }
  } finally {
    closeSync(fd);
  }
}
