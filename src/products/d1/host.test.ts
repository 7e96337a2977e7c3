/** The SQLite host as a process: what it refuses, what it keeps, and that nothing acknowledged is lost. */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { startTestHost, type TestHost } from "./testing-host.ts";

// Plain JavaScript, which has no types here.
const { Database } = await import(join(import.meta.dirname, "host/database.js"));
const { Insights } = await import(join(import.meta.dirname, "host/insights.js"));

let host: TestHost;
let id: string;

beforeAll(async () => {
  host = await startTestHost();
});

beforeEach(() => {
  id = host.create();
});

afterAll(() => host.close());

const run = (sql: string, ...params: (string | number | null | number[])[]) => host.run(id, sql, ...params);
const file = (...names: string[]) => join(host.directory, id, ...names);

describe("what SQL may not do", () => {
  test.each([
    ["ATTACH 'other.db' AS other", "not authorized: ATTACH (a query reaches one database;"],
    ["ATTACH '' AS other", "not authorized: ATTACH"],
    ["DETACH main", "not authorized: DETACH"],
    ["VACUUM", "not authorized: VACUUM"],
    ["VACUUM INTO 'copy.db'", "not authorized: VACUUM"],
    ["BEGIN", "instead of the SQL BEGIN TRANSACTION or SAVEPOINT"],
    ["COMMIT", "instead of the SQL BEGIN TRANSACTION or SAVEPOINT"],
    ["SAVEPOINT s", "instead of the SQL BEGIN TRANSACTION or SAVEPOINT"],
    ["SELECT load_extension('x')", "not authorized to use function: load_extension"],
    ["SELECT fts3_tokenizer('simple')", "fts3_tokenizer"],
    ["PRAGMA journal_mode = DELETE", "not authorized: PRAGMA journal_mode"],
    ["PRAGMA wal_checkpoint", "not authorized: PRAGMA wal_checkpoint"],
    ["PRAGMA writable_schema = 1", "not authorized: PRAGMA writable_schema"],
    ["PRAGMA synchronous = OFF", "not authorized: PRAGMA synchronous"],
    ["PRAGMA page_size = 512", "not authorized: PRAGMA page_size"],
    ["PRAGMA temp_store_directory = '/'", "not authorized: PRAGMA temp_store_directory"],
    ["CREATE TEMP TABLE t (a)", "not authorized: temporary"],
    ["CREATE VIRTUAL TABLE t USING dbstat", "not authorized: virtual table module dbstat"],
    ["CREATE TABLE _cf_KV (a)", "not authorized: names that begin with _cf_ are reserved"],
    ["ALTER TABLE plain RENAME TO _cf_y", "names that begin with _cf_ are reserved (choose another name): SQLITE_AUTH"],
    ["alter table plain rename/* to _x */TO -- _x\n[_CF_y]", "names that begin with _cf_ are reserved"],
    ["UPDATE sqlite_schema SET sql = ''", "may not be modified"],
    ["SELECT * FROM pragma_journal_mode", "not authorized: PRAGMA journal_mode"],
  ])("%s", async (sql, message) => {
    await run("CREATE TABLE plain (a)");
    await expect(run(sql)).rejects.toThrow(message);
    expect((await run("SELECT name FROM sqlite_schema")).rows).toEqual([["plain"]]);
  });

  test("a name with _cf_ elsewhere is a name like others", async () => {
    await run("CREATE TABLE t (a)");
    await run("ALTER TABLE t RENAME TO t_cf_");
    await run("ALTER TABLE t_cf_ RENAME COLUMN a TO _cf_a");
    expect((await run("SELECT _cf_a FROM t_cf_")).columns).toEqual(["_cf_a"]);
  });

  test("a refused statement in a batch undoes the others", async () => {
    await run("CREATE TABLE t (a)");
    const statements = [{ sql: "INSERT INTO t VALUES (1)" }, { sql: "PRAGMA journal_mode=OFF" }];
    await expect(host.call(id, "batch", { statements })).rejects.toMatchObject({ code: "refused" });
    expect((await run("SELECT count(*) FROM t")).rows).toEqual([[0]]);
  });

  test("settings end with the request that changed them", async () => {
    await run("CREATE TABLE a (id INTEGER PRIMARY KEY)");
    await run("CREATE TABLE b (a REFERENCES a (id))");
    await run("PRAGMA foreign_keys = 0");
    await expect(run("INSERT INTO b VALUES (1)")).rejects.toThrow(
      "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)",
    );
    const failing = ["PRAGMA ignore_check_constraints = 1", "SELECT * FROM nowhere"];
    await expect(host.call(id, "batch", { statements: failing.map((sql) => ({ sql })) })).rejects.toThrow(
      "no such table",
    );
    expect((await run("PRAGMA ignore_check_constraints")).rows).toEqual([[0]]);
    const deferred = ["PRAGMA defer_foreign_keys = 1", "INSERT INTO b VALUES (1)", "INSERT INTO a VALUES (1)"];
    await host.call(id, "batch", { statements: deferred.map((sql) => ({ sql })) });
    expect((await run("SELECT count(*) FROM b")).rows).toEqual([[1]]);
  });
});

