/** What every driver of the rows does. */
import { expect, test } from "vitest";
import { describeRows, postgresDriver, type RowsDriver, sqliteDriver } from "../../store/testing-drivers.ts";
import { PostgresBucketRows, prepareR2 } from "./postgres-rows.ts";
import type { BucketRows, ObjectRow, PartRow, UploadRow } from "./rows.ts";
import { SqliteBucketRows } from "./sqlite-rows.ts";

const drivers: RowsDriver<BucketRows>[] = [
  sqliteDriver((path) => new SqliteBucketRows(path)),
  postgresDriver(prepareR2, (client, id) => new PostgresBucketRows(client, id)),
];

const key = (text: string) => Buffer.from(text);
const row = (version: string, parts: Partial<ObjectRow> = {}): ObjectRow => ({
  version,
  size: 3,
  etag: "e",
  uploaded: 1_800_000_000_000,
  storageClass: "Standard",
  http: null,
  custom: null,
  checksums: null,
  ssecKeyMd5: null,
  s3: null,
  inline: Buffer.from("abc"),
  pieces: null,
  ...parts,
});
const inPieces = (version: string, ...files: string[]) =>
  row(version, { inline: null, pieces: files.map((file, at) => ({ file, size: at + 1 })) });
const upload = (id: string, name: string, created = 0): UploadRow => ({
  id,
  key: key(name),
  created,
  storageClass: "Standard",
  http: '{"contentType":"a/b"}',
  custom: null,
  ssecKeyMd5: null,
  s3: "x",
});
const part = (number: number, file: string): PartRow => ({
  number,
  size: 5,
  etag: `e${number}`,
  uploaded: 1,
  file,
  s3: null,
});
const later = Number.MAX_SAFE_INTEGER;

