/** Delivery to Workers: how batches form, how many at once, and what becomes of their messages. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { DeliveryBudget } from "./delivery-budget.ts";
import { ACCOUNT, DEAD, type HeldBatch, pushConsumer, QUEUE, queueRecord, TestBroker } from "./testing.ts";

let broker: TestBroker;
afterEach(() => broker.end());

const texts = (count: number, prefix = "m") => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

async function batch(number: number): Promise<HeldBatch> {
  await expect.poll(() => broker.held.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(number);
  return broker.held[number - 1] as HeldBatch;
}

test("a full batch goes at once, what is left when its time has come", async () => {
  broker = new TestBroker([queueRecord({ consumer: pushConsumer({ batchSize: 3, maxWaitMs: 3000 }) })]);
  const began = Date.now();
  await broker.send(texts(4));
  const first = await batch(1);
  expect(first.texts).toEqual(["m0", "m1", "m2"]);
  expect(first.script).toBe("worker");
  expect(first.event).toMatchObject({ queue: "orders", metrics: { backlogCount: 4, backlogBytes: 8 } });
  expect(Date.now() - began).toBeLessThan(2900);
  first.end();
  expect((await batch(2)).texts).toEqual(["m3"]);
  expect(Date.now() - began).toBeGreaterThanOrEqual(2990);
  (await batch(2)).end();
  await expect.poll(() => broker.backlog()).toBe(0);
});

test("as many batches as allowed are under way, of all queues side by side", async () => {
  const consumer = pushConsumer({ batchSize: 1, maxConcurrency: 3 });
  const other = "2".repeat(32);
  broker = new TestBroker([
    queueRecord({ consumer }),
    queueRecord({ queueId: other, name: "other", consumer: pushConsumer({ batchSize: 1, maxConcurrency: 1 }) }),
  ]);
  await Promise.all([broker.send(texts(5)), broker.send(texts(2, "o"), { queueId: other })]);
  await batch(4);
  await new Promise((resolve) => setTimeout(resolve, 30));
  const running = broker.held.map(({ event }) => event.queue).sort();
  expect(running).toEqual(["orders", "orders", "orders", "other"]);
});

test("without a number, one more batch goes after each that went well, and fewer after one that failed", async () => {
  broker = new TestBroker([queueRecord({ consumer: pushConsumer({ batchSize: 1, retryDelayS: 60 }) })]);
  await broker.send(texts(20));
  (await batch(1)).end();
  const [, second] = [await batch(3), broker.held[1]];
  expect(broker.held).toHaveLength(3);
  second?.end();
  (await batch(3)).end();
  await batch(7);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(broker.held).toHaveLength(7);
  // Four are under way: after a failure two may be.
  broker.held[3]?.end({ outcome: "exception" });
  broker.held[4]?.end();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(broker.held.length).toBeLessThanOrEqual(8);
});

test("what fails comes again, then goes to the dead letter queue as it is", async () => {
  const consumer = pushConsumer({ maxRetries: 1, deadLetter: { name: "dead", queueId: DEAD } });
  broker = new TestBroker([queueRecord({ consumer }), queueRecord({ queueId: DEAD, name: "dead" })]);
  await broker.send(["bad", "good"]);
  const first = await batch(1);
  const [bad] = first.event.messages;
  first.end({ verdict: { retryMessages: [{ msgId: bad?.id ?? "" }] } });
  const second = await batch(2);
  expect(second.texts).toEqual(["bad"]);
  expect(second.attempts).toEqual([2]);
  second.end({ outcome: "exception" });
  await expect.poll(() => broker.backlog()).toBe(0);
  const [dead] = await (await broker.queues.find(ACCOUNT, DEAD)).lease(10, Date.now() + 1000);
  expect(dead).toMatchObject({ id: bad?.id, sentMs: bad?.timestampMs, attempts: 1 });
});

test("without a dead letter queue they are dropped; when it is gone they stay", async () => {
  const consumer = pushConsumer({ maxRetries: 0 });
  broker = new TestBroker([queueRecord({ consumer })]);
  await broker.send(["bad"]);
  (await batch(1)).end({ outcome: "exception" });
  await expect.poll(() => broker.backlog()).toBe(0);
  broker.load(queueRecord({ consumer: { ...consumer, deadLetter: { name: "dead" } } }));
  await broker.send(["worse"]);
  (await batch(2)).end({ outcome: "ok", verdict: { retryBatch: { retry: true } } });
  await expect.poll(() => broker.consumers.failure(QUEUE)).toContain('dead letter queue "dead"');
  expect(await broker.backlog()).toBe(1);
});

test("a Worker that cannot be reached costs no delivery, and says why", async () => {
  broker = new TestBroker([queueRecord({ consumer: pushConsumer() })]);
  await broker.send(["a"]);
  (await batch(1)).end({ outcome: "scriptNotFound", begun: false, message: 'Worker "worker" does not exist.' });
  await expect.poll(() => broker.consumers.failure(QUEUE)).toContain('Worker "worker" does not exist.');
  expect(await broker.backlog()).toBe(1);
  // It is tried again soon, and at once when something is deployed.
  broker.consumers.retryFailed();
  const again = await batch(2);
  expect(again.attempts).toEqual([1]);
  again.end();
  await expect.poll(() => broker.backlog()).toBe(0);
  expect(broker.consumers.failure(QUEUE)).toBeUndefined();
});

test("what the store could not take is stored later", async () => {
  broker = new TestBroker([queueRecord({ consumer: pushConsumer() })]);
  await broker.send(["a"]);
  const first = await batch(1);
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const queue = await broker.queues.find(ACCOUNT, QUEUE);
  const settle = vi.spyOn(queue, "settle").mockRejectedValueOnce(new Error("disk I/O error"));
  first.end();
  await expect.poll(() => broker.consumers.failure(QUEUE)).toContain("disk I/O error");
  await expect.poll(() => broker.backlog(), { timeout: 20_000 }).toBe(0);
  expect(settle).toHaveBeenCalledTimes(2);
  expect(broker.held).toHaveLength(1);
  log.mockRestore();
});

test("what is under way has bounds, in bytes; who waits for room is woken by who leaves", () => {
  const budget = new DeliveryBudget(10);
  const woken: string[] = [];
  const waiting = (name: string) => ({ wake: () => void woken.push(name) });
  const [one, other] = [waiting("one"), waiting("other")];
  expect(budget.enter(one, 6)).toBe(true);
  expect([budget.enter(one, 6), budget.enter(other, 5)]).toEqual([false, false]);
  budget.leave(6);
  expect(woken).toEqual(["one", "other"]);
  expect(budget.enter(other, 10)).toBe(true);
});

test("delays are kept: of a message, of a queue, of a retry", async () => {
  broker = new TestBroker([queueRecord({ deliveryDelayS: 1, consumer: pushConsumer({ batchSize: 1 }) })]);
  const began = Date.now();
  await broker.send(["late"]);
  await broker.send(["now"], { delayS: 0 });
  const first = await batch(1);
  expect(first.texts).toEqual(["now"]);
  first.end({ verdict: { retryBatch: { retry: true, delaySeconds: 2 } } });
  const second = await batch(2);
  expect(second.texts).toEqual(["late"]);
  expect(Date.now() - began).toBeGreaterThanOrEqual(1000);
  second.end();
  const third = await batch(3);
  expect(third).toMatchObject({ texts: ["now"], attempts: [2] });
  expect(Date.now() - began).toBeGreaterThanOrEqual(2000);
});

test("a paused queue delivers nothing until it goes on", async () => {
  const record = queueRecord({ paused: true, consumer: pushConsumer() });
  broker = new TestBroker([record]);
  await broker.send(["a"]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(broker.held).toEqual([]);
  broker.load({ ...record, paused: false });
  expect((await batch(1)).texts).toEqual(["a"]);
});

test("what a killed process had under way is delivered again at once, with one more attempt", async () => {
  broker = new TestBroker([queueRecord({ consumer: pushConsumer() })]);
  await broker.send(["a", "b"]);
  const lost = await batch(1);
  await broker.restart();
  const again = await batch(1);
  expect(again).not.toBe(lost);
  expect(again).toMatchObject({ texts: ["a", "b"], attempts: [2, 2] });
});

test("a consumer that is removed gets no more, and another one all that is left", async () => {
  broker = new TestBroker([queueRecord({ consumer: pushConsumer({ batchSize: 1, maxConcurrency: 1 }) })]);
  await broker.send(["a", "b"]);
  const first = await batch(1);
  broker.load(queueRecord());
  first.end();
  await expect.poll(() => broker.backlog()).toBe(1);
  expect(broker.held).toHaveLength(1);
  broker.load(queueRecord({ consumer: pushConsumer({ script: "other" }) }));
  expect(await batch(2)).toMatchObject({ script: "other", texts: ["b"] });
});

test("the messages of a deleted queue go with it, while one is under way too", async () => {
  broker = new TestBroker([queueRecord({ consumer: pushConsumer() })]);
  await broker.send(["a"]);
  const first = await batch(1);
  broker.load();
  await expect.poll(() => existsSync(join(broker.root, ACCOUNT, QUEUE))).toBe(false);
  first.end();
  await expect(broker.queues.find(ACCOUNT, QUEUE)).rejects.toMatchObject({ code: 10104 });
});

test("what is past its retention is removed", async () => {
  broker = new TestBroker([queueRecord({ retentionS: -1 })]);
  await broker.send(texts(3));
  const queue = await broker.queues.find(ACCOUNT, QUEUE);
  await queue.sweep();
  expect(await broker.backlog()).toBe(0);
});

test("a queue of another account does not exist", async () => {
  broker = new TestBroker([queueRecord()]);
  await expect(broker.queues.find("b".repeat(32), QUEUE)).rejects.toMatchObject({ code: 10104 });
});
