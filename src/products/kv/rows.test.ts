/** What every driver of the rows does. */
import { expect, test } from "vitest";
import { describeRows, postgresDriver, type RowsDriver, sqliteDriver } from "../../store/testing-drivers.ts";
import { PostgresRows, preparePostgres } from "./postgres-rows.ts";
import type { KvRow, KvRows } from "./rows.ts";
import { SqliteRows } from "./sqlite-rows.ts";

const drivers: RowsDriver<KvRows>[] = [
  sqliteDriver((path) => new SqliteRows(path)),
  postgresDriver(preparePostgres, (client, id) => new PostgresRows(client, id)),
];

const key = (text: string) => Buffer.from(text);
const row = (value: string, parts: Partial<KvRow> = {}): KvRow => ({
  expires: null,
  metadata: null,
  file: null,
  size: Buffer.byteLength(value),
  value: Buffer.from(value),
  ...parts,
});
const large = (file: string): KvRow => row("", { file, size: 100_000, value: null });

describeRows("KV rows", drivers, (opened) => {
  const names = async (from: string, to?: string, limit = 100) =>
    (await opened.rows.list(key(from), to === undefined ? undefined : key(to), limit)).map((one) =>
      Buffer.from(one.key).toString(),
    );

  test("a row comes back as it was set, and the last one counts", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await opened.rows.write([
      { key: key("a"), row: row("", { value: bytes, size: 256, expires: 2_000_000_000, metadata: '{"ü":1}' }) },
    ]);
    const found = await opened.rows.get(key("a"));
    expect({ ...found, value: [...(found?.value ?? [])] }).toEqual({
      expires: 2_000_000_000,
      metadata: '{"ü":1}',
      file: null,
      size: 256,
      value: [...bytes],
    });
    await opened.rows.write([{ key: key("a"), row: row("new") }]);
    expect(await opened.rows.get(key("a"))).toMatchObject({ expires: null, metadata: null, size: 3 });
    expect(await opened.rows.get(key("b"))).toBeUndefined();
  });

  test("an empty value is no absent one", async () => {
    await opened.rows.write([{ key: key("empty"), row: row("") }]);
    const found = await opened.rows.get(key("empty"));
    expect(found?.value).toHaveLength(0);
    expect(found?.file).toBeNull();
  });

  test("keys are ordered by their bytes, whatever is in them", async () => {
    const sorted = ["", "\0", "\0\0", "A", "Z", "a", "a\0", "a\0b", "aa", "ä", "日", "🌍", "\u{10ffff}"].slice(1);
    await opened.rows.write(sorted.toReversed().map((name) => ({ key: key(name), row: row("v") })));
    expect(await names("")).toEqual(sorted);
    expect(await names("a", "b")).toEqual(["a", "a\0", "a\0b", "aa"]);
    expect(await names("a\0", undefined, 2)).toEqual(["a\0", "a\0b"]);
  });

  test("a batch is stored whole or not at all", async () => {
    await opened.rows.write([{ key: key("old"), row: row("v") }]);
    // Neither a value nor a size that a driver could take.
    const broken = { ...row("v"), size: "many" as unknown as number, metadata: {} as unknown as string };
    await expect(
      opened.rows.write([{ key: key("a"), row: row("v") }, { key: key("old") }, { key: key("b"), row: broken }]),
    ).rejects.toThrow();
    expect(await names("")).toEqual(["old"]);
    await opened.rows.write([{ key: key("a"), row: row("v") }, { key: key("old") }, { key: key("never") }]);
    expect(await names("")).toEqual(["a"]);
  });

  test("what was written is there after it is opened anew", async () => {
    await opened.rows.write([{ key: key("kept"), row: row("v") }]);
    await opened.reopen();
    expect(await opened.rows.get(key("kept"))).toMatchObject({ size: 1 });
  });

  test("writes at the same time all take effect", async () => {
    await Promise.all(
      Array.from({ length: 200 }, (_, index) => opened.rows.write([{ key: key(`k${index}`), row: row(`${index}`) }])),
    );
    expect(await names("k", "l", 1000)).toHaveLength(200);
  });

  test("a file is garbage once no row names it", async () => {
    const now = Date.now();
    await opened.rows.announce("f1", now + 1000);
    expect(await opened.rows.garbage(now, 10)).toEqual([]);
    await opened.rows.write([{ key: key("a"), row: large("f1") }]);
    expect(await opened.rows.garbage(now + 2000, 10)).toEqual([]);
    await opened.rows.announce("f2", now + 1000);
    await opened.rows.write([{ key: key("a"), row: large("f2") }]);
    expect(await opened.rows.garbage(now, 10)).toEqual(["f1"]);
    await opened.rows.write([{ key: key("a"), row: row("small") }]);
    expect((await opened.rows.garbage(now, 10)).sort()).toEqual(["f1", "f2"]);
    await opened.rows.forget(["f1", "f2"]);
    await opened.rows.write([{ key: key("b"), row: large("f3") }, { key: key("b") }]);
    expect(await opened.rows.garbage(now, 10)).toEqual(["f3"]);
  });

  test("a file that was announced and never named is garbage in time", async () => {
    await opened.rows.announce("lost", 5000);
    expect(await opened.rows.garbage(4999, 10)).toEqual([]);
    expect(await opened.rows.garbage(5000, 10)).toEqual(["lost"]);
  });

  test("expired rows go, so many at a time, and their files with them", async () => {
    await opened.rows.write([
      ...Array.from({ length: 5 }, (_, index) => ({ key: key(`old${index}`), row: row("v", { expires: 100 }) })),
      { key: key("file"), row: { ...large("f"), expires: 100 } },
      { key: key("later"), row: row("v", { expires: 101 }) },
      { key: key("never"), row: row("v") },
    ]);
    expect(await opened.rows.expire(100, 4)).toBe(4);
    expect(await opened.rows.expire(100, 4)).toBe(2);
    expect(await opened.rows.expire(100, 4)).toBe(0);
    expect(await names("")).toEqual(["later", "never"]);
    expect(await opened.rows.garbage(Date.now(), 10)).toEqual(["f"]);
  });
});