describeRows("R2 rows", drivers, (opened) => {
  const names = async (from: string, to?: string, limit = 100) =>
    (await opened.rows.list(key(from), to === undefined ? undefined : key(to), limit)).map((one) =>
      String(Buffer.from(one.key)),
    );
  const garbage = async () => (await opened.rows.garbage(later, 100)).toSorted();

  test("an object comes back as it was put, after a restart too", async () => {
    const full = row("v1", {
      ...{
        http: '{"contentType":"ü"}',
        custom: '{"a":"☃"}',
        checksums: "{}",
        ssecKeyMd5: "k",
        s3: "s",
        size: 2 ** 40,
      },
      inline: Uint8Array.from({ length: 256 }, (_, index) => index),
    });
    expect(await opened.rows.put(key("a"), full, null)).toBe(true);
    await opened.reopen();
    const found = await opened.rows.get(key("a"));
    expect({ ...found, inline: [...(found?.inline ?? [])] }).toEqual({ ...full, inline: [...(full.inline ?? [])] });
    const { inline: _, pieces: __, ...head } = full;
    expect(await opened.rows.head(key("a"))).toEqual(head);
    expect(await opened.rows.list(key(""), undefined, 10)).toEqual([{ key: expect.anything(), ...head }]);
    expect(await opened.rows.get(key("b"))).toBeUndefined();
    await opened.rows.put(key("p"), inPieces("v", "f1", "f2"), null);
    expect((await opened.rows.get(key("p")))?.pieces).toEqual([
      { file: "f1", size: 1 },
      { file: "f2", size: 2 },
    ]);
    expect((await opened.rows.get(key("p")))?.inline).toBeNull();
  });

  test("only what was expected is replaced or deleted", async () => {
    expect(await opened.rows.put(key("a"), row("v1"), "v0")).toBe(false);
    expect(await opened.rows.put(key("a"), row("v1"), null)).toBe(true);
    expect(await opened.rows.put(key("a"), row("v2"), null, "notice")).toBe(false);
    expect(await opened.rows.put(key("a"), row("v2"), "v1")).toBe(true);
    expect(
      await opened.rows.delete([
        { key: key("a"), version: "v1", notice: "n" },
        { key: key("none"), version: "v" },
      ]),
    ).toEqual([false, false]);
    expect(await opened.rows.setStorageClass(key("a"), "v1", "InfrequentAccess")).toBe(false);
    expect(await opened.rows.setStorageClass(key("a"), "v2", "InfrequentAccess")).toBe(true);
    expect((await opened.rows.head(key("a")))?.storageClass).toBe("InfrequentAccess");
    expect(await opened.rows.delete([{ key: key("a"), version: "v2", notice: "gone" }])).toEqual([true]);
    expect((await opened.rows.notices(0, 10)).map(({ notice }) => notice)).toEqual(["gone"]);
    const winners = await Promise.all(
      Array.from({ length: 20 }, (_, n) => opened.rows.put(key("race"), row(`v${n}`), null)),
    );
    expect(winners.filter(Boolean)).toHaveLength(1);
  });

  test("keys are ordered by their bytes, whatever is in them", async () => {
    const sorted = ["\0", "\0\0", "A", "Z", "a", "a\0", "a\0b", "aa", "ä", "日", "🌍", "\u{10ffff}"];
    for (const name of sorted.toReversed()) await opened.rows.put(key(name), row("v"), null);
    expect(await names("")).toEqual(sorted);
    expect(await names("a", "b")).toEqual(["a", "a\0", "a\0b", "aa"]);
    expect(await names("a\0", undefined, 2)).toEqual(["a\0", "a\0b"]);
  });

  test("a content is garbage once no row names it", async () => {
    await opened.rows.announce(["f1", "lost"], 5000);
    expect(await opened.rows.garbage(4999, 10)).toEqual([]);
    await opened.rows.put(key("a"), inPieces("v1", "f1"), null);
    expect(await garbage()).toEqual(["lost"]);
    await opened.rows.announce(["f2", "f3"], 5000);
    await opened.rows.put(key("a"), inPieces("v2", "f2", "f3"), "v1");
    expect(await garbage()).toEqual(["f1", "lost"]);
    await opened.rows.put(key("a"), row("v3"), "v2");
    expect(await garbage()).toEqual(["f1", "f2", "f3", "lost"]);
    await opened.rows.forget(["f1", "f2", "f3", "lost"]);
    await opened.rows.put(key("b"), inPieces("v", "f4"), null);
    await opened.rows.delete([{ key: key("b"), version: "v" }]);
    expect(await garbage()).toEqual(["f4"]);
  });

  test("what was announced is given up, but for what a row names", async () => {
    await opened.rows.announce(["f1", "f2"], later);
    await opened.rows.put(key("a"), inPieces("v1", "f1"), null);
    await opened.rows.renounce(["f1", "f2", "never"]);
    expect(await opened.rows.garbage(1, 10)).toEqual(["f2"]);
  });

  test("parts become an object, and those that it does not name are garbage", async () => {
    await opened.rows.createUpload(upload("u1", "k"));
    expect(await opened.rows.upload("u1")).toEqual({ ...upload("u1", "k"), key: expect.anything() });
    expect(await opened.rows.putPart("none", part(1, "x"))).toBe(false);
    for (const [number, file] of [
      [1, "old"],
      [1, "f1"],
      [3, "f3"],
      [2, "f2"],
    ] as const) {
      await opened.rows.announce([file], 5000);
      expect(await opened.rows.putPart("u1", part(number, file))).toBe(true);
    }
    expect(await garbage()).toEqual(["old"]);
    expect(await opened.rows.parts("u1", 1, 10)).toEqual([part(2, "f2"), part(3, "f3")]);
    expect(await opened.rows.parts("u1", 0, 1)).toEqual([part(1, "f1")]);
    const object = inPieces("v1", "f1", "f3");
    expect(await opened.rows.complete("none", key("k"), object, null)).toBe("no-upload");
    expect(await opened.rows.complete("u1", key("k"), object, "other")).toBe("changed");
    expect(await opened.rows.parts("u1", 0, 10)).toHaveLength(3);
    expect(await opened.rows.complete("u1", key("k"), object, null, "made")).toBe("done");
    expect(await garbage()).toEqual(["f2", "old"]);
    expect([await opened.rows.upload("u1"), await opened.rows.parts("u1", 0, 10)]).toEqual([undefined, []]);
    expect((await opened.rows.get(key("k")))?.pieces?.map(({ file }) => file)).toEqual(["f1", "f3"]);
    expect(await opened.rows.notices(0, 10)).toMatchObject([{ notice: "made" }]);
  });

  test("uploads are listed by key and by age, and aborted with their parts", async () => {
    for (const [id, name, created] of [
      ["u2", "a", 20],
      ["u1", "a", 30],
      ["u4", "b", 10],
      ["u3", "c", 40],
    ] as const) {
      await opened.rows.createUpload(upload(id, name, created));
    }
    const ids = (list: UploadRow[]) => list.map(({ id }) => id);
    expect(ids(await opened.rows.uploads({ key: key(""), id: "" }, undefined, 10))).toEqual(["u1", "u2", "u4", "u3"]);
    expect(ids(await opened.rows.uploads({ key: key("a"), id: "u1" }, key("c"), 10))).toEqual(["u2", "u4"]);
    expect(ids(await opened.rows.oldUploads(30, "", 10))).toEqual(["u2", "u4"]);
    expect(ids(await opened.rows.oldUploads(50, "u2", 1))).toEqual(["u3"]);
    await opened.rows.putPart("u2", part(1, "f"));
    expect(await opened.rows.abort("u2")).toBe(true);
    expect(await opened.rows.abort("u2")).toBe(false);
    expect(await garbage()).toEqual(["f"]);
    await opened.rows.put(key("o"), row("v", { size: 7 }), null);
    expect(await opened.rows.totals()).toEqual({ objects: 1, bytes: 7, uploads: 3 });
  });

  test("notices come in order, once each until they are told", async () => {
    for (let n = 0; n < 5; n++) await opened.rows.put(key(`k${n}`), row("v"), null, `n${n}`);
    const first = await opened.rows.notices(0, 2);
    expect(first.map(({ notice }) => notice)).toEqual(["n0", "n1"]);
    await opened.rows.told(first[1]?.id ?? 0);
    await opened.reopen();
    expect((await opened.rows.notices(0, 10)).map(({ notice }) => notice)).toEqual(["n2", "n3", "n4"]);
  });
});
