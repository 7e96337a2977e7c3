import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { killProcess, urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();

/** The client, in a directory without a configuration, as for `wrangler d1 create`. */
const d1 = (project: Project, ...args: string[]) => platform().wranglerOk(project.directory, ["d1", ...args]);

/** JSON that the client prints, perhaps after other lines. */
// biome-ignore lint/suspicious/noExplicitAny: looked into by the fields that people read.
const printed = (output: string): any => JSON.parse(output.slice(output.search(/^[[{]/m)));

/** A result for each statement; by the API, which is quicker than the client. */
const query = async (database: string, sql: string) => {
  const { uuid } = (await platform().api.get(`/d1/database/${database}?fields=uuid`)) as Row;
  // biome-ignore lint/suspicious/noExplicitAny: looked into by the fields that clients read.
  return (await platform().api.send("POST", `/d1/database/${uuid}/query`, { sql })) as any;
};

interface Row {
  uuid: string;
  name: string;
  [field: string]: unknown;
}

describe("an app with an ORM and migrations", () => {
  let app: Project;
  let address: string;
  beforeAll(() => {
    app = new Project("d1-app");
  });
  afterAll(() => app[Symbol.dispose]());

  const ask = async (step: string, headers: Record<string, string> = {}) => {
    const reply = await platform().fetch(new URL(`/${step}`, address).href, { headers });
    expect(reply.status, reply.body).toBe(200);
    // biome-ignore lint/suspicious/noExplicitAny: what the step of the fixture answers.
    return reply.json() as any;
  };

  test("a deploy makes the database that the configuration does not name", async () => {
    const output = await platform().wranglerOk(app.directory, ["deploy"]);
    address = urlPrintedBy(output);
    expect(output).toContain("d1-app-db");
    const rows = printed(await d1(app, "list", "--json")) as Row[];
    expect(rows.map(({ name }) => name)).toEqual(["d1-app-db"]);
    app.configure({ d1_databases: [{ binding: "DB", database_name: "d1-app-db", database_id: rows[0]?.uuid }] });
  });

  test("a second deploy inherits it", async () => {
    app.configure({ d1_databases: [{ binding: "DB" }] });
    await platform().wranglerOk(app.directory, ["deploy"]);
    const rows = printed(await d1(app, "list", "--json")) as Row[];
    expect(rows).toHaveLength(1);
    app.configure({ d1_databases: [{ binding: "DB", database_name: "d1-app-db", database_id: rows[0]?.uuid }] });
  });

  test("migrations: list, apply, none left", async () => {
    expect(await d1(app, "migrations", "list", "DB", "--remote")).toMatch(/0001_people\.sql[\s\S]*0002_notes\.sql/);
    expect(await d1(app, "migrations", "apply", "DB", "--remote")).toMatch(/0002_notes\.sql[^│]*│ ✅/);
    expect(await d1(app, "migrations", "list", "DB", "--remote")).toContain("No migrations to apply");
    expect(await ask("migrations")).toEqual([{ name: "0001_people.sql" }, { name: "0002_notes.sql" }]);
  });

  test("a migration that fails leaves nothing behind and says why", async () => {
    expect(await d1(app, "migrations", "create", "DB", "half of it")).toContain("0003_half_of_it.sql");
    app.write("migrations/0003_half_of_it.sql", "CREATE TABLE half (a);\nINSERT INTO missing VALUES (1);\n");
    const failed = await platform().wrangler(app.directory, ["d1", "migrations", "apply", "DB", "--remote"]);
    expect(failed.code).not.toBe(0);
    expect(failed.output).toContain("no such table: missing");
    expect(failed.output).toContain("[code: 7500]");
    const tables = await query("d1-app-db", "SELECT name FROM sqlite_master WHERE name = 'half'");
    expect(tables[0].results).toEqual([]);
    expect(await ask("migrations")).toHaveLength(2);
    app.write("migrations/0003_half_of_it.sql", "CREATE TABLE half (a);\n");
    await d1(app, "migrations", "apply", "DB", "--remote");
    expect(await ask("migrations")).toHaveLength(3);
  });

  test("the ORM: insert, join, trigger, update, cascade, introspection", async () => {
    expect(await ask("orm")).toEqual({
      joined: [
        { name: "Ada", body: "empty; so far" },
        { name: "Ada", body: "it's; here" },
      ],
      changes: ["note 1", "of; 1", "note 2", "of; 1"],
      updated: 1,
      orphans: { count: 0 },
      tables: expect.arrayContaining(["changes", "half", "notes", "people"]),
    });
  });

  test("all, first, raw", async () => {
    const [a, b] = [
      { name: "A", email: "a@x" },
      { name: "B", email: "b@x" },
    ];
    expect(await ask("read")).toEqual({
      all: [a, b],
      first: b,
      column: "b@x",
      none: null,
      raw: [
        ["name", "email"],
        ["A", "a@x"],
        ["B", "b@x"],
      ],
      noColumn: { message: expect.stringMatching(/^D1_COLUMN_NOTFOUND: /), cause: "Column not found" },
    });
  });

  test("a batch takes effect as a whole or not at all", async () => {
    const { seen, changes, failed, left } = await ask("batch");
    expect({ seen, changes, left }).toEqual({ seen: [{ n: 2 }], changes: [1, 1, 0], left: 2 });
    expect(failed.message).toMatch(/^D1_ERROR: UNIQUE constraint failed: people\.email: SQLITE_CONSTRAINT/);
  });

  test("exec runs lines and names the one that fails", async () => {
    const { count, duration, bad } = await ask("exec");
    expect({ count, duration }).toEqual({ count: 2, duration: "number" });
    expect(bad.message).toMatch(/^D1_EXEC_ERROR: Error in line \d: .*near "SELEKT": syntax error.*SQLITE_ERROR/);
    // Lines are one transaction.
    expect((await query("d1-app-db", "SELECT count(*) AS n FROM scratch"))[0].results).toEqual([{ n: 1 }]);
  });

  test("errors have the original's words", async () => {
    const errors = await ask("errors");
    const messages = Object.fromEntries(
      Object.entries(errors as Record<string, { message?: string }>).map(([name, { message }]) => [name, message]),
    );
    expect(messages).toMatchObject({
      table: "D1_ERROR: no such table: nope: SQLITE_ERROR",
      syntax: expect.stringMatching(/^D1_ERROR: near "SELEKT": syntax error.*: SQLITE_ERROR$/),
      unique: expect.stringMatching(/^D1_ERROR: UNIQUE constraint failed: people\.email: SQLITE_CONSTRAINT/),
      foreignKey: expect.stringMatching(/^D1_ERROR: FOREIGN KEY constraint failed: SQLITE_CONSTRAINT/),
      type: "D1_TYPE_ERROR: Type 'object' not supported for value '[object Object]'",
      undefined: "D1_TYPE_ERROR: Type 'undefined' not supported for value 'undefined'",
      attach: expect.stringMatching(/^D1_ERROR: .*SQLITE_AUTH$/),
      vacuum: expect.stringMatching(/^D1_ERROR: .*SQLITE_(AUTH|ERROR)$/),
      extension: expect.stringMatching(/^D1_ERROR: .*SQLITE_(AUTH|ERROR)$/),
    });
  });

  test("meta tells what a query did", async () => {
    const { insert, select, success } = await ask("meta");
    expect(success).toBe(true);
    expect(insert).toMatchObject({ changes: 1, changed_db: true, rows_written: 3, served_by_primary: true });
    expect(insert.last_row_id).toBeGreaterThan(0);
    expect(insert.size_after).toBeGreaterThan(4096);
    expect(insert.duration).toBeGreaterThan(0);
    expect(insert.timings.sql_duration_ms).toBeGreaterThan(0);
    expect(select).toMatchObject({ changes: 0, changed_db: false, rows_read: 1, rows_written: 0 });
  });

  test("blobs, booleans, null and real numbers keep their values", async () => {
    expect(await ask("blob")).toEqual({
      row: { picture: [0, 1, 254, 255], type: "blob", size: 4 },
      buffer: "0001FEFF",
      flags: { yes: 1, none: null, real: 1.5 },
    });
  });

  test("sessions have bookmarks, and go on from one", async () => {
    const first = await ask("session");
    expect(first).toMatchObject({ before: null, first: expect.any(String), count: 1, rows: 1 });
    const second = await ask("session", { "x-bookmark": first.after });
    expect(second).toMatchObject({ before: first.after, count: 2, rows: 2 });
    expect(second.after.localeCompare(first.after)).toBeGreaterThan(0);
  });

  test("dump is refused in words, as the client's obsolete call is", async () => {
    const { message, answered } = await ask("dump");
    expect(answered ?? message).toMatch(/^SQLite format 3|^D1_DUMP_ERROR/);
  });

  test("a database deleted under a Worker is named in its error", async () => {
    const { uuid } = printed(await d1(app, "info", "DB", "--json")) as Row;
    await d1(app, "delete", "DB", "--skip-confirmation");
    const reply = await platform().fetch(new URL("/count", address).href);
    expect(reply.status).toBe(500);
    expect(reply.body).toMatch(/D1_ERROR: .*does not exist/);
    expect(readdirSync(join(platform().dataDir, "d1", platform().api.account))).not.toContain(uuid);
    const deploy = await platform().wrangler(app.directory, ["deploy"]);
    expect(deploy.code, deploy.output).not.toBe(0);
    expect(deploy.output).toContain("You must use a real database in the database_id configuration");
  });
});

describe("wrangler d1", () => {
  let project: Project;
  let uuid: string;
  beforeAll(() => {
    project = new Project("d1-app");
    project.configure({ d1_databases: [] });
  });
  afterAll(() => project[Symbol.dispose]());

  test("create, and its refusals", async () => {
    expect(await d1(project, "create", "shop", "--location", "weur")).toContain("Successfully created DB 'shop'");
    const again = await platform().wrangler(project.directory, ["d1", "create", "shop"]);
    expect(again.code).not.toBe(0);
    expect(again.output).toContain("already exists");
    const bad = await platform().wrangler(project.directory, ["d1", "create", "not a name"]);
    expect(bad.output).toMatch(/cannot be the name[\s\S]*\[code: 7400\]/);
  });

  test("list pages through more than one page", async () => {
    for (let index = 0; index < 10; index++)
      await platform().api.send("POST", "/d1/database", { name: `page-${index}` });
    const rows = printed(await d1(project, "list", "--json")) as Row[];
    expect(rows).toHaveLength(11);
    uuid = rows.find(({ name }) => name === "shop")?.uuid ?? "";
    expect(rows[0]).toMatchObject({ name: "page-9", version: "production", created_at: expect.any(String) });
    for (const row of rows.filter(({ name }) => name !== "shop")) {
      await platform().api.send("DELETE", `/d1/database/${row.uuid}`);
    }
  });

  test("execute a command with several statements, in one transaction", async () => {
    const sql =
      "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t (b) VALUES ('x;'), ('y'); SELECT * FROM t";
    const answered = printed(await d1(project, "execute", "shop", "--remote", "--json", "--command", sql));
    expect(answered).toHaveLength(3);
    expect(answered[1].meta).toMatchObject({ changes: 2, last_row_id: 2 });
    expect(answered[2].results).toEqual([
      { a: 1, b: "x;" },
      { a: 2, b: "y" },
    ]);
    const failing = [
      "d1",
      "execute",
      "shop",
      "--remote",
      "--command",
      "INSERT INTO t (b) VALUES ('z'); SELECT * FROM x",
    ];
    const failed = await platform().wrangler(project.directory, failing);
    expect(failed.code).not.toBe(0);
    expect(failed.output).toMatch(/no such table: x: SQLITE_ERROR.*\[code: 7500\]/);
    expect((await query("shop", "SELECT count(*) AS n FROM t"))[0].results).toEqual([{ n: 2 }]);
  });

  test("info", async () => {
    const info = printed(await d1(project, "info", "shop", "--json")) as Row;
    expect(info).toMatchObject({ uuid, name: "shop", num_tables: 1, read_replication: { mode: "disabled" } });
    expect(info.database_size).toBeGreaterThan(4096);
    expect(info.rows_written_24h).toBeGreaterThan(0);
    expect(await d1(project, "info", "shop")).toContain(uuid);
  });

  test("execute a file: upload, import, poll", async () => {
    const rows = Array.from(
      { length: 20_000 },
      (_, index) => `INSERT INTO big VALUES (${index}, 'row; ${index} ''ü''');`,
    );
    project.write(
      "big.sql",
      `-- a comment; with a semicolon\nCREATE TABLE big (a INTEGER, b TEXT);\n${rows.join("\n")}\n`,
    );
    const output = await d1(project, "execute", "shop", "--remote", "--yes", "--file", "big.sql");
    expect(output).toMatch(/Executed 2000[01] queries/);
    expect(output).toContain("currently at bookmark");
    const [{ results }] = await query("shop", "SELECT count(*) AS n, max(b) AS last FROM big");
    expect(results).toEqual([{ n: 20_000, last: "row; 9999 'ü'" }]);
    expect(readdirSync(directory()).filter((name) => name.startsWith("import-"))).toEqual([]);
  });

  test("a file that fails changes nothing and says why", async () => {
    project.write("bad.sql", "CREATE TABLE bad (a);\nINSERT INTO bad VALUES (1);\nINSERT INTO nowhere VALUES (1);\n");
    const args = ["d1", "execute", "shop", "--remote", "--yes", "--file", "bad.sql"];
    const failed = await platform().wrangler(project.directory, args);
    expect(failed.code).not.toBe(0);
    expect(failed.output).toContain("no such table: nowhere");
    const [{ results }] = await query("shop", "SELECT name FROM sqlite_master WHERE name = 'bad'");
    expect(results).toEqual([]);
  });

  test("an export can be imported again, and is the same", async () => {
    project.write(
      "odd.sql",
      `CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB, "odd ""name" REAL);
CREATE TABLE child (id INTEGER REFERENCES parent (id));
CREATE INDEX child_id ON child (id);
CREATE VIEW both_tables AS SELECT * FROM parent JOIN child USING (id);
CREATE TRIGGER added AFTER INSERT ON child BEGIN
  INSERT INTO parent (blob) VALUES ('a;b');
END;
INSERT INTO parent (blob, "odd ""name") VALUES (x'00ff', 1.5), (NULL, 1e300), ('it''s
new', -0.1), ('\\n is no
line', 3.0), ('nul' || char(0) || 'nul', 1e-7), (9223372036854775807, 9e999), (randomblob(1000000), NULL);
INSERT INTO child VALUES (1), (3);
`,
    );
    await d1(project, "execute", "shop", "--remote", "--yes", "--file", "odd.sql");
    await d1(project, "export", "shop", "--remote", "--output", "dump.sql");
    const dump = project.read("dump.sql");
    expect(dump).toMatch(/^PRAGMA defer_foreign_keys=TRUE;\n/);
    await d1(project, "create", "copy");
    await d1(project, "execute", "copy", "--remote", "--yes", "--file", "dump.sql");
    await d1(project, "export", "copy", "--remote", "--output", "copy.sql");
    expect(project.read("copy.sql") === dump).toBe(true);
    const sql =
      'SELECT id, hex(substr(blob, 1, 20)) AS h, typeof(blob) AS t, length(blob) AS n, "odd ""name" AS r FROM parent';
    const rows = (await query("copy", sql))[0].results;
    expect(rows).toEqual((await query("shop", sql))[0].results);
    expect(rows.slice(0, 5)).toMatchObject([
      { id: 1, h: "00FF", t: "blob", r: 1.5 },
      { id: 2, t: "null", r: 1e300 },
      { id: 3, h: "697427730A6E6577", r: -0.1 },
      { id: 4, h: Buffer.from("\\n is no\nline").toString("hex").toUpperCase(), r: 3 },
      { id: 5, t: "text", r: 1e-7 },
    ]);
    expect(rows[6]).toMatchObject({ n: 1_000_000, t: "blob" });
  });

  test("export of one table, of the schema, of the data", async () => {
    const dump = async (...args: string[]) => {
      await d1(project, "export", "copy", "--remote", "--output", "part.sql", ...args);
      return project.read("part.sql");
    };
    const one = await dump("--table", "parent");
    expect(one).toContain('INSERT INTO "parent"');
    expect(one).not.toContain("CREATE TABLE child");
    expect(await dump("--no-data")).not.toContain('INSERT INTO "parent"');
    const data = await dump("--no-schema");
    expect(data).toContain('INSERT INTO "parent"');
    expect(data).not.toContain("CREATE TABLE");
  });

  const directory = () => join(platform().dataDir, "d1", platform().api.account, uuid);

  test("time travel: to a bookmark, to a time, and back", async () => {
    const timeTravel = (...args: string[]) => d1(project, "time-travel", ...args);
    const days = async () =>
      (await query("shop", "SELECT day FROM days"))[0].results.map(({ day }: { day: string }) => day);
    await query("shop", "CREATE TABLE days (day TEXT); INSERT INTO days VALUES ('monday')");
    const { bookmark: monday } = printed(await timeTravel("info", "shop", "--json"));
    const atMs = String(
      (await query("shop", "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now"))[0].results[0].now,
    );
    expect(await timeTravel("info", "shop", "--timestamp", atMs)).toContain("corresponds with bookmark");
    // The client speaks of seconds, so Tuesday must be in another one.
    await pause(1_000 - (Number(atMs) % 1_000));
    await query("shop", "INSERT INTO days VALUES ('tuesday')");
    expect(await days()).toEqual(["monday", "tuesday"]);

    const restored = printed(await timeTravel("restore", "shop", "--bookmark", monday, "--json"));
    expect(restored).toMatchObject({ bookmark: expect.any(String), previous_bookmark: expect.any(String) });
    expect(await days()).toEqual(["monday"]);
    await timeTravel("restore", "shop", "--bookmark", restored.previous_bookmark);
    expect(await days()).toEqual(["monday", "tuesday"]);
    await timeTravel("restore", "shop", "--timestamp", atMs);
    expect(await days()).toEqual(["monday"]);

    const args = ["d1", "time-travel", "restore", "shop", "--bookmark", "no-such-one", "--json"];
    const unknown = await platform().wrangler(project.directory, args);
    expect(unknown.code).not.toBe(0);
    expect(unknown.output).toMatch(/bookmark[\s\S]*\b7400\b/);
  });

  test("insights of one database and of all", async () => {
    for (let index = 0; index < 3; index++) await query("shop", "SELECT count(*) FROM big WHERE a % 7 = 3");
    const one = printed(await d1(project, "insights", "shop", "--sort-by", "count", "--limit", "50"));
    const found = one.find((row: { query: string }) => row.query.includes("a % 7 = 3"));
    expect(found).toMatchObject({ numberOfTimesRun: 3, totalRowsWritten: 0 });
    expect(found.avgRowsRead).toBeGreaterThanOrEqual(20_000);
    expect(found.totalDurationMs).toBeGreaterThan(0);
    expect(found.queryEfficiency).toBeGreaterThan(0);
    const all = printed(await d1(project, "insights", "--limit", "1000"));
    expect(new Set(all.map((row: { databaseId: string }) => row.databaseId)).size).toBeGreaterThan(1);
  });

  test("delete", async () => {
    expect(await d1(project, "delete", "copy", "--skip-confirmation")).toContain("Deleted 'copy'");
    const gone = await platform().wrangler(project.directory, ["d1", "info", "copy"]);
    expect(gone.output).toContain("Couldn't find a D1 DB");
  });
});

describe("the API without wrangler", () => {
  test("query and raw with parameters, as the SDK sends them", async () => {
    const { uuid } = (await platform().api.send("POST", "/d1/database", { name: "rest" })) as Row;
    const path = `/d1/database/${uuid}`;
    await platform().api.send("POST", `${path}/query`, { sql: "CREATE TABLE t (a, b)" });
    await platform().api.send("POST", `${path}/query`, {
      batch: [
        { sql: "INSERT INTO t VALUES (?, ?)", params: [1, "one"] },
        { sql: "INSERT INTO t VALUES (?, ?)", params: [2, null] },
      ],
    });
    const raw = await platform().api.send("POST", `${path}/raw`, { sql: "SELECT * FROM t WHERE a > ?", params: [1] });
    expect(raw).toMatchObject([{ results: { columns: ["a", "b"], rows: [[2, null]] }, success: true }]);
    const half = await platform().api.call("POST", `${path}/query`, {
      body: { batch: [{ sql: "INSERT INTO t VALUES (3, 3)" }, { sql: "INSERT INTO x VALUES (1)" }] },
    });
    expect([half.status, half.envelope.errors[0]?.code]).toEqual([400, 7500]);
    const count = await platform().api.send("POST", `${path}/query`, { sql: "SELECT count(*) AS n FROM t" });
    expect(count).toMatchObject([{ results: [{ n: 2 }] }]);
  });

  test("an upload that ends early is never run", async () => {
    const { uuid } = (await platform().api.send("POST", "/d1/database", { name: "cut" })) as Row;
    const path = `/d1/database/${uuid}/import`;
    const text = "CREATE TABLE t (a);\n".padEnd(1_000_000, "-");
    const etag = createHash("md5").update(text).digest("hex");
    const { upload_url, filename } = (await platform().api.send("POST", path, { action: "init", etag })) as {
      upload_url: string;
      filename: string;
    };
    const upload = platform().open(upload_url, { method: "PUT", headers: { "content-length": "1000000" } });
    await new Promise((resolve) => upload.write(text.slice(0, 500_000), resolve));
    const closed = new Promise((resolve) => upload.once("error", resolve));
    upload.destroy(new Error("cut"));
    await closed;
    const early = await platform().api.call("POST", path, { body: { action: "ingest", filename, etag } });
    expect(early.envelope.errors[0]?.code).toBe(7400);
    // The same address takes the whole file afterwards.
    const whole = await platform().fetch(upload_url, {
      method: "PUT",
      headers: { "content-length": "1000000" },
      body: text,
    });
    expect([whole.status, whole.headers.etag]).toEqual([200, `"${etag}"`]);
    const done = await platform().api.send("POST", path, { action: "ingest", filename, etag });
    expect(done).toMatchObject({ status: "complete", result: { num_queries: 1 } });
  });

  test("an import whose services are killed takes effect as a whole or not at all, and can be repeated", async () => {
    const { uuid } = (await platform().api.send("POST", "/d1/database", { name: "killed" })) as Row;
    const path = `/d1/database/${uuid}/import`;
    const rows = Array.from({ length: 150_000 }, (_, index) => `INSERT INTO t VALUES (${index}, 'row ${index}');`);
    const text = `DROP TABLE IF EXISTS t;\nCREATE TABLE t (a, b);\n${rows.join("\n")}`;
    const etag = createHash("md5").update(text).digest("hex");
    const begin = async () => {
      const { upload_url, filename } = (await platform().api.send("POST", path, { action: "init", etag })) as {
        upload_url: string;
        filename: string;
      };
      const headers = { "content-length": String(Buffer.byteLength(text)) };
      await platform().fetch(upload_url, { method: "PUT", headers, body: text });
      return platform().api.send("POST", path, { action: "ingest", filename, etag });
    };
    const ended = async (job: unknown): Promise<unknown> => {
      const { status } = job as { status: string };
      return status === "active" ? ended(await platform().api.send("POST", path, { action: "poll" })) : status;
    };
    const count = async () => {
      const body = { sql: "SELECT count(*) AS n FROM t" };
      const { envelope } = await platform().api.call("POST", `/d1/database/${uuid}/query`, { body });
      const [{ results }] = (envelope.result ?? [{ results: [{ n: envelope.errors[0]?.message }] }]) as [
        { results: { n: unknown }[] },
      ];
      return results[0]?.n;
    };
    const job = await begin();
    for (const process of platform().role("services")) killProcess(process, "SIGKILL");
    expect(["error", "complete"]).toContain(await ended(job));
    await expect
      .poll(count, { timeout: 30_000 })
      .toSatisfy((n) => ["no such table: t: SQLITE_ERROR", 150_000].includes(n));
    expect(await ended(await begin())).toBe("complete");
    expect(await count()).toBe(150_000);
    expect(readdirSync(join(platform().dataDir, "d1", platform().api.account, uuid)).join()).not.toContain("import-");
  });
});
