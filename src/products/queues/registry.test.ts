import { afterEach, beforeEach, expect, test } from "vitest";
import { type TestPlatform, testPlatform } from "../../store/testing.ts";
import { ConsumerBody } from "./consumer-body.ts";
import { addConsumer, consumedBy, findConsumer, requireConsumer, updateConsumer } from "./consumers.ts";
import { createQueue, deleteQueue, knownQueues, listQueues, requireQueue, updateQueue } from "./registry.ts";
import { takeQueues } from "./snapshot.ts";

const PAGE = { number: 1, size: 100, offset: 0 };

let platform: TestPlatform;
let account: string;
beforeEach(async () => {
  platform = await testPlatform();
  account = platform.account.id;
});
afterEach(() => platform.end());

const code = (code: number) => expect.objectContaining({ failures: [expect.objectContaining({ code })] });
const consumer = (body: Record<string, unknown>) => ConsumerBody.parse(body);

test("a queue has its defaults, and its settings change one by one", async () => {
  const row = await createQueue(platform, account, "orders", {});
  expect(row).toMatchObject({ delivery_delay: 0, retention: 345_600, paused: 0 });
  await updateQueue(platform, row, { delivery_delay: 5 });
  await updateQueue(platform, row, { delivery_paused: true, message_retention_period: 60 });
  expect(await requireQueue(platform.db, account, row.id)).toMatchObject({
    delivery_delay: 5,
    retention: 60,
    paused: 1,
  });
  await expect(updateQueue(platform, row, { delivery_delay: 86_401 })).rejects.toEqual(code(100128));
  await expect(updateQueue(platform, row, { message_retention_period: 59 })).rejects.toEqual(code(100128));
});

test.each(["", "-a", "a-", "A", "a_b", "a".repeat(64)])("%j cannot be a name", async (name) => {
  await expect(createQueue(platform, account, name, {})).rejects.toEqual(code(11005));
});

test("a name is taken once in an account", async () => {
  await createQueue(platform, account, "a", {});
  await expect(createQueue(platform, account, "a", {})).rejects.toEqual(code(11009));
});

test("lists filter exactly, by several names", async () => {
  for (const name of ["b", "a", "ab"]) await createQueue(platform, account, name, {});
  const names = async (wanted: string[]) =>
    (await listQueues(platform.db, account, PAGE, wanted)).rows.map((row) => row.name);
  expect(await names([])).toEqual(["a", "ab", "b"]);
  expect(await names(["a"])).toEqual(["a"]);
  expect(await names(["b", "a", "none"])).toEqual(["a", "b"]);
  const bound = [{ type: "queue", queue_name: "a" }, { type: "queue", queue_name: "none" }, null, { type: "kv" }];
  expect([...(await knownQueues(platform.db, account, bound)).keys()]).toEqual(["a"]);
});

test("a queue has one consumer, whose dead letter queue is made", async () => {
  const row = await createQueue(platform, account, "orders", {});
  const pull = consumer({ type: "http_pull", dead_letter_queue: "dead", settings: { max_retries: 1 } });
  const added = await addConsumer(platform, row, pull);
  await expect(addConsumer(platform, row, pull)).rejects.toEqual(code(11004));
  const dead = (await listQueues(platform.db, account, PAGE, ["dead"])).rows[0];
  const { queues } = await takeQueues(platform.db);
  expect(queues.find(({ name }) => name === "orders")?.consumer).toEqual({
    type: "http_pull",
    consumerId: added.id,
    batchSize: 5,
    maxRetries: 1,
    retryDelayS: 0,
    visibilityTimeoutMs: 30_000,
    deadLetter: { name: "dead", queueId: dead?.id },
  });
  await updateConsumer(platform, row, added, consumer({ type: "http_pull", settings: { batch_size: 100 } }));
  expect(await requireConsumer(platform.db, row, added.id)).toMatchObject({ dead_letter_queue: null });
  await expect(requireConsumer(platform.db, row, "other")).rejects.toEqual(code(11003));
});

test("a Worker must be there and have a handler", async () => {
  const row = await createQueue(platform, account, "orders", {});
  await expect(addConsumer(platform, row, consumer({ script_name: "none" }))).rejects.toEqual(code(100127));
  await expect(addConsumer(platform, row, consumer({ type: "worker" }))).rejects.toEqual(code(100127));
  expect(await consumedBy(platform.db, account, "none")).toEqual([]);
});

test.each([
  [{ type: "http_pull", settings: { batch_size: 101 } }, "batch_size"],
  [{ type: "http_pull", settings: { max_wait_time_ms: 1 } }, "max_wait_time_ms"],
  [{ type: "http_pull", settings: { visibility_timeout_ms: 0 } }, "visibility_timeout_ms"],
  [{ script_name: "w", settings: { max_retries: 101 } }, "max_retries"],
  [{ script_name: "w", settings: { max_concurrency: 251 } }, "max_concurrency"],
  [{ script_name: "w", settings: { visibility_timeout_ms: 1 } }, "visibility_timeout_ms"],
  [{ script_name: "w", settings: { retry_delay: 1.5 } }, "retry_delay"],
])("settings that cannot be: %j", async (body, name) => {
  const row = await createQueue(platform, account, "orders", {});
  await expect(addConsumer(platform, row, consumer(body))).rejects.toThrow(name);
});

test("a queue that others send to is not deleted; its own consumer goes with it", async () => {
  const row = await createQueue(platform, account, "orders", {});
  await addConsumer(platform, row, consumer({ type: "http_pull", dead_letter_queue: "dead" }));
  const dead = (await listQueues(platform.db, account, PAGE, ["dead"])).rows[0];
  if (!dead) throw new Error("there is no dead letter queue");
  await expect(deleteQueue(platform, dead)).rejects.toThrow('dead letter queue of "orders"');
  await deleteQueue(platform, row);
  expect(await findConsumer(platform.db, row)).toBeUndefined();
  await deleteQueue(platform, dead);
  expect(await takeQueues(platform.db)).toEqual({ queues: [] });
});
