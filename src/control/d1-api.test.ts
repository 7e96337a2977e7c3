import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { paths } from "../domain/paths.ts";
import { errorsLike } from "../lib/testing-console.ts";
import { spoil } from "../lib/testing-spoil.ts";
import { sweepDatabases } from "../products/d1/store.ts";
import { type FakeDatabases, fakeDatabases } from "../products/d1/testing.ts";
import { DatabaseError } from "../store/platform.ts";
import { allRoutes } from "./routes.ts";
import { type TestControl, testControl } from "./testing.ts";

let control: TestControl;
let databases: FakeDatabases;
let list: string;

beforeEach(async () => {
  control = await testControl(allRoutes);
  databases = fakeDatabases(control.platform);
  control.platform.databases = databases;
  list = `/accounts/${control.accountId}/d1/database`;
});
afterEach(() => control.end());

// biome-ignore lint/suspicious/noExplicitAny: results are looked into by the fields that clients read.
const result = (answer: { json: { result: never } }): any => answer.json.result;
const post = (path: string, body?: unknown) => control.call("POST", path, { body });
const get = (path: string) => control.call("GET", path);
const create = async (name: string): Promise<string> => result(await post(list, { name })).uuid;
const directory = (id: string) => paths(control.platform.config).databaseOf(control.accountId, id);
const md5 = (text: string) => createHash("md5").update(text).digest("hex");

test("a database is made, found by name and by id, changed and deleted", async () => {
  const made = await post(list, { name: "shop", primary_location_hint: "weur" });
  expect(made.status).toBe(200);
  const { uuid } = result(made);
  expect(result(made)).toMatchObject({ name: "shop", version: "production", file_size: 0, num_tables: 0 });
  expect(existsSync(directory(uuid))).toBe(true);

  expect(result(await get(`${list}/shop?fields=uuid,name`))).toEqual({ uuid, name: "shop" });
  expect(databases.calls).toEqual([]);
  expect(result(await get(`${list}/${uuid}`))).toMatchObject({
    uuid,
    file_size: 4096,
    num_tables: 1,
    read_replication: { mode: "disabled" },
  });
  const changed = await control.call("PUT", `${list}/${uuid}`, { body: { read_replication: { mode: "auto" } } });
  expect(result(changed)).toMatchObject({ uuid, read_replication: { mode: "auto" } });
  expect(result(await get(`${list}/${uuid}`)).read_replication).toEqual({ mode: "auto" });

  expect((await control.call("DELETE", `${list}/${uuid}`)).status).toBe(200);
  expect(databases.calls.at(-1)?.operation).toBe("close");
  expect(readdirSync(paths(control.platform.config).databases(control.accountId))).toEqual([]);
  const gone = await get(`${list}/${uuid}`);
  expect([gone.status, gone.json.errors[0]?.code]).toEqual([404, 7404]);
});

test("a database is shown although its host does not answer", async () => {
  const id = await create("shop");
  databases.failure = new DatabaseError("unavailable", "the platform is restarting");
  const answer = await get(`${list}/${id}`);
  expect(answer.status).toBe(200);
  expect(result(answer)).not.toHaveProperty("file_size");
  const query = await post(`${list}/${id}/query`, { sql: "SELECT 1" });
  expect([query.status, query.json.errors[0]?.message]).toEqual([503, "the platform is restarting"]);
});

test.each([
  ["", 7400],
  ["has space", 7400],
  ["../up", 7400],
  ["-x", 7400],
  ["a".repeat(129), 7400],
  ["123e4567-e89b-42d3-a456-426614174000", 7400],
  ["taken", 7502],
])("the name %j is refused with %i", async (name, code) => {
  await create("taken");
  const { status, json } = await post(list, { name });
  expect([status, json.errors[0]?.code]).toEqual([400, code]);
  expect(readdirSync(paths(control.platform.config).databases(control.accountId))).toHaveLength(1);
});

