import { createHash, randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Bucket } from "./bucket.ts";
import { ACCOUNT, bytesOf, inChunks, pattern, TestBuckets } from "./testing.ts";

let store: TestBuckets;
let bucket: Bucket;
beforeEach(async () => {
  store = new TestBuckets();
  bucket = await store.make();
});
afterEach(() => store[Symbol.dispose]());

const hex = (name: string, bytes: Buffer) => createHash(name).update(bytes).digest("hex");
const failure = (code: number) => expect.objectContaining({ code });
const files = () =>
  readdirSync(join(store.root, "contents"), { recursive: true, withFileTypes: true }).filter((one) => one.isFile());

describe("an object", () => {
  test.each([0, 1, 16_384, 16_385, 300_000, 1_000_000])("of %i bytes comes back as it was put", async (size) => {
    const bytes = pattern(size);
    const http = { contentType: "image/png", cacheControl: "no-store", cacheExpiry: 1_900_000_000_000 };
    const put = await bucket.put("a/ä ☃", inChunks(bytes), { http, custom: { name: "Zoë" }, size });
    expect(put).toMatchObject({ key: "a/ä ☃", size, etag: hex("md5", bytes), storageClass: "Standard", http });
    expect(await bucket.head("a/ä ☃")).toEqual(put);
    const found = await bucket.get("a/ä ☃");
    expect(found).toMatchObject({ found: true, object: { custom: { name: "Zoë" }, checksums: { md5: put?.etag } } });
    expect((await bytesOf(found)).equals(bytes)).toBe(true);
    expect(await store.reopen().require(ACCOUNT, "things").head("a/ä ☃")).toEqual(put);
  });

  test("is replaced as a whole, and may be read to its end by who has begun", async () => {
    const old = pattern(700_000, 1);
    await bucket.put("k", old);
    const reading = await bucket.get("k");
    await bucket.put("k", pattern(600_000, 2));
    await store.buckets.sweep();
    expect(files()).toHaveLength(2);
    expect((await bytesOf(reading)).equals(old)).toBe(true);
    await store.buckets.sweep();
    expect(files()).toHaveLength(1);
    await bucket.delete("k");
    await store.buckets.sweep();
    expect(files()).toHaveLength(0);
    expect(await bucket.get("k")).toBeUndefined();
  });

  test("is not there at all when its body breaks off, is too short, or too long", async () => {
    async function* broken() {
      yield pattern(500_000);
      throw new Error("gone");
    }
    await expect(bucket.put("k", broken())).rejects.toThrow("gone");
    await expect(bucket.put("k", inChunks(pattern(100_000)), { size: 100_001 })).rejects.toEqual(failure(10013));
    await expect(bucket.put("k", inChunks(pattern(100_000)), { size: 99_999 })).rejects.toEqual(failure(10013));
    await expect(bucket.put("k", Buffer.alloc(0), { size: 6 * 2 ** 30 })).rejects.toEqual(failure(100100));
    expect(await bucket.head("k")).toBeUndefined();
    await store.buckets.sweep();
    expect(files()).toEqual([]);
  });

  test("has the digest that it was said to have, or is refused", async () => {
    const bytes = pattern(50_000);
    for (const name of ["md5", "sha1", "sha256", "sha384", "sha512"] as const) {
      const put = await bucket.put("k", bytes, { expect: { [name]: hex(name, bytes) } });
      expect(put?.checksums).toEqual({ md5: hex("md5", bytes), [name]: hex(name, bytes) });
      const refused = bucket.put("k", bytes, { expect: { [name]: hex(name, Buffer.from("x")) } });
      await expect(refused).rejects.toThrow(hex(name, bytes));
    }
    const refuse = () => {
      throw new Error("bad trailer");
    };
    await expect(bucket.put("late", bytes, { arrived: refuse })).rejects.toThrow("bad trailer");
    const put = await bucket.put("late", bytes, { s3: "early", arrived: () => ({ s3: "late" }) });
    expect(put?.s3).toBe("late");
  });

  test("is given in ranges", async () => {
    const bytes = pattern(400_000);
    await bucket.put("k", bytes);
    const part = async (range: Parameters<Bucket["get"]>[1]) => {
      const found = await bucket.get("k", range);
      if (!found?.found) throw new Error("not found");
      const { offset, length } = found.range ?? { offset: 0, length: bytes.length };
      const same = (await found.body.bytes()).equals(bytes.subarray(offset, offset + length));
      return same && (found.range ? [offset, length] : "all");
    };
    expect(await part({ range: { offset: 300_000 } })).toEqual([300_000, 100_000]);
    expect(await part({ range: { length: 5 } })).toEqual([0, 5]);
    expect(await part({ range: { offset: 262_143, length: 2 } })).toEqual([262_143, 2]);
    expect(await part({ range: { offset: 399_999, length: 9 } })).toEqual([399_999, 1]);
    expect(await part({ range: { suffix: 10 } })).toEqual([399_990, 10]);
    expect(await part({ range: { suffix: 10_000_000 } })).toEqual([0, 400_000]);
    expect(await part({ range: "bytes=5-9" })).toEqual([5, 5]);
    expect(await part({ range: "bytes=-3" })).toEqual([399_997, 3]);
    expect(await part({ range: "bytes=1-2,5-6" })).toBe("all");
    expect(await part({ range: "lines=1-2" })).toBe("all");
    expect(await part({ partNumber: 1 })).toEqual([0, 400_000]);
    for (const range of [{ offset: 400_000 }, { suffix: 0 }, { length: 0 }, "bytes=400000-"]) {
      await expect(bucket.get("k", { range })).rejects.toEqual(failure(10039));
    }
  });

  test("is refused with a name or metadata that is too long", async () => {
    await expect(bucket.put("", "x" as never)).rejects.toEqual(failure(10020));
    await expect(bucket.put("ä".repeat(513), Buffer.alloc(1))).rejects.toEqual(failure(10020));
    await bucket.put("ä".repeat(512), Buffer.alloc(1), { custom: { a: "x".repeat(8191) } });
    const custom = { a: "x".repeat(8192) };
    await expect(bucket.put("k", Buffer.alloc(1), { custom })).rejects.toEqual(failure(10012));
  });
});

