import { afterAll, beforeAll, expect, test } from "vitest";
import type { Bucket } from "./bucket.ts";
import type { ListOptions } from "./model.ts";
import type { ListedRow } from "./rows.ts";
import { TestBuckets } from "./testing.ts";

const names = [
  "a",
  "a/1",
  "a/2",
  "a/b/1",
  "b",
  ...Array.from({ length: 60 }, (_, n) => `dir/${String(n).padStart(3, "0")}`),
  "dir0",
  "é/1",
  "日本/1",
  "🌍",
];

let store: TestBuckets;
let bucket: Bucket;
beforeAll(async () => {
  store = new TestBuckets();
  bucket = await store.make();
  await Promise.all(names.toReversed().map((name) => bucket.put(name, Buffer.from(name))));
});
afterAll(() => store[Symbol.dispose]());

/** Every page's objects and prefixes together, and how many pages it took. */
async function all(options: ListOptions) {
  const found: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await bucket.list({ ...options, cursor });
    const together = [...page.objects.map(({ key }) => key), ...page.prefixes];
    if (together.length > (options.limit ?? 1000)) throw new Error("a page is too large");
    found.push(...together.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    cursor = page.cursor;
    pages++;
  } while (cursor);
  return { found, pages };
}

test("keys come in the order of their bytes, however many make a page", async () => {
  expect(await all({})).toEqual({ found: names, pages: 1 });
  for (const limit of [1, 7, 10]) {
    expect(await all({ limit })).toEqual({ found: names, pages: Math.ceil(names.length / limit) });
  }
});

test("a delimiter gives each prefix once", async () => {
  const top = ["a", "a/", "b", "dir/", "dir0", "é/", "日本/", "🌍"];
  for (const limit of [1, 2, 3, 1000]) expect((await all({ delimiter: "/", limit })).found).toEqual(top);
  expect((await all({ delimiter: "/", prefix: "a/" })).found).toEqual(["a/1", "a/2", "a/b/"]);
  expect((await all({ delimiter: "/", prefix: "a" })).found).toEqual(["a", "a/"]);
  expect((await all({ delimiter: "r/0" })).found).toContain("dir/0");
});

test("a page begins after a key, or after a prefix", async () => {
  expect((await all({ startAfter: "dir/058" })).found).toEqual(["dir/059", "dir0", "é/1", "日本/1", "🌍"]);
  expect((await all({ startAfter: "dir/", delimiter: "/" })).found).toEqual(["dir0", "é/", "日本/", "🌍"]);
  expect((await all({ startAfter: "a", prefix: "dir/0", limit: 20 })).found).toHaveLength(60);
});

test("a limit or cursor that cannot be is refused", async () => {
  for (const limit of [0, 1001, 1.5]) await expect(bucket.list({ limit })).rejects.toMatchObject({ code: 10022 });
  await expect(bucket.list({ cursor: "%%" })).rejects.toMatchObject({ code: 10029 });
});

test("a page of prefixes does not read what is below them", async () => {
  const deep = await store.make("deep");
  const puts = [];
  for (let dir = 0; dir < 30; dir++) {
    for (let n = 0; n < 100; n++) puts.push(deep.put(`${String(dir).padStart(2, "0")}/${n}`, Buffer.alloc(0)));
  }
  await Promise.all(puts);
  let rows = 0;
  const { list } = deep.rows;
  deep.rows.list = (...range) => {
    const found = list.apply(deep.rows, range) as ListedRow[];
    rows += found.length;
    return found;
  };
  expect((await deep.list({ delimiter: "/" })).prefixes).toHaveLength(30);
  expect(rows).toBeLessThan(1000);
});
