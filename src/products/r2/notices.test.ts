import { afterEach, beforeEach, expect, test } from "vitest";
import type { Bucket } from "./bucket.ts";
import type { NotificationMessage } from "./notices.ts";
import type { QueueNotifications } from "./settings.ts";
import { ACCOUNT, pattern, TestBuckets } from "./testing.ts";

let store: TestBuckets;
let bucket: Bucket;
let told: { queueId: string; message: NotificationMessage }[];
let failing: boolean;

beforeEach(async () => {
  told = [];
  failing = false;
  store = new TestBuckets({
    async enqueue(accountId, queueId, messages) {
      if (failing || accountId !== ACCOUNT) throw new Error("the queue is away");
      if (queueId === "gone") return false;
      told.push(...messages.map((text) => ({ queueId, message: JSON.parse(text) as NotificationMessage })));
      return true;
    },
  });
  bucket = await store.make();
});
afterEach(() => store[Symbol.dispose]());

const set = (...notifications: QueueNotifications[]) =>
  store.buckets.update(ACCOUNT, "things", { settings: { notifications } });
const rule = (parts: Partial<QueueNotifications["rules"][0]>) => ({
  ruleId: "r",
  createdAt: "",
  actions: ["PutObject" as const],
  ...parts,
});

test("what rules ask for is told, in order, with what it is about", async () => {
  const all = ["PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject", "LifecycleDeletion"] as const;
  set(
    { queueId: "q1", queueName: "one", rules: [rule({ actions: [...all], prefix: "a/" })] },
    { queueId: "q2", queueName: "two", rules: [rule({ suffix: ".jpg" })] },
    { queueId: "gone", queueName: "gone", rules: [rule({ prefix: "a/" })] },
  );
  const put = await bucket.put("a/x.jpg", pattern(20_000));
  await bucket.put("other", pattern(1));
  await bucket.copy("a/copy", bucket, { key: "a/x.jpg" }, { metadata: "keep" });
  const { id } = await bucket.uploads.create("a/parts");
  await bucket.uploads.complete("a/parts", id, [await bucket.uploads.putPart("a/parts", id, 1, pattern(10))]);
  await bucket.deleteMany(["a/copy", "never", "other"]);
  const lifecycle = [
    {
      id: "l",
      enabled: true,
      conditions: { prefix: "a/x" },
      deleteObjectsTransition: { condition: { type: "Age" as const, maxAge: 0 } },
    },
  ];
  store.buckets.update(ACCOUNT, "things", { settings: { lifecycle } });
  await store.buckets.runLifecycles(Date.now() + 1000);
  await expect.poll(() => told).toHaveLength(6);
  const of = (queue: string) => told.filter(({ queueId }) => queueId === queue).map(({ message }) => message);
  expect(of("q1").map(({ action, object }) => [action, object.key])).toEqual([
    ["PutObject", "a/x.jpg"],
    ["CopyObject", "a/copy"],
    ["CompleteMultipartUpload", "a/parts"],
    ["DeleteObject", "a/copy"],
    ["LifecycleDeletion", "a/x.jpg"],
  ]);
  expect(of("q2")).toEqual([
    {
      account: ACCOUNT,
      action: "PutObject",
      bucket: "things",
      object: { key: "a/x.jpg", size: 20_000, eTag: put?.etag },
      eventTime: new Date(put?.uploaded ?? 0).toISOString(),
    },
  ]);
  expect(of("q1")[1]?.copySource).toEqual({ bucket: "things", object: "a/x.jpg" });
  expect(of("q1")[3]?.object).toEqual({ key: "a/copy" });
});

test("a queue that is away gets it later, and after a restart", async () => {
  set({ queueId: "q1", queueName: "one", rules: [rule({})] });
  failing = true;
  await bucket.put("k", pattern(1));
  store.reopen();
  await store.buckets.sweep();
  expect(told).toEqual([]);
  failing = false;
  await expect
    .poll(async () => {
      await store.buckets.sweep();
      return told;
    })
    .toHaveLength(1);
  await store.buckets.sweep();
  expect(await store.buckets.require(ACCOUNT, "things").rows.notices(0, 10)).toEqual([]);
});