test("names that come at the same time make one database", async () => {
  const answers = await Promise.all([1, 2, 3, 4].map(() => post(list, { name: "race" })));
  expect(answers.map(({ json }) => json.errors[0]?.code ?? 0).toSorted()).toEqual([0, 7502, 7502, 7502]);
  expect(readdirSync(paths(control.platform.config).databases(control.accountId))).toHaveLength(1);
});

test("an account that has 50,000 databases makes no more", async () => {
  await sql`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
    INSERT INTO d1_databases (id, account_id, name, created_on, settings_json)
    SELECT 'id-' || i, ${control.accountId}, 'db-' || i, '2026-01-01', '{}' FROM n`.execute(control.platform.db);
  const { status, json } = await post(list, { name: "one-more" });
  expect([status, json.errors[0]?.code]).toEqual([400, 7406]);
});

test("the list has pages, and a filter by a part of the name", async () => {
  for (let index = 0; index < 12; index++) await create(`db_${index}`);
  const first = await get(`${list}?per_page=10&page=1`);
  expect(result(first)).toHaveLength(10);
  expect(first.json.result_info).toMatchObject({ total_count: 12, total_pages: 2 });
  expect(result(await get(`${list}?per_page=10&page=2`))).toHaveLength(2);
  expect(result(await get(`${list}?per_page=10&page=3`))).toEqual([]);
  const names = result(await get(`${list}?name=B_1`)).map(({ name }: { name: string }) => name);
  expect(names.toSorted()).toEqual(["db_1", "db_10", "db_11"]);
  expect(result(await get(`${list}?name=%25`))).toEqual([]);
});

test("query answers rows as objects, raw as arrays, a result for each statement", async () => {
  const id = await create("shop");
  const text = "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'); SELECT * FROM t";
  const answered = result(await post(`${list}/${id}/query`, { sql: text }));
  expect(answered).toHaveLength(3);
  expect(answered[2]).toMatchObject({ success: true, results: [{ a: 1, b: "x" }], meta: { served_by: "test" } });

  const raw = result(await post(`${list}/${id}/raw`, { sql: "SELECT a, b, ? AS c FROM t", params: [true] }));
  expect(raw).toMatchObject([{ results: { columns: ["a", "b", "c"], rows: [[1, "x", 1]] }, success: true }]);

  const insert = { sql: "INSERT INTO t VALUES (?, ?)", params: [2, null] };
  for (const body of [{ batch: [insert, { sql: "SELECT 1" }] }, [insert, { sql: "SELECT 1" }]]) {
    expect(result(await post(`${list}/${id}/query`, body))).toHaveLength(2);
  }
  expect(result(await post(`${list}/${id}/query`, { sql: "SELECT count(*) AS n FROM t" }))[0].results).toEqual([
    { n: 3 },
  ]);
});

test("the audit trail has what changes databases as a whole, and neither queries nor polling", async () => {
  const id = await create("shop");
  await post(`${list}/${id}/query`, { sql: "SELECT 1" });
  const { result: started } = result(await post(`${list}/${id}/export`, { output_format: "polling" }));
  expect(started.signed_url).toBeTruthy();
  await post(`${list}/${id}/export`, { output_format: "polling", current_bookmark: "b-1" });
  await post("/graphql", { query: "{}" });
  await post(`${list}/${id}/time_travel/restore?bookmark=b-1`);
  const events = await control.platform.db.selectFrom("audit_events").select("action").orderBy("id").execute();
  expect(events.map(({ action }) => action)).toEqual([
    "POST /accounts/:account/d1/database",
    "d1.export",
    "POST /accounts/:account/d1/database/:database/time_travel/restore",
  ]);
});

test("addresses of transfers are at the origin that the caller used", async () => {
  const id = await create("shop");
  const headers = { "x-forwarded-proto": "https" };
  const body = { action: "init", etag: md5("x") };
  const { upload_url } = result(await control.call("POST", `${list}/${id}/import`, { headers, body }));
  expect(new URL(upload_url).origin).toBe("https://localhost:8787");
});

