import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ACCOUNT, bytesOf, TestBuckets } from "./testing.ts";

let store: TestBuckets;
beforeEach(() => {
  store = new TestBuckets();
});
afterEach(() => store[Symbol.dispose]());

const failure = (code: number) => expect.objectContaining({ code });

test("buckets are made, listed in order, and found again after a restart", async () => {
  for (const name of ["bbb", "ccc", "aaa"])
    await store.buckets.create(ACCOUNT, name, { storageClass: "InfrequentAccess" });
  await store.buckets.create("b".repeat(32), "aaa");
  await expect(store.buckets.create(ACCOUNT, "aaa")).rejects.toEqual(failure(10004));
  for (const name of ["ab", "Abc", "-abc", "abc-", "a.c", "a".repeat(64)]) {
    await expect(store.buckets.create(ACCOUNT, name)).rejects.toEqual(failure(10005));
  }
  await expect(store.buckets.create(ACCOUNT, "ddd", { storageClass: "Cold" as never })).rejects.toEqual(failure(10062));
  const names = (options = {}) => store.buckets.list(ACCOUNT, options).map(({ name }) => name);
  expect(names()).toEqual(["aaa", "bbb", "ccc"]);
  expect(names({ after: "aaa", limit: 1 })).toEqual(["bbb"]);
  expect(names({ contains: "c" })).toEqual(["ccc"]);
  expect(names({ descending: true, after: "ccc" })).toEqual(["bbb", "aaa"]);
  const { info } = store.reopen().require(ACCOUNT, "bbb");
  expect(info).toMatchObject({
    storageClass: "InfrequentAccess",
    jurisdiction: "default",
    publicId: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  expect((await store.buckets.require(ACCOUNT, "bbb").put("k", Buffer.from("x")))?.storageClass).toBe(
    "InfrequentAccess",
  );
});

test("only an empty bucket is deleted, and nothing is put into it afterwards", async () => {
  const bucket = await store.make();
  await bucket.put("k", Buffer.alloc(100_000));
  await expect(store.buckets.delete(ACCOUNT, "things")).rejects.toEqual(failure(10008));
  await bucket.put("k", Buffer.alloc(100_000));
  await bucket.delete("k");
  const upload = await bucket.uploads.create("k");
  await expect(store.buckets.delete(ACCOUNT, "things")).rejects.toEqual(failure(10008));
  await bucket.uploads.abort("k", upload.id);
  async function* slow() {
    yield Buffer.alloc(100_000);
    await store.buckets.delete(ACCOUNT, "things");
  }
  await expect(bucket.put("late", slow())).rejects.toEqual(failure(10006));
  expect(() => store.buckets.require(ACCOUNT, "things")).toThrow("does not exist");
  await store.buckets.sweep();
  expect(existsSync(join(store.root, ACCOUNT, bucket.info.id))).toBe(false);
  expect(
    readdirSync(join(store.root, "contents"), { recursive: true, withFileTypes: true }).filter((one) => one.isFile()),
  ).toEqual([]);
  expect((await (await store.make()).list()).objects).toEqual([]);
});

test("a bucket is found by its id, and by its public name while that is switched on", async () => {
  const { info } = await store.make();
  expect(store.buckets.findPublic(info.publicId)).toBeUndefined();
  store.buckets.update(ACCOUNT, "things", { settings: { managedDomain: true } });
  expect(store.buckets.findPublic(info.publicId)?.info.name).toBe("things");
  expect(store.buckets.findById(ACCOUNT, info.id)?.info.name).toBe("things");
  expect(store.buckets.findById("b".repeat(32), info.id)).toBeUndefined();
  expect(store.buckets.findById(ACCOUNT, "0".repeat(32))).toBeUndefined();
  expect(store.reopen().findPublic(info.publicId)?.info.name).toBe("things");
});

test("settings that are changed one after the other, of whatever was read before, are all kept", async () => {
  await store.make();
  const cors = [{ allowed: { origins: ["*"], methods: ["GET"] } }];
  store.buckets.update(ACCOUNT, "things", { settings: { cors } });
  store.buckets.update(ACCOUNT, "things", { settings: { lifecycle: [] } });
  store.buckets.update(ACCOUNT, "things", { storageClass: "InfrequentAccess" });
  const { settings, storageClass } = store.reopen().require(ACCOUNT, "things").info;
  expect([settings, storageClass]).toEqual([{ cors, lifecycle: [] }, "InfrequentAccess"]);
});

test("no more buckets are open than descriptors allow, and settings are read of closed ones", async () => {
  using few = new TestBuckets({ mostOpen: 3 });
  for (const name of ["one", "two", "three"]) await few.make(name);
  await few.buckets.create(ACCOUNT, "four");
  expect(() => few.buckets.find(ACCOUNT, "four")).toThrow("Too many buckets are in use");
  expect(few.buckets.settingsOf(ACCOUNT, "four")?.lifecycle).toHaveLength(1);
  expect(few.buckets.settingsOf(ACCOUNT, "five")).toBeUndefined();
  expect(few.buckets.find(ACCOUNT, "one")?.info.name).toBe("one");
});

test("what a deleted bucket left behind when the process ended is removed by the next", async () => {
  const bucket = await store.make();
  const { id } = bucket.info;
  const reading = bucket.put("k", Buffer.alloc(100_000)).then(() => bucket.get("k"));
  await reading;
  await bucket.delete("k");
  await store.buckets.delete(ACCOUNT, "things");
  expect(existsSync(join(store.root, ACCOUNT, id))).toBe(true);
  await store.reopen().sweep();
  expect(existsSync(join(store.root, ACCOUNT, id))).toBe(false);
});

test("a bucket with objects whose name was lost keeps them", async () => {
  const bucket = await store.make();
  await bucket.put("k", Buffer.alloc(100_000));
  const { id } = bucket.info;
  const registry = new DatabaseSync(join(store.root, "buckets.sqlite"));
  registry.exec("delete from buckets");
  registry.close();
  await store.reopen().sweep();
  expect(existsSync(join(store.root, ACCOUNT, id, "index.sqlite"))).toBe(true);
  expect(readdirSync(join(store.root, "contents"), { recursive: true, withFileTypes: true })).toContainEqual(
    expect.objectContaining({ name: expect.stringMatching(/^[0-9a-f]{30}$/) }),
  );
});

test("a content that a row names is no garbage, although its writer gave it up", async () => {
  const bucket = await store.make();
  const { rows } = bucket;
  const put = rows.put.bind(rows);
  // As when the sync of the log fails: what was written stands there all the same.
  rows.put = async (...change) => {
    await put(...change);
    throw new Error("EIO");
  };
  await expect(bucket.put("k", Buffer.alloc(100_000, "x"))).rejects.toThrow("EIO");
  rows.put = put;
  await store.buckets.sweep();
  expect(await bytesOf(await bucket.get("k"))).toEqual(Buffer.alloc(100_000, "x"));
});