describe("limits of SQLite", () => {
  test.each([
    ["101 columns", `SELECT ${"1,".repeat(100)}1`, "too many columns"],
    ["101 parameters", `SELECT ${"?,".repeat(100)}?`, "too many SQL variables"],
    ["6 compound terms", `SELECT 1${" UNION ALL SELECT 1".repeat(5)}`, "too many terms in compound SELECT"],
    ["a statement above 100 KB", `SELECT '${"x".repeat(100_000)}'`, "too big"],
    ["a value above 2 MB", "SELECT length(zeroblob(2000001))", "too big"],
    ["a LIKE pattern above 50 bytes", `SELECT 'a' LIKE '${"x".repeat(51)}'`, "LIKE or GLOB pattern too complex"],
  ])("%s is refused", async (_name, sql, message) => {
    await expect(run(sql)).rejects.toThrow(message);
  });

  test("a database does not grow beyond its size", async () => {
    const small = await startTestHost({ maxBytes: 1_000_000 });
    try {
      const database = small.create();
      await small.run(database, "CREATE TABLE t (a)");
      await small.run(database, "INSERT INTO t VALUES (zeroblob(500000))");
      await expect(small.run(database, "INSERT INTO t VALUES (zeroblob(500000))")).rejects.toMatchObject({
        code: "too-large",
        message: "database or disk is full: SQLITE_FULL",
      });
      expect((await small.run(database, "SELECT count(*) FROM t")).rows).toEqual([[1]]);
    } finally {
      await small.close();
    }
  });
});

describe("values", () => {
  test("cross the wire as they are", async () => {
    const { rows, columns } = await run("SELECT NULL AS n, 1.5 AS f, 'text' AS t, x'00ff' AS b, ? AS p", [1, 2, 3]);
    expect(columns).toEqual(["n", "f", "t", "b", "p"]);
    expect(rows).toEqual([[null, 1.5, "text", [0, 255], [1, 2, 3]]]);
  });

  test("integers that no number can hold lose digits, like in the original", async () => {
    expect((await run("SELECT 9007199254740993 AS big, 1 AS small")).rows).toEqual([[9007199254740992, 1]]);
    await run("CREATE TABLE t (a INTEGER)");
    expect((await run("INSERT INTO t VALUES (9223372036854775807) RETURNING a")).rows).toEqual([[2 ** 63]]);
    expect((await run("SELECT count(*) FROM t")).rows).toEqual([[1]]);
  });

  test("their number must be that of the parameters", async () => {
    await expect(run("SELECT ?", 1, 2)).rejects.toThrow("it takes 1 and was given 2");
    await expect(run("SELECT ?1, ?3", 1)).rejects.toThrow("it takes 3 and was given 1");
    await expect(
      run('SELECT \'?\', "a?", [b?], -- ?\n ? /* ? */ FROM (SELECT 1 AS "a?", 2 AS [b?])', 7),
    ).resolves.toMatchObject({
      rows: [["?", 1, 2, 7]],
    });
  });
});

test("full text search works, also from triggers", async () => {
  const sql = `CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE VIRTUAL TABLE f USING fts5(v, content=t, content_rowid=id);
    CREATE TRIGGER ti AFTER INSERT ON t BEGIN INSERT INTO f (rowid, v) VALUES (new.id, new.v); END;
    INSERT INTO t (v) VALUES ('hello world'), ('good bye'); SELECT rowid FROM f WHERE f MATCH 'world'`;
  expect((await host.call(id, "script", { sql })).results.at(-1)?.rows).toEqual([[1]]);
  await expect(run("UPDATE f_data SET block = ''")).rejects.toThrow("may not be modified");
});

