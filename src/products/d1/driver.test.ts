/** What every driver of D1 must do, whatever it is made of. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { D1Meta, D1Value } from "./operations.ts";
import { type Answer, type Driver, drivers } from "./testing-drivers.ts";

describe.each(drivers)("$name", ({ start }) => {
  let driver: Driver;
  let ask: ReturnType<Driver["database"]>;

  beforeAll(async () => {
    driver = await start();
  });
  beforeEach(() => {
    ask = driver.database();
  });
  afterAll(() => driver.close());

  async function run(
    sql: string,
    ...params: D1Value[]
  ): Promise<{ columns: string[]; rows: D1Value[][]; meta: D1Meta }> {
    const answer = (await ask({ sql, params })) as Answer;
    if (!answer.success) throw new Error(answer.error);
    const { columns, rows } = answer.results as { columns: string[]; rows: D1Value[][] };
    return { columns, rows, meta: answer.meta };
  }

  test("values go in and come out", async () => {
    await run("CREATE TABLE t (id INTEGER PRIMARY KEY, i INTEGER, r REAL, s TEXT, b BLOB, x)");
    await run("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", 1, 42, 1.5, "ü'\n", [0, 127, 255], null);
    const { columns, rows } = await run("SELECT *, typeof(i), typeof(b) FROM t");
    expect(columns.slice(0, 6)).toEqual(["id", "i", "r", "s", "b", "x"]);
    expect(rows).toEqual([[1, 42, 1.5, "ü'\n", [0, 127, 255], null, "integer", "blob"]]);
  });

  test.each([
    ["?", [7], 7],
    ["?1 || ?1", ["a"], "aa"],
    ["?2 || ?1", ["a", "b"], "ba"],
    // Every number is bound as a double.
    ["typeof(?)", [1], "real"],
    ["typeof(?)", ["1"], "text"],
    ["9007199254740993", [], 9007199254740992],
    ["1e300", [], 1e300],
    ["true", [], 1],
    ["json_extract('{\"a\":[1,2]}', '$.a[1]')", [], 2],
    ["group_concat(value) FROM json_each('[1,2]')", [], "1,2"],
    ["strftime('%Y', 0, 'unixepoch')", [], "1970"],
    ["unhex('00ff')", [], [0, 255]],
  ] as [string, D1Value[], D1Value][])("SELECT %s of %j is %j", async (expression, params, value) => {
    expect((await run(`SELECT ${expression}`, ...params)).rows).toEqual([[value]]);
  });

  test("rows as objects", async () => {
    expect(await ask({ sql: "SELECT 1 AS a, 'x' AS b" }, { objects: true })).toMatchObject({
      results: [{ a: 1, b: "x" }],
    });
  });

  test("a list is one transaction", async () => {
    await run("CREATE TABLE t (n UNIQUE)");
    const insert = (n: number) => ({ sql: "INSERT INTO t VALUES (?)", params: [n] });
    expect(await ask([insert(1), { sql: "SELECT count(*) FROM t" }])).toMatchObject([
      { success: true, meta: { changes: 1 } },
      { success: true, results: { rows: [[1]] } },
    ]);
    const failed = (await ask([insert(2), insert(1)])) as Answer;
    expect(failed).toMatchObject({ success: false });
    expect((await run("SELECT count(*) FROM t")).rows).toEqual([[1]]);
  });

  test.each([
    ["an unknown table", "SELECT * FROM nowhere", "no such table: nowhere"],
    ["a syntax error", "SELEC 1", 'near "SELEC": syntax error'],
    ["an unknown column", "SELECT nothing_there FROM sqlite_schema", "no such column: nothing_there"],
    ["no statement", "-- only a comment", "No SQL statements detected."],
    ["a transaction", "BEGIN", "instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements"],
    ["a savepoint", "SAVEPOINT s", "instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements"],
    ["another file", "ATTACH 'x' AS y", ""],
    ["a copy", "VACUUM INTO 'x'", ""],
    ["a setting of the file", "PRAGMA journal_mode = DELETE", "not authorized"],
    ["a reserved name", "CREATE TABLE _cf_x (a)", "not authorized"],
    ["a missing parameter", "SELECT ?", "Wrong number of parameter bindings"],
    ["an extension", "SELECT load_extension('x')", "not authorized"],
  ])("%s is refused", async (_name, sql, message) => {
    await expect(run(sql)).rejects.toThrow(message);
  });

  test("violated constraints", async () => {
    await run("CREATE TABLE p (id INTEGER PRIMARY KEY, u UNIQUE, n NOT NULL DEFAULT 1, c CHECK (c > 0))");
    await run("CREATE TABLE c (p REFERENCES p (id))");
    await run("INSERT INTO p (id, u) VALUES (1, 1)");
    await expect(run("INSERT INTO p (id) VALUES (1)")).rejects.toThrow(
      "UNIQUE constraint failed: p.id: SQLITE_CONSTRAINT",
    );
    await expect(run("INSERT INTO p (u) VALUES (1)")).rejects.toThrow(
      "UNIQUE constraint failed: p.u: SQLITE_CONSTRAINT",
    );
    await expect(run("INSERT INTO p (n) VALUES (NULL)")).rejects.toThrow(
      "NOT NULL constraint failed: p.n: SQLITE_CONSTRAINT",
    );
    await expect(run("INSERT INTO p (c) VALUES (0)")).rejects.toThrow(
      "CHECK constraint failed: c > 0: SQLITE_CONSTRAINT",
    );
    await expect(run("INSERT INTO c VALUES (9)")).rejects.toThrow("FOREIGN KEY constraint failed: SQLITE_CONSTRAINT");
  });

  test("changes, ids and whether the database changed", async () => {
    const made = await run("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v)");
    expect(made.meta).toMatchObject({ changes: 0, changed_db: true });
    expect((await run("INSERT INTO t (v) VALUES (1), (2), (3)")).meta).toMatchObject({
      changes: 3,
      last_row_id: 3,
      changed_db: true,
    });
    expect((await run("SELECT * FROM t")).meta).toMatchObject({
      changes: 0,
      changed_db: false,
      rows_read: 3,
      rows_written: 0,
    });
    expect((await run("UPDATE t SET v = 9 WHERE id > 1")).meta).toMatchObject({ changes: 2, changed_db: true });
    expect((await run("DELETE FROM t WHERE id = 77")).meta).toMatchObject({ changes: 0, changed_db: false });
    const returning = await run("INSERT INTO t (v) VALUES ('r') RETURNING id, v");
    expect(returning).toMatchObject({ rows: [[4, "r"]], meta: { changes: 1, last_row_id: 4 } });
  });

  test("a trailing semicolon and comments around a statement do no harm", async () => {
    expect((await run("-- before\nSELECT 1; -- after\n;")).rows).toEqual([[1]]);
  });

  test("triggers, views, common table expressions and full text search", async () => {
    await run("CREATE TABLE t (v)");
    await run("CREATE VIRTUAL TABLE f USING fts5 (v)");
    await run("CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO f VALUES (new.v); END;");
    await run("CREATE VIEW w AS SELECT upper(v) AS v FROM t");
    await run("INSERT INTO t VALUES ('hello world')");
    expect((await run("SELECT v FROM f WHERE f MATCH 'world'")).rows).toEqual([["hello world"]]);
    expect((await run("WITH x AS (SELECT v FROM w) SELECT * FROM x")).rows).toEqual([["HELLO WORLD"]]);
  });

  test("the schema can be read and changed", async () => {
    await run("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x')");
    expect((await run("PRAGMA table_info(t)")).rows).toMatchObject([{}, {}]);
    await run("ALTER TABLE t RENAME COLUMN b TO c");
    await run("ALTER TABLE t ADD COLUMN d");
    expect((await run("SELECT * FROM t")).columns).toEqual(["a", "c", "d"]);
    await run("DROP TABLE t");
    expect((await run("SELECT name FROM sqlite_schema WHERE name = 't'")).rows).toEqual([]);
  });
});