test("SQL that fails is 7500 with SQLite's words", async () => {
  const id = await create("shop");
  const { status, json } = await post(`${list}/${id}/query`, { sql: "SELECT * FROM x" });
  expect(status).toBe(400);
  expect(json.errors).toEqual([{ code: 7500, message: "no such table: x: SQLITE_ERROR" }]);
  expect((await post(`${list}/${id}/query`, { sql: " " })).json.errors[0]?.code).toBe(7400);
  expect((await post(`${list}/${id}/query`, { sql: "SELECT ?", params: [{}] })).status).toBe(400);
  expect((await post(`${list}/none/query`, { sql: "SELECT 1" })).json.errors[0]?.code).toBe(7404);
});

test("a token that may only read cannot run SQL", async () => {
  const id = await create("shop");
  const answer = await control.call("POST", `${list}/${id}/query`, { as: "read", body: { sql: "SELECT 1" } });
  expect([answer.status, answer.json.errors[0]?.code]).toEqual([403, 10000]);
});

const upload = async (address: string, body: string) =>
  control.app.request(address, { method: "PUT", body, headers: { "content-length": String(body.length) } });

test("an import: init, upload, ingest, poll", async () => {
  const id = await create("shop");
  const text = "CREATE TABLE t (a); INSERT INTO t VALUES (1);";
  const etag = md5(text);
  const init = result(await post(`${list}/${id}/import`, { action: "init", etag }));
  expect(init.upload_url).toMatch(/^http:\/\/localhost:8787\/client\/v4\/accounts\//);
  const early = await post(`${list}/${id}/import`, { action: "ingest", filename: init.filename, etag });
  expect(early.json.errors[0]?.code).toBe(7400);

  expect((await upload(init.upload_url, `${text} `)).status).toBe(400);
  expect(readdirSync(directory(id))).toEqual([]);
  const spoilt = init.upload_url.replace(/(?<=signature=)[\w-]+/, (signature: string) => spoil(signature));
  expect((await upload(spoilt, text)).status).toBe(403);
  expect((await upload(init.upload_url.replace(/expires=./, "expires=9"), text)).status).toBe(403);
  const done = await upload(init.upload_url, text);
  expect([done.status, done.headers.get("etag")]).toEqual([200, `"${etag}"`]);

  const { promise, resolve } = Promise.withResolvers<void>();
  databases.gate = promise;
  const ingest = { action: "ingest", filename: init.filename, etag };
  const [first, repeated] = await Promise.all([
    post(`${list}/${id}/import`, ingest),
    post(`${list}/${id}/import`, ingest),
  ]);
  expect(result(first)).toMatchObject({ success: true, type: "import", status: "active", messages: [] });
  expect(result(repeated)).toEqual(result(first));
  resolve();
  const polled = result(await post(`${list}/${id}/import`, { action: "poll", current_bookmark: "b-1" }));
  expect(polled).toMatchObject({ status: "complete", result: { num_queries: 2, final_bookmark: "b-3" } });
  expect(polled.result.meta.duration).toEqual(expect.any(Number));
  expect(databases.calls.filter(({ operation }) => operation === "import")).toHaveLength(1);
  expect(readdirSync(directory(id))).toEqual([]);
  expect(result(await post(`${list}/${id}/query`, { sql: "SELECT a FROM t" }))[0].results).toEqual([{ a: 1 }]);
});

test("an import that fails says why, and nothing of it is left", async () => {
  const id = await create("shop");
  const text = "CREATE TABLE t (a); INSERT INTO nowhere VALUES (1);";
  const init = result(await post(`${list}/${id}/import`, { action: "init", etag: md5(text) }));
  await upload(init.upload_url, text);
  const ingest = { action: "ingest", filename: init.filename, etag: md5(text) };
  const answer = result(await post(`${list}/${id}/import`, ingest));
  expect(answer).toMatchObject({ success: true, status: "error", errors: ["no such table: nowhere: SQLITE_ERROR"] });
  expect(readdirSync(directory(id))).toEqual([]);
});

test("an upload cannot name another file", async () => {
  const id = await create("shop");
  for (const filename of ["../../freehold.db", "data.sqlite", `import-${"0".repeat(16)}-${md5("x")}.sql`]) {
    const answer = await post(`${list}/${id}/import`, { action: "ingest", filename, etag: md5("x") });
    expect(answer.json.errors[0]?.code).toBe(7400);
  }
  const unknown = await post(`${list}/${id}/import`, { action: "poll", current_bookmark: "b" });
  expect(unknown.json.errors[0]?.code).toBe(7400);
});

test("what nobody came for is removed with the next import, and nothing else is", async () => {
  const id = await create("shop");
  const stale = ["export-0a.sql", "import-0b.sql", "import-0c-0d.sql.part"];
  const others = ["db.sqlite", "export-notes.sql.gz"];
  for (const name of [...stale, ...others]) {
    writeFileSync(join(directory(id), name), "");
    utimesSync(join(directory(id), name), new Date(0), new Date(0));
  }
  writeFileSync(join(directory(id), "export-0e.sql"), "");
  await post(`${list}/${id}/import`, { action: "init", etag: md5("x") });
  expect(readdirSync(directory(id)).toSorted()).toEqual(["db.sqlite", "export-0e.sql", "export-notes.sql.gz"]);
});

test("an export: start, poll, download", async () => {
  const id = await create("shop");
  const { promise, resolve } = Promise.withResolvers<void>();
  databases.gate = promise;
  const options = { no_schema: false, no_data: true, tables: ["t"] };
  const body = { output_format: "polling", dump_options: options };
  const first = result(await post(`${list}/${id}/export`, body));
  expect(first).toMatchObject({ success: true, type: "export", status: "active", at_bookmark: "b-1" });
  const other = await post(`${list}/${id}/export`, { output_format: "polling" });
  expect([other.status, other.json.errors[0]?.message]).toEqual([409, expect.stringContaining("long-running export")]);
  const text = "SELECT 1;";
  const init = result(await post(`${list}/${id}/import`, { action: "init", etag: md5(text) }));
  await upload(init.upload_url, text);
  const ingest = { action: "ingest", filename: init.filename, etag: md5(text) };
  expect((await post(`${list}/${id}/import`, ingest)).json.errors[0]?.message).toContain("long-running export");
  resolve();
  const done = result(await post(`${list}/${id}/export`, { ...body, current_bookmark: first.at_bookmark }));
  expect(done.status).toBe("complete");
  const download = await control.app.request(done.result.signed_url);
  expect(await download.text()).toBe(
    'PRAGMA defer_foreign_keys=TRUE;\n-- {"schema":true,"data":false,"tables":["t"]}\n',
  );
  expect((await control.app.request(done.result.signed_url.replace(/e=[\w-]/, "e=!"))).status).toBe(403);
  const file = join(directory(id), done.result.filename);
  rmSync(file);
  symlinkSync(paths(control.platform.config).databases(control.accountId), file);
  expect((await control.app.request(done.result.signed_url)).status).toBe(404);
  rmSync(file);
  symlinkSync("/etc/hostname", file);
  expect((await control.app.request(done.result.signed_url)).status).toBe(404);
  const none = { output_format: "polling", dump_options: { no_schema: true, no_data: true } };
  expect((await post(`${list}/${id}/export`, none)).json.errors[0]?.code).toBe(7400);
});

test("Time Travel: bookmarks of now and of a time, restore by either", async () => {
  const id = await create("shop");
  const bookmark = `${list}/${id}/time_travel/bookmark`;
  expect(result(await get(`${bookmark}?`))).toEqual({ bookmark: "b-1" });
  const atMs = Date.now() - 60_000;
  const made = { created_on: new Date(atMs - 5000).toISOString() };
  await control.platform.db.updateTable("d1_databases").set(made).execute();
  const iso = new Date(atMs).toISOString();
  expect(result(await get(`${bookmark}?timestamp=${encodeURIComponent(iso)}`))).toEqual({ bookmark: `b-at-${atMs}` });
  const restored = result(await post(`${list}/${id}/time_travel/restore?bookmark=b-7`));
  expect(restored).toMatchObject({ bookmark: "b-7", previous_bookmark: "b-1", message: expect.any(String) });
  expect(result(await post(`${list}/${id}/time_travel/restore?timestamp=${atMs}`)).bookmark).toBe(`b-at-${atMs}`);
  for (const query of ["", "?bookmark=a&timestamp=1", "?timestamp=yesterday"]) {
    const refused = await post(`${list}/${id}/time_travel/restore${query}`);
    expect(refused.json.errors[0]?.code).toBe(7400);
  }
});

test("a time before the database was made is refused, the second of its creation is not", async () => {
  const id = await create("shop");
  const { created_on } = await control.platform.db
    .selectFrom("d1_databases")
    .select("created_on")
    .executeTakeFirstOrThrow();
  const second = Math.floor(Date.parse(created_on) / 1000);
  const travel = `${list}/${id}/time_travel`;
  for (const answer of [
    await get(`${travel}/bookmark?timestamp=${second - 1}`),
    await post(`${travel}/restore?timestamp=${second - 1}`),
  ]) {
    expect([answer.status, answer.json.errors[0]?.code]).toEqual([400, 7400]);
    expect(answer.json.errors[0]?.message).toContain(`before the creation of the database (${created_on})`);
  }
  expect(databases.calls).toEqual([]);
  expect((await post(`${travel}/restore?timestamp=${second}`)).status).toBe(200);
});

test("a database has one export at a time", async () => {
  const id = await create("shop");
  const first = result(await post(`${list}/${id}/export`, { output_format: "polling" }));
  writeFileSync(join(directory(id), "import-0a.sql"), "");
  const second = result(await post(`${list}/${id}/export`, { output_format: "polling" }));
  expect(readdirSync(directory(id)).toSorted()).toEqual([second.result.filename, "import-0a.sql"]);
  expect((await control.app.request(first.result.signed_url)).status).toBe(404);
  expect((await control.app.request(second.result.signed_url)).status).toBe(200);
});

test("an account runs few imports and exports at a time, so that hosts are left for queries", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  databases.gate = promise;
  const ids: string[] = [];
  for (const name of ["a", "b", "c", "d"]) ids.push(await create(name));
  const begin = (id = "") => post(`${list}/${id}/export`, { output_format: "polling" });
  const running = ids.slice(0, 3).map(begin);
  await Promise.all(running);
  const refused = await begin(ids[3]);
  expect([refused.status, refused.json.errors[0]?.code]).toEqual([429, 7429]);
  resolve();
  expect(
    result(await post(`${list}/${ids[0]}/export`, { output_format: "polling", current_bookmark: "b-1" })),
  ).toMatchObject({
    status: "complete",
  });
});