test("the columns of a kept statement follow the table", async () => {
  await run("CREATE TABLE t (a)");
  await run("INSERT INTO t VALUES (1)");
  expect((await run("SELECT * FROM t")).columns).toEqual(["a"]);
  await run("ALTER TABLE t ADD COLUMN b");
  expect(await run("SELECT * FROM t")).toMatchObject({ columns: ["a", "b"], rows: [[1, null]] });
});

test("meta tells changes, ids, size and rows", async () => {
  await run("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)");
  await run("CREATE INDEX ta ON t (a)");
  const insert = await run("INSERT INTO t (a, b) VALUES (1, 2), (3, 4)");
  expect(insert.meta).toMatchObject({
    changes: 2,
    last_row_id: 2,
    changed_db: true,
    rows_written: 4,
    size_after: 3 * 4096,
  });
  expect((await run("SELECT * FROM t WHERE b > 0")).meta).toMatchObject({
    changes: 0,
    rows_read: 2,
    changed_db: false,
  });
  expect((await run("SELECT * FROM t WHERE b = 4")).meta).toMatchObject({ rows_read: 2 });
  expect((await run("SELECT * FROM t WHERE id = 1")).meta).toMatchObject({ rows_read: 1 });
  expect((await run("UPDATE t SET b = 0 WHERE id = 9")).meta).toMatchObject({ changes: 0, changed_db: false });
});

test("SQL text is split as SQLite does", async () => {
  const sql = `CREATE TABLE t (a TEXT); -- a comment; with a semicolon
    /* another; */ CREATE TABLE log (a);;
    CREATE TRIGGER tr AFTER INSERT ON t BEGIN
      INSERT INTO log SELECT CASE WHEN new.a = ';' THEN 'semi' ELSE new.a END;
      UPDATE t SET a = a || 'END;' WHERE rowid = new.rowid;
    END;
    INSERT INTO t VALUES (';'), ('it''s; "x"');
    SELECT count(*) FROM log`;
  const { results } = await host.call(id, "script", { sql });
  expect(results).toHaveLength(5);
  expect(results.at(-1)?.rows).toEqual([[2]]);
  expect((await run("SELECT a FROM log")).rows).toEqual([["semi"], ['it\'s; "x"']]);
});

test("a script fails whole", async () => {
  await expect(
    host.call(id, "script", { sql: "CREATE TABLE t (a); INSERT INTO nowhere VALUES (1)" }),
  ).rejects.toMatchObject({
    code: "sql",
    message: "no such table: nowhere: SQLITE_ERROR",
  });
  await expect(run("SELECT * FROM t")).rejects.toThrow("no such table: t");
});

test("a removed database is gone, and is not made again", async () => {
  await run("CREATE TABLE t (a)");
  await host.call(id, "close", {});
  rmSync(file(), { recursive: true });
  await expect(run("SELECT 1")).rejects.toMatchObject({ code: "not-found" });
  expect(existsSync(file())).toBe(false);
});

test("an export can be imported", async () => {
  const sql = `CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v, r REAL);
    CREATE VIEW w AS SELECT v FROM t; CREATE INDEX tv ON t (v);
    INSERT INTO t (v, r) VALUES ('line\nbreak; ''quote''', 2.0), (x'00ff', 0.1), (NULL, 1e300), (9223372036854775807, 5);`;
  await host.call(id, "script", { sql });
  const { bytes } = await host.call(id, "export", { file: "dump.sql", schema: true, data: true, tables: [] });
  expect(bytes).toBe(readFileSync(file("dump.sql")).length);
  const copy = host.create();
  writeFileSync(join(host.directory, copy, "dump.sql"), readFileSync(file("dump.sql")));
  const { queries, meta } = await host.call(copy, "import", { file: "dump.sql" });
  expect(queries).toBeGreaterThan(6);
  expect(meta.changed_db).toBe(true);
  const all = "SELECT id, quote(v), quote(r) FROM t";
  expect((await host.run(copy, all)).rows).toEqual((await run(all)).rows);
  expect((await host.run(copy, "SELECT count(*) FROM w")).rows).toEqual([[4]]);
  await expect(host.call(id, "import", { file: "../dump.sql" })).rejects.toMatchObject({ code: "refused" });
});

