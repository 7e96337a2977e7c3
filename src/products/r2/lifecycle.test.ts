import { afterEach, beforeEach, expect, test } from "vitest";
import type { Bucket } from "./bucket.ts";
import type { LifecycleRule } from "./settings.ts";
import { ACCOUNT, pattern, TestBuckets } from "./testing.ts";

const DAY_MS = 86_400_000;

let store: TestBuckets;
let bucket: Bucket;
beforeEach(async () => {
  store = new TestBuckets();
  bucket = await store.make();
  for (const key of ["logs/a", "logs/b", "logs/old/c", "photos/d", "photos/e.keep"])
    await bucket.put(key, pattern(100));
});
afterEach(() => store[Symbol.dispose]());

const set = (...lifecycle: LifecycleRule[]) => store.buckets.update(ACCOUNT, "things", { settings: { lifecycle } });
const rule = (id: string, prefix: string, parts: Partial<LifecycleRule>): LifecycleRule => ({
  id,
  enabled: true,
  conditions: { prefix },
  ...parts,
});
const age = (days: number) => ({ condition: { type: "Age" as const, maxAge: days * 86_400 } });
const after = (days: number) => store.buckets.runLifecycles(Date.now() + days * DAY_MS);
const keys = async () => (await bucket.list()).objects.map(({ key }) => key);

test("objects expire by age under a prefix, by date, and not before", async () => {
  set(
    rule("logs", "logs/", { deleteObjectsTransition: age(30) }),
    rule("old logs", "logs/old/", { deleteObjectsTransition: age(10) }),
    rule("off", "", { enabled: false, deleteObjectsTransition: age(0) }),
  );
  expect(await after(9)).toMatchObject({ deleted: 0 });
  expect(await after(11)).toMatchObject({ deleted: 1 });
  expect(await keys()).toEqual(["logs/a", "logs/b", "photos/d", "photos/e.keep"]);
  expect(await after(31)).toMatchObject({ deleted: 2 });
  const date = new Date(Date.now() + 5 * DAY_MS).toISOString();
  set(rule("date", "photos/", { deleteObjectsTransition: { condition: { type: "Date", date } } }));
  expect(await after(4)).toMatchObject({ deleted: 0 });
  expect(await after(6)).toMatchObject({ deleted: 2 });
  expect(await keys()).toEqual([]);
});

test("objects move to another storage class, unless they expire", async () => {
  set(
    rule("move", "", { storageClassTransitions: [{ ...age(1), storageClass: "InfrequentAccess" }] }),
    rule("delete", "logs/", { deleteObjectsTransition: age(1) }),
  );
  expect(await after(2)).toEqual({ deleted: 3, moved: 2, aborted: 0 });
  expect(await after(2)).toEqual({ deleted: 0, moved: 0, aborted: 0 });
  expect(await bucket.head("photos/d")).toMatchObject({ storageClass: "InfrequentAccess", size: 100 });
});

test("locks keep objects from expiring", async () => {
  const locks = [
    { id: "l", enabled: true, prefix: "logs/a", condition: { type: "Age" as const, maxAgeSeconds: 3600 } },
  ];
  store.buckets.update(ACCOUNT, "things", { settings: { locks } });
  set(rule("all", "", { deleteObjectsTransition: age(0) }));
  expect(await after(1 / 86_400)).toMatchObject({ deleted: 4 });
  expect(await keys()).toEqual(["logs/a"]);
});

test("an object that came in place of an expired one stays", async () => {
  const old = await bucket.head("logs/a");
  await bucket.put("logs/a", pattern(5));
  expect(await bucket.expire([{ key: "logs/a", version: old?.version ?? "" }])).toBe(0);
  expect(await bucket.head("logs/a")).toMatchObject({ size: 5 });
});

test("uploads that nobody finished are aborted: after 7 days unless a rule says otherwise", async () => {
  await bucket.uploads.create("logs/x");
  await bucket.uploads.create("photos/x");
  expect(await after(6.9)).toMatchObject({ aborted: 0 });
  set(rule("soon", "logs/", { abortMultipartUploadsTransition: age(1) }));
  expect(await after(2)).toMatchObject({ aborted: 1 });
  expect((await bucket.uploads.list()).uploads.map(({ key }) => key)).toEqual(["photos/x"]);
  const other = await store.make("other");
  await other.uploads.create("x");
  expect(await after(7.1)).toMatchObject({ aborted: 1 });
});