describe("conditions", () => {
  test("of a get are answered with the object alone", async () => {
    const put = await bucket.put("k", Buffer.from("value"));
    const etag = put?.etag ?? "";
    expect(await bucket.get("k", { onlyIf: { etagMatches: [{ value: "other" }] } })).toEqual({
      found: false,
      object: put,
    });
    expect(await bytesOf(await bucket.get("k", { onlyIf: { etagMatches: [{ value: etag }] } }))).toHaveLength(5);
  });

  test("of a put decide in the moment of the change", async () => {
    const none = { onlyIf: { etagDoesNotMatch: [{}] } };
    const puts = await Promise.all(Array.from({ length: 8 }, (_, n) => bucket.put("k", pattern(50_000, n), none)));
    const winners = puts.filter((one) => one !== undefined);
    expect(winners).toHaveLength(1);
    const etag = winners[0]?.etag ?? "";
    const same = { onlyIf: { etagMatches: [{ value: etag }] } };
    const next = await Promise.all([10, 11, 12].map((n) => bucket.put("k", pattern(40_000, n), same)));
    expect(next.filter((one) => one !== undefined)).toHaveLength(1);
    expect(await bucket.put("absent", Buffer.alloc(1), same)).toBeUndefined();
    await store.buckets.sweep();
    expect(files()).toHaveLength(1);
  });
});

