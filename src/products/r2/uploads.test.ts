import { createHash, randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Bucket } from "./bucket.ts";
import { bytesOf, inChunks, pattern, TestBuckets } from "./testing.ts";

const MIB = 1024 * 1024;
const PART = 5 * MIB;

let store: TestBuckets;
let bucket: Bucket;
beforeEach(async () => {
  store = new TestBuckets();
  bucket = await store.make();
});
afterEach(() => store[Symbol.dispose]());

const md5 = (bytes: Buffer) => createHash("md5").update(bytes).digest();
const failure = (code: number) => expect.objectContaining({ code });
const files = () =>
  readdirSync(join(store.root, "contents"), { recursive: true, withFileTypes: true }).filter((one) => one.isFile());

async function putParts(key: string, id: string, parts: Buffer[], customerKey?: Buffer) {
  const all = parts.map((bytes, at) =>
    bucket.uploads.putPart(key, id, at + 1, inChunks(bytes, 200_000), { customerKey }),
  );
  return (await Promise.all(all)).map(({ number, etag }) => ({ number, etag }));
}

test("an object is made of its parts as they are", async () => {
  const parts = [pattern(PART, 1), pattern(PART, 2), pattern(1234, 3)];
  const whole = Buffer.concat(parts);
  const { id } = await bucket.uploads.create("k", { http: { contentType: "a/b" }, custom: { x: "y" } });
  await bucket.uploads.putPart("k", id, 2, Buffer.from("replaced"));
  const named = await putParts("k", id, parts);
  expect(await bucket.head("k")).toBeUndefined();
  const object = await bucket.uploads.complete("k", id, named);
  const etag = `${createHash("md5")
    .update(Buffer.concat(parts.map(md5)))
    .digest("hex")}-3`;
  expect(object).toMatchObject({
    size: whole.length,
    etag,
    http: { contentType: "a/b" },
    custom: { x: "y" },
    checksums: {},
  });
  await store.buckets.sweep();
  expect(files()).toHaveLength(3);
  expect((await bytesOf(await bucket.get("k"))).equals(whole)).toBe(true);
  const across = await bucket.get("k", { range: { offset: PART - 3, length: PART + 6 } });
  expect((await bytesOf(across)).equals(whole.subarray(PART - 3, 2 * PART + 3))).toBe(true);
  const second = await bucket.get("k", { partNumber: 2 });
  expect(second).toMatchObject({ range: { offset: PART, length: PART }, partCount: 3 });
  expect((await bytesOf(second)).equals(parts[1] as Buffer)).toBe(true);
  await expect(bucket.uploads.complete("k", id, named)).rejects.toEqual(failure(10024));
  await bucket.delete("k");
  await store.buckets.sweep();
  expect(files()).toEqual([]);
});

test("parts that are missing, wrong, too small or uneven are refused, and the upload goes on", async () => {
  const { id } = await bucket.uploads.create("k");
  const named = await putParts("k", id, [pattern(PART), pattern(PART + 1), pattern(10)]);
  const [one, two, three] = named as [(typeof named)[0], (typeof named)[0], (typeof named)[0]];
  const attempt = (parts: typeof named) => bucket.uploads.complete("k", id, parts);
  await expect(attempt([])).rejects.toEqual(failure(10025));
  await expect(attempt([one, { number: 4, etag: one.etag }])).rejects.toEqual(failure(10025));
  await expect(attempt([{ ...one, etag: two.etag }])).rejects.toEqual(failure(10025));
  await expect(attempt([one, one])).rejects.toEqual(failure(10025));
  await expect(attempt([one, two])).rejects.toEqual(failure(10048));
  await expect(attempt([one, two, three])).rejects.toEqual(failure(10048));
  await expect(attempt([{ ...three }, { number: 1, etag: one.etag }, { number: 2, etag: "x" }])).rejects.toEqual(
    failure(10025),
  );
  const small = await bucket.uploads.putPart("k", id, 1, pattern(100));
  await expect(attempt([{ number: 1, etag: small.etag }, three])).rejects.toEqual(failure(10011));
  await expect(bucket.uploads.putPart("k", id, 0, pattern(1))).rejects.toEqual(failure(10029));
  await expect(bucket.uploads.putPart("other", id, 1, pattern(1))).rejects.toEqual(failure(10024));
  expect(await attempt([three])).toMatchObject({ size: 10, etag: expect.stringMatching(/-1$/) });
  await store.buckets.sweep();
  expect(files()).toHaveLength(1);
});

test("an upload that is aborted leaves nothing", async () => {
  const { id } = await bucket.uploads.create("k");
  await putParts("k", id, [pattern(100), pattern(100)]);
  await bucket.uploads.abort("k", id);
  await expect(bucket.uploads.abort("k", id)).rejects.toEqual(failure(10024));
  await expect(bucket.uploads.putPart("k", id, 3, pattern(100))).rejects.toEqual(failure(10024));
  await store.buckets.sweep();
  expect(files()).toEqual([]);
});