test("a failed import changes nothing", async () => {
  writeFileSync(
    file("bad.sql"),
    `CREATE TABLE t (a);\n${"INSERT INTO t VALUES (1);\n".repeat(1000)}INSERT INTO nowhere VALUES (1);`,
  );
  await expect(host.call(id, "import", { file: "bad.sql" })).rejects.toThrow(
    "no such table: nowhere: SQLITE_ERROR (statement 1002 of the file: INSERT INTO nowhere VALUES (1))",
  );
  await expect(run("SELECT * FROM t")).rejects.toThrow("no such table: t");
});

test("no acknowledged write is lost when the host is killed", async () => {
  await run("CREATE TABLE t (n INTEGER PRIMARY KEY)");
  let acknowledged = 0;
  for (let round = 0; round < 10; round++) {
    const victim = host;
    const next = acknowledged;
    // At any moment, in every other round of those after the first write.
    let timer: NodeJS.Timeout | undefined;
    const killSoon = () => {
      timer ??= setTimeout(() => void victim.kill(), 5 + round * 7);
    };
    if (round % 2 === 0) killSoon();
    const writers = Array.from({ length: 400 }, async (_, index) => {
      await victim.run(id, "INSERT INTO t VALUES (?)", next + index);
      acknowledged = Math.max(acknowledged, next + index + 1);
      killSoon();
    });
    await Promise.allSettled(writers);
    clearTimeout(timer);
    await victim.kill();
    host = await startTestHost({ directory: host.directory });
    const { rows } = await run("SELECT count(*), max(n) + 1 FROM t");
    const [count, following] = rows[0] as [number, number];
    expect(count).toBe(following ?? 0);
    expect(count).toBeGreaterThanOrEqual(acknowledged);
    acknowledged = count;
  }
  expect(acknowledged).toBeGreaterThan(0);
  expect((await run("PRAGMA integrity_check")).rows).toEqual([["ok"]]);
});

test("a database that moved away to be deleted is closed without a word", async () => {
  const directory = file();
  const database = new Database(directory, { retentionMs: 1000, maxBytes: 1_000_000 }, new Insights().of(id));
  database.batch([{ sql: "CREATE TABLE t (a)" }]);
  renameSync(directory, `${directory}-deleted`);
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  database.close();
  expect(said).not.toHaveBeenCalled();
  said.mockRestore();
});

test("costs of statements: long texts are cut, and those of a closed database are kept until it is deleted", async () => {
  const long = `SELECT '${"x".repeat(50_000)}'`;
  await run(long);
  await run("SELECT 1");
  await run("SELECT 1");
  const { queries } = await host.call(id, "insights", {});
  expect(queries.find(({ sql }) => sql === "SELECT 1")).toMatchObject({ count: 2, rowsReturned: 2 });
  expect(queries.map(({ sql }) => sql.length).toSorted((a, b) => a - b)).toEqual([8, 2001]);
  // More than the host has open at a time.
  for (let count = 0; count < 100; count++) await host.run(host.create(), "SELECT 2");
  expect((await host.call(id, "insights", {})).queries).toHaveLength(2);
  await host.call(id, "close", {});
  expect((await host.call(id, "insights", {})).queries).toEqual([]);
});

test("costs of all databases together are bounded", () => {
  const insights = new Insights();
  const meta = { duration: 1, rows_read: 0, rows_written: 0 };
  const add = (database: number) => {
    for (let index = 0; index < 1000; index++) {
      insights.of(`db-${database}`).add(`${index} ${"x".repeat(3000)}`, meta, 0);
    }
  };
  for (let database = 0; database < 10; database++) add(database);
  const counts = Array.from({ length: 10 }, (_, database) => insights.of(`db-${database}`).list().length);
  expect(counts).toEqual([0, 0, 0, 0, 0, 0, 0, 500, 500, 500]);
});

test("a closed database is whole in its file", async () => {
  await run("CREATE TABLE t (a)");
  await run("INSERT INTO t VALUES (1)");
  await host.call(id, "close", {});
  const copy = new DatabaseSync(file("db.sqlite"), { readOnly: true });
  expect(copy.prepare("SELECT a FROM t").all()).toMatchObject([{ a: 1 }]);
  copy.close();
  expect(readdirSync(file("history"))).toContain("00000001.wal");
});
