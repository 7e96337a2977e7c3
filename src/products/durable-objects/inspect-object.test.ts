import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { serialize } from "node:v8";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { inspectObject } from "./inspect-object.ts";
import { listObjects, measure, objectFile } from "./object-files.ts";

let directory: string;
let file: string;
/** The one who has the object, as the runtime has it: with a log, and open while others read. */
let owner: DatabaseSync;
const id = "a".repeat(64);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fh-inspect-"));
  file = join(directory, `${id}.sqlite`);
  owner = new DatabaseSync(file);
  owner.exec("pragma journal_mode = wal; create table _cf_KV (key text primary key, value blob) without rowid;");
  owner.exec("create table entries (n integer, t text, b blob)");
  owner.exec("insert into entries values (1, 'one', x'00ff'), (9007199254740993, null, null)");
});
afterEach(() => {
  owner.close();
  rmSync(directory, { recursive: true, force: true });
});

const query = (sql: string, ...params: (string | number | null)[]) =>
  inspectObject(file, { kind: "query", sql, params });

describe("queries", () => {
  test("see what is committed, while the owner is at work", async () => {
    expect(await query("select * from entries where n >= ?", 1)).toEqual({
      columns: ["n", "t", "b"],
      rows: [
        [1, "one", { blob: "AP8=", bytes: 2 }],
        [{ integer: "9007199254740993" }, null, null],
      ],
      truncated: false,
    });
    owner.exec("begin; insert into entries values (3, 'three', null)");
    expect((await query("select count(*) from entries")).rows).toEqual([[2]]);
    owner.exec("commit");
    expect((await query("select count(*) from entries")).rows).toEqual([[3]]);
  });

  const refused = [
    "insert into entries values (5, '', null)",
    "delete from entries",
    "drop table entries",
    "create temp table x (a)",
    "attach database ':memory:' as other",
    "pragma journal_mode = delete",
    "vacuum into '/tmp/inspected'",
    "select load_extension('x')",
    "select * from pragma_database_list",
    "begin",
    "select",
  ];
  test.each(refused)("refuse %s", async (sql) => {
    await expect(query(sql)).rejects.toMatchObject({ status: 400, failures: [{ code: 10026 }] });
    expect(owner.prepare("select count(*) as count from entries").get()).toEqual({ count: 2 });
  });

  test("that do not end are ended", async () => {
    const endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    const asked = inspectObject(file, { kind: "query", sql: endless, params: [] }, { timeoutMs: 700 });
    await expect(asked).rejects.toThrow(/longer than 700 ms/);
    // Whoever reads holds nobody up.
    owner.exec("insert into entries values (4, 'four', null)");
  });

  test("with large answers are cut, or refused", async () => {
    const many = "with recursive n(i) as (select 1 union all select i + 1 from n limit 5000) select i from n";
    const answer = await query(many);
    expect([(answer.rows as unknown[]).length, answer.truncated]).toEqual([1000, true]);
    await expect(query("select zeroblob(1000000000)")).rejects.toThrow(/too big|large/);
  });

  test("say that the file is damaged", async () => {
    const broken = join(directory, "broken.sqlite");
    writeFileSync(broken, "this is no database, whatever its name says ".repeat(200));
    await expect(inspectObject(broken, { kind: "query", sql: "select 1 from x", params: [] })).rejects.toThrow(
      /database/,
    );
  });
});

describe("keys", () => {
  const put = (key: string, value: unknown) =>
    owner.prepare("insert into _cf_KV values (?, ?)").run(key, serialize(value));
  const keys = async (prefix = "", after = "", rows = 10) =>
    inspectObject(file, { kind: "keys", prefix, after }, { rows });

  test("are read with their values, plain ones as JSON and others as text", async () => {
    put("b", { list: [1, "two", null] });
    put("a", new Map([["x", new Date(0)]]));
    owner.prepare("insert into _cf_KV values ('c', x'0001')").run();
    expect(await keys()).toEqual({
      keys: [
        { key: "a", bytes: expect.any(Number), text: "Map(1) { 'x' => 1970-01-01T00:00:00.000Z }" },
        {
          key: "b",
          bytes: expect.any(Number),
          text: expect.stringContaining("two"),
          value: { list: [1, "two", null] },
        },
        { key: "c", bytes: 2, base64: "AAE=" },
      ],
    });
  });

  test("come by prefix, a page at a time", async () => {
    for (const key of ["a", "p1", "p2", "p3", "q"]) put(key, key);
    const first = (await keys("p", "", 2)) as { keys: { key: string }[]; cursor: string };
    expect(first.keys.map(({ key }) => key)).toEqual(["p1", "p2"]);
    const second = (await keys("p", first.cursor, 2)) as { keys: { key: string }[]; cursor?: string };
    expect(second.keys.map(({ key }) => key)).toEqual(["p3"]);
    expect(second.cursor).toBeUndefined();
  });

  test("there are none without the table", async () => {
    owner.exec("drop table _cf_KV");
    expect(await keys()).toEqual({ keys: [] });
  });
});

describe("files", () => {
  test("are listed by id, a page at a time, with whether they have data", async () => {
    const ids = ["b", "c", "d"].map((digit) => digit.repeat(64));
    for (const one of ids) writeFileSync(join(directory, `${one}.sqlite`), Buffer.alloc(4096));
    writeFileSync(join(directory, "metadata.sqlite"), "");
    const first = await listObjects(directory, { after: "", limit: 2 });
    expect(first).toEqual({
      objects: [
        { id, hasStoredData: true },
        { id: ids[0], hasStoredData: false },
      ],
      more: true,
    });
    const rest = await listObjects(directory, { after: ids[0] ?? "", limit: 2 });
    expect([rest.objects.map((one) => one.id), rest.more]).toEqual([ids.slice(1), false]);
    expect(await measure(directory)).toMatchObject({ objects: 4, complete: true });
  });

  test("are none where there is no directory", async () => {
    const nowhere = join(directory, "nowhere");
    expect(await listObjects(nowhere, { after: "", limit: 2 })).toEqual({ objects: [], more: false });
    expect(await measure(nowhere)).toEqual({ objects: 0, bytes: 0, complete: true });
    expect(await objectFile(nowhere, id)).toBeUndefined();
  });
});

test("a link that a runner made in the place of an object leads nowhere", async () => {
  const planted = "b".repeat(64);
  symlinkSync(file, join(directory, `${planted}.sqlite`));
  expect(await objectFile(directory, planted)).toBeUndefined();
  expect(await objectFile(directory, id)).toBe(file);
});

test("a query cannot fill the disk with what it sorts", async () => {
  const sql =
    "with recursive c(x) as (select 1 union all select x + 1 from c limit 100000) " +
    "select hex(randomblob(10000)) as h from c order by h";
  await expect(query(sql)).rejects.toThrow(/too much to sort/);
});