test("uploads and parts are listed", async () => {
  const keys = ["a/1", "a/2", "b", "b", "c"];
  for (const key of keys) await bucket.uploads.create(key);
  const all = await bucket.uploads.list();
  expect(all.uploads.map(({ key }) => key)).toEqual(keys);
  expect(all.next).toBeUndefined();
  const first = await bucket.uploads.list({ limit: 3 });
  expect(first.uploads).toHaveLength(3);
  const rest = await bucket.uploads.list(first.next ? { after: first.next } : {});
  expect([...first.uploads, ...rest.uploads]).toEqual(all.uploads);
  expect(await bucket.uploads.list({ delimiter: "/", limit: 2 })).toMatchObject({
    prefixes: ["a/"],
    uploads: [{ key: "b" }],
    next: { key: "b" },
  });
  expect((await bucket.uploads.list({ after: { key: "b" } })).uploads.map(({ key }) => key)).toEqual(["c"]);
  const { id } = all.uploads[4] as { id: string };
  await putParts("c", id, [pattern(5), pattern(6), pattern(7)]);
  const page = await bucket.uploads.listParts("c", id, { limit: 2 });
  expect(page).toMatchObject({ truncated: true, parts: [{ number: 1, size: 5 }, { number: 2 }] });
  expect(await bucket.uploads.listParts("c", id, { after: 2 })).toMatchObject({
    truncated: false,
    parts: [{ number: 3 }],
  });
});

test("a list with a delimiter gives each prefix once, page by page", async () => {
  const keys = ["a", "b/", "b/1", "b/2", "b/x/1", "c", "d/1", "d/2", "ü/1", "😀/1"];
  for (const key of keys) for (let n = 0; n < 40; n++) await bucket.uploads.create(key);
  const seen: string[] = [];
  let after: { key: string; uploadId?: string } | undefined;
  do {
    const page = await bucket.uploads.list({ delimiter: "/", limit: 30, ...(after && { after }) });
    seen.push(...page.prefixes, ...new Set(page.uploads.map(({ key }) => key)));
    after = page.next;
  } while (after);
  expect(seen.filter((one) => one.endsWith("/"))).toEqual(["b/", "d/", "ü/", "😀/"]);
  expect(new Set(seen)).toEqual(new Set(["a", "b/", "c", "d/", "ü/", "😀/"]));
  const below = await bucket.uploads.list({ prefix: "b/", delimiter: "/", limit: 200 });
  expect([below.prefixes, below.uploads.length]).toEqual([["b/x/"], 120]);
  // What S3 clients send on: the prefix alone.
  expect(await bucket.uploads.list({ delimiter: "/", after: { key: "d/" } })).toMatchObject({
    prefixes: ["ü/", "😀/"],
  });
});

test("others have their turn while a list jumps over many prefixes", async () => {
  await Promise.all(Array.from({ length: 1100 }, (_, n) => bucket.uploads.create(`${n}/x`)));
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  const listed = bucket.uploads.list({ delimiter: "/", limit: 1100 });
  expect((await listed).prefixes).toHaveLength(1100);
  expect(turned).toBe(true);
});

test("parts are copied from objects, whole or in part", async () => {
  const bytes = pattern(PART + 10);
  await bucket.put("from", bytes);
  const { id } = await bucket.uploads.create("to");
  const one = await bucket.uploads.copyPart("to", id, 1, bucket, { key: "from" });
  const two = await bucket.uploads.copyPart("to", id, 2, bucket, { key: "from", range: { offset: 5, length: 7 } });
  await bucket.delete("from");
  await store.buckets.sweep();
  await bucket.uploads.complete("to", id, [one, two]);
  const found = await bytesOf(await bucket.get("to"));
  expect(found.equals(Buffer.concat([bytes, bytes.subarray(5, 12)]))).toBe(true);
});

test("parts are encrypted with the upload's key", async () => {
  const customerKey = randomBytes(32);
  const { id } = await bucket.uploads.create("k", { customerKey });
  await expect(bucket.uploads.putPart("k", id, 1, pattern(10))).rejects.toEqual(failure(10003));
  const parts = [pattern(PART, 1), pattern(100_000, 2)];
  const named = await putParts("k", id, parts, customerKey);
  await bucket.uploads.complete("k", id, named);
  const found = await bucket.get("k", { customerKey, range: { offset: PART - 70_000, length: 100_000 } });
  expect((await bytesOf(found)).equals(Buffer.concat(parts).subarray(PART - 70_000, PART + 30_000))).toBe(true);
});

test("a condition of the completion leaves the upload as it was", async () => {
  await bucket.put("k", Buffer.from("there"));
  const { id } = await bucket.uploads.create("k");
  const named = await putParts("k", id, [pattern(100)]);
  expect(await bucket.uploads.complete("k", id, named, { onlyIf: { etagDoesNotMatch: [{}] } })).toBeUndefined();
  await store.buckets.sweep();
  const arrived = (_: unknown, parts: { size: number }[]) => ({ s3: `${parts.length} parts` });
  expect(await bucket.uploads.complete("k", id, named, { arrived })).toMatchObject({ size: 100, s3: "1 parts" });
  expect(await bytesOf(await bucket.get("k"))).toHaveLength(100);
});