describe("a customer's key", () => {
  const key = randomBytes(32);

  test("opens what was stored with it, in any range, and nothing else does", async () => {
    for (const size of [0, 10, 65_536, 65_537, 400_000]) {
      const bytes = pattern(size, size);
      const put = await bucket.put("k", inChunks(bytes), { customerKey: key });
      expect(put).toMatchObject({ size, etag: hex("md5", bytes), ssecKeyMd5: hex("md5", key) });
      expect((await bytesOf(await bucket.get("k", { customerKey: key }))).equals(bytes)).toBe(true);
      if (size < 65_537) continue;
      const found = await bucket.get("k", { customerKey: key, range: { offset: 65_530, length: 7 } });
      expect(await bytesOf(found)).toEqual(bytes.subarray(65_530, 65_537));
    }
    await expect(bucket.get("k")).rejects.toEqual(failure(10003));
    await expect(bucket.get("k", { customerKey: randomBytes(32) })).rejects.toEqual(failure(10003));
    await bucket.put("plain", Buffer.from("x"));
    await expect(bucket.get("plain", { customerKey: key })).rejects.toEqual(failure(10003));
    await expect(bucket.put("k", Buffer.alloc(1), { customerKey: randomBytes(16) })).rejects.toEqual(failure(10029));
  });
});

describe("a copy", () => {
  test("shares nothing that a later change of either could take away", async () => {
    const other = await store.make("other");
    const bytes = pattern(300_000);
    const put = await bucket.put("from", bytes, { http: { contentType: "a/b" }, custom: { a: "1" } });
    const copied = await other.copy("to", bucket, { key: "from" }, { metadata: "keep" });
    expect(copied).toMatchObject({ etag: put?.etag, http: { contentType: "a/b" }, custom: { a: "1" } });
    await bucket.delete("from");
    await store.buckets.sweep();
    expect((await bytesOf(await other.get("to"))).equals(bytes)).toBe(true);
    const replaced = await other.copy("to", other, { key: "to" }, { metadata: "replace", custom: { b: "2" } });
    expect(replaced).toMatchObject({ custom: { b: "2" }, http: {}, etag: put?.etag });
    expect((await bytesOf(await other.get("to"))).equals(bytes)).toBe(true);
  });

  test("may be encrypted anew, and minds conditions", async () => {
    const [one, two] = [randomBytes(32), randomBytes(32)];
    const bytes = pattern(200_000);
    const put = await bucket.put("from", bytes, { customerKey: one });
    await bucket.copy("to", bucket, { key: "from", customerKey: one }, { metadata: "keep", customerKey: two });
    expect((await bytesOf(await bucket.get("to", { customerKey: two }))).equals(bytes)).toBe(true);
    const source = { key: "from", customerKey: one };
    const mismatch = { ...source, onlyIf: { etagDoesNotMatch: [{ value: put?.etag ?? "" }] } };
    await expect(bucket.copy("x", bucket, mismatch, { metadata: "keep" })).rejects.toEqual(failure(10031));
    await expect(bucket.copy("x", bucket, { key: "none" }, { metadata: "keep" })).rejects.toEqual(failure(10007));
    const onlyIf = { etagDoesNotMatch: [{}] };
    expect(await bucket.copy("to", bucket, source, { metadata: "keep", onlyIf })).toBeUndefined();
  });
});

describe("deletion", () => {
  test("of many keys goes on over those that are locked or absent", async () => {
    for (const key of ["a", "keep/b", "c"]) await bucket.put(key, Buffer.from(key));
    const locks = [{ id: "l", enabled: true, prefix: "keep/", condition: { type: "Indefinite" as const } }];
    store.buckets.update(ACCOUNT, "things", { settings: { locks } });
    expect(await bucket.deleteMany(["a", "keep/b", "none", "c", "a"])).toEqual([
      { key: "a" },
      { key: "keep/b", error: failure(10069) },
      { key: "none" },
      { key: "c" },
      { key: "a" },
    ]);
    await expect(bucket.put("keep/b", Buffer.from("new"))).rejects.toEqual(failure(10069));
    await bucket.put("keep/new", Buffer.from("new"));
    store.buckets.update(ACCOUNT, "things", { settings: { locks: [] } });
    await bucket.delete("keep/b");
    expect((await bucket.list()).objects.map(({ key }) => key)).toEqual(["keep/new"]);
    await expect(bucket.deleteMany(Array.from({ length: 1001 }, String))).rejects.toEqual(failure(10029));
  });
});
