/** Pull consumers: leases, acknowledgements and what comes again. */
import { afterEach, expect, test, vi } from "vitest";
import type { PullConsumer } from "../../domain/queues.ts";
import { acknowledge, pull } from "./pull.ts";
import { ACCOUNT, DEAD, pullConsumer, QUEUE, queueRecord, TestBroker } from "./testing.ts";

let broker: TestBroker;
afterEach(async () => {
  vi.useRealTimers();
  await broker.end();
});

interface Pulled {
  message_backlog_count: number;
  messages: { id: string; body: string; attempts: number; lease_id: string; metadata: Record<string, string> }[];
}

function setUp(parts: Partial<PullConsumer> = {}) {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_800_000_000_000 });
  const consumer = pullConsumer(parts);
  broker = new TestBroker([queueRecord({ consumer }), queueRecord({ queueId: DEAD, name: "dead" })]);
  const queue = () => broker.queues.find(ACCOUNT, QUEUE);
  return {
    pull: async (request: unknown = {}) => (await pull(broker.queues, await queue(), consumer, request)) as Pulled,
    ack: async (request: unknown) => acknowledge(await queue(), consumer, request),
  };
}

test("messages are leased, and acknowledged by their leases", async () => {
  const { pull, ack } = setUp({ batchSize: 2 });
  await broker.send(["a", "b", "c"]);
  const first = await pull();
  expect(first.messages.map(({ body, attempts }) => [body, attempts])).toEqual([
    ["a", 1],
    ["b", 1],
  ]);
  expect(first.message_backlog_count).toBe(3);
  expect((await pull({ batch_size: 10 })).messages.map(({ body }) => body)).toEqual(["c"]);
  expect((await pull()).messages).toEqual([]);
  const acks = first.messages.map(({ lease_id }) => ({ lease_id }));
  expect(await ack({ acks })).toEqual({ ackCount: 2, retryCount: 0, warnings: {} });
  expect(await broker.backlog()).toBe(1);
});

test("bodies that are no text are base64, and say what they are", async () => {
  const { pull } = setUp();
  await broker.queues.enqueue(ACCOUNT, QUEUE, [
    { contentType: "json", body: Buffer.from('{"a":1}') },
    { contentType: "bytes", body: Uint8Array.of(0, 255) },
    { contentType: "text", body: Buffer.from("ü") },
  ]);
  const { messages } = await pull();
  expect(messages.map(({ body, metadata }) => [body, metadata["CF-Content-Type"]])).toEqual([
    [Buffer.from('{"a":1}').toString("base64"), "json"],
    ["AP8=", "bytes"],
    ["ü", "text"],
  ]);
});

test("a lease ends by its time; it may still acknowledge, but no more put off", async () => {
  const { pull, ack } = setUp({ visibilityTimeoutMs: 10_000 });
  await broker.send(["a"]);
  const [lease] = (await pull()).messages;
  vi.setSystemTime(Date.now() + 9_999);
  expect((await pull()).messages).toEqual([]);
  vi.setSystemTime(Date.now() + 1);
  expect((await pull({ visibility_timeout_ms: 1000 })).messages).toMatchObject([{ body: "a", attempts: 2 }]);
  expect(await ack({ retries: [{ lease_id: lease?.lease_id }] })).toMatchObject({ retryCount: 0 });
  expect(await ack({ acks: [{ lease_id: lease?.lease_id }] })).toMatchObject({ ackCount: 1 });
});

test("retries come after their delay, and too many go to the dead letter queue", async () => {
  const { pull, ack } = setUp({ maxRetries: 1, retryDelayS: 5, deadLetter: { name: "dead", queueId: DEAD } });
  await broker.send(["a"]);
  for (const delay of [undefined, 20]) {
    const [message] = (await pull()).messages;
    expect(await ack({ retries: [{ lease_id: message?.lease_id, delay_seconds: delay }] })).toMatchObject({
      retryCount: 1,
    });
    vi.setSystemTime(Date.now() + 1000 * (delay ?? 5) - 1);
    expect((await pull()).messages).toEqual([]);
    vi.setSystemTime(Date.now() + 1);
  }
  expect((await pull()).messages).toEqual([]);
  expect([await broker.backlog(), await broker.backlog(DEAD)]).toEqual([0, 1]);
});

test("leases outlive the process", async () => {
  const { pull } = setUp();
  await broker.send(["a"]);
  await pull();
  await broker.restart();
  expect((await pull()).messages).toEqual([]);
});

test("a paused queue gives none", async () => {
  const { pull } = setUp();
  await broker.send(["a"]);
  broker.load(queueRecord({ paused: true, consumer: pullConsumer() }));
  await Promise.resolve();
  expect(await pull()).toMatchObject({ message_backlog_count: 1, messages: [] });
});

test.each([
  [{ batch_size: 0 }, "batch_size must be a whole number from 1 to 100"],
  [{ batch_size: 101 }, "batch_size"],
  [{ visibility_timeout_ms: 43_200_001 }, "visibility_timeout_ms"],
  [[], "no JSON object"],
])("%j is refused", async (request, why) => {
  const { pull } = setUp();
  await expect(pull(request)).rejects.toThrow(why);
});

test("what is no lease id is warned of", async () => {
  const { ack } = setUp();
  const forged = Buffer.from("1.1.zz").toString("base64url");
  expect(await ack({ acks: [{ lease_id: forged }] })).toMatchObject({
    ackCount: 0,
    warnings: { [forged]: expect.any(String) },
  });
  await expect(ack({ acks: [{}] })).rejects.toMatchObject({ code: 10207 });
  await expect(ack({ retries: [{ lease_id: forged, delay_seconds: 86_401 }] })).rejects.toMatchObject({ code: 10203 });
});