test("an upload goes to no directory that a link leads to", async () => {
  const id = await create("shop");
  const text = "SELECT 1;";
  const { upload_url } = result(await post(`${list}/${id}/import`, { action: "init", etag: md5(text) }));
  const elsewhere = paths(control.platform.config).blobs;
  mkdirSync(elsewhere, { recursive: true });
  rmSync(directory(id), { recursive: true });
  symlinkSync(elsewhere, directory(id));
  expect((await upload(upload_url, text)).status).toBe(404);
  expect(readdirSync(elsewhere)).toEqual([]);
});

test("directories without a row are swept once they are old, and nothing else is", async () => {
  const id = await create("shop");
  const account = paths(control.platform.config).databases(control.accountId);
  const [old, young, deleted] = [randomUUID(), randomUUID(), `.deleted-${randomUUID()}`];
  for (const name of [old, young, deleted, "notes"]) mkdirSync(join(account, name));
  for (const name of [id, old, deleted, "notes"]) utimesSync(join(account, name), new Date(0), new Date(0));
  const said = errorsLike(/^Removing what is left of the deleted D1 database/);
  expect(await sweepDatabases(control.platform, Date.now())).toBe(true);
  expect(readdirSync(account).toSorted()).toEqual([id, young, "notes"].toSorted());
  expect(await sweepDatabases(control.platform, Date.now() + 61_000)).toBe(false);
  expect(readdirSync(account).toSorted()).toEqual([id, "notes"].toSorted());
  expect(said).toHaveLength(2);
});

test.each([
  [{}, '"sql" must be text'],
  [{ sql: 1 }, '"sql" must be text'],
  [{ batch: [{ sql: "SELECT 1" }, { sql: null }] }, '"sql" of statement 2 must be text'],
  [{ sql: "SELECT ?", params: [{}] }, '"params" must be a list of null, numbers'],
  [{ sql: "SELECT ?", params: "x" }, '"params" must be a list of null, numbers'],
  [["SELECT 1"], 'give {"sql"'],
  [{ batch: "SELECT 1" }, 'give {"sql"'],
])("the query %j is refused in plain words", async (body, why) => {
  const id = await create("shop");
  const { status, json } = await post(`${list}/${id}/query`, body);
  expect([status, json.errors[0]?.message]).toEqual([400, expect.stringContaining(why)]);
});

const graphql = async (query: string, variables: object) => {
  const { json } = await post("/graphql", { query, variables });
  // biome-ignore lint/suspicious/noExplicitAny: GraphQL answers have no envelope.
  return json as any;
};

test("insights: costs of statements, ordered and limited as asked", async () => {
  const id = await create("shop");
  for (const text of ["SELECT 1", "SELECT 1", "SELECT 'a longer one'", "SELECT 2"]) {
    await post(`${list}/${id}/query`, { sql: text });
  }
  const variables = { accountTag: control.accountId, filter: { AND: [{ datetimeHour_geq: "x", databaseId: id }] } };
  const text = (limit: number, order: string) =>
    `query { viewer { accounts { d1QueriesAdaptiveGroups(limit: ${limit}, filter: $filter, orderBy: [${order}]) { count } } } }`;
  const byCount = await graphql(text(1, "count_DESC"), variables);
  expect(byCount.errors).toBeNull();
  expect(byCount.data.viewer.accounts[0].d1QueriesAdaptiveGroups).toEqual([
    {
      sum: { queryDurationMs: 16, rowsRead: 2, rowsWritten: 0, rowsReturned: 0 },
      avg: { queryDurationMs: 8, rowsRead: 1, rowsWritten: 0, rowsReturned: 0 },
      count: 2,
      dimensions: { query: "SELECT 1", databaseId: id },
    },
  ]);
  const byTime = await graphql(text(5, "avg_queryDurationMs_DESC"), { accountTag: control.accountId });
  const [slowest, ...others] = byTime.data.viewer.accounts[0].d1QueriesAdaptiveGroups;
  expect(slowest.dimensions.query).toBe("SELECT 'a longer one'");
  expect(others).toHaveLength(2);
  const totals = await graphql("{ viewer { accounts { d1AnalyticsAdaptiveGroups { sum } } } }", variables);
  expect(totals.data.viewer.accounts[0].d1AnalyticsAdaptiveGroups[0].sum).toEqual({
    readQueries: 4,
    writeQueries: 0,
    rowsRead: 4,
    rowsWritten: 0,
  });
});

test("other data sets have no data, other accounts are refused", async () => {
  const answer = await graphql("{ viewer { accounts { r2StorageAdaptiveGroups { max } } } }", {});
  expect(answer).toEqual({ data: { viewer: { accounts: [{}] } }, errors: null });
  const other = await graphql("{ viewer { accounts { d1QueriesAdaptiveGroups } } }", { accountTag: "b".repeat(32) });
  expect(other.data).toBeNull();
  expect(other.errors[0].message).toMatch(/not authorized/);
});
