/** Events to real runners: what the handlers see, what comes of it, and that runners are kept for as long as one is in flight. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { QueuedMessage, QueueEvent, ScheduledEvent } from "../domain/events.ts";
import type { ExceededInvocation } from "../domain/exceeded.ts";
import type { ExportedEntrypoint, LaunchRecord } from "../domain/version.ts";
import { EventSender } from "../workerd/event-sender.ts";
import { fetchRunner, startTestPool, storeVersion, type TestPool, testConfig, until } from "./testing.ts";

let test1: TestPool;
let sender: EventSender;
let exceeded: ExceededInvocation[];
beforeAll(async () => {
  test1 = await startTestPool();
});
afterAll(() => test1.close());
beforeEach(() => {
  exceeded = [];
  sender = senderOf(test1);
});

/** Sends events to the pool's runners, and answers for them when the pool asks whether one is idle. */
function senderOf({ pool, members }: TestPool): EventSender {
  const sender = new EventSender({
    acquire: (versionId) => pool.acquire(versionId),
    verdict: (instanceId) => pool.verdict(instanceId),
    exceeded: (invocation) => exceeded.push(invocation),
  });
  members.release = async ({ instanceId, versionId, onlyIfIdle }) =>
    !onlyIfIdle || sender.isIdle(instanceId, versionId);
  members.finishEvents = (instanceId) => sender.finish(instanceId).then(() => true);
  members.inFlight = async (instanceId) => sender.inFlight(instanceId);
  members.gone = ({ instanceId }) => sender.gone(instanceId);
  return sender;
}

const handlers = (...names: string[]): ExportedEntrypoint[] => [{ name: "default", kind: "object", handlers: names }];
const store = (source: string, parts: Parameters<typeof storeVersion>[2] = {}): LaunchRecord =>
  storeVersion(test1.config, source, { exports: handlers("scheduled", "queue", "fetch"), ...parts });

const due: ScheduledEvent = { type: "scheduled", cron: "*/5 * * * *", scheduledTimeMs: 1_795_000_000_000 };
const message = (body: string | Uint8Array, contentType: QueuedMessage["contentType"] = "text"): QueuedMessage => ({
  id: "0a",
  timestampMs: 1000,
  attempts: 2,
  contentType,
  body: Buffer.from(body),
});
const batch = (messages: QueuedMessage[]): QueueEvent => ({
  type: "queue",
  queue: "orders",
  messages,
  metrics: { backlogCount: 3, backlogBytes: 4, oldestMessageTimestampMs: 5 },
});

/** Keeps what a handler saw, and tells it over `fetch`. */
const SEEN = "let seen; const show = { fetch: () => Response.json(seen ?? null) };";

async function seenBy(record: LaunchRecord): Promise<unknown> {
  return JSON.parse((await fetchRunner(await test1.start(record))).body);
}

test("a scheduled handler gets its time and expression; the answer waits for waitUntil", async () => {
  const record = store(`${SEEN} export default { ...show, async scheduled(controller, env, ctx) {
    seen = { cron: controller.cron, at: controller.scheduledTime };
    controller.noRetry();
    ctx.waitUntil(scheduler.wait(50).then(() => { seen.waited = true; }));
  } }`);
  expect(await sender.deliver(record.versionId, due)).toEqual({
    outcome: "ok",
    begun: true,
    verdict: { noRetry: true },
  });
  expect(await seenBy(record)).toEqual({ cron: due.cron, at: due.scheduledTimeMs, waited: true });
});

test("a queue handler gets every content type, and its verdict comes back", async () => {
  const record = store(`${SEEN} export default { ...show, queue(batch) {
    seen = { queue: batch.queue, metrics: batch.metadata?.metrics, messages: batch.messages.map(
      ({ id, timestamp, attempts, body }) => ({ id, timestamp, attempts, type: body?.constructor?.name, body:
        body instanceof Map ? [...body] : ArrayBuffer.isView(body) || body instanceof ArrayBuffer ? [...new Uint8Array(body)] : body })) };
    batch.messages[0].ack();
    batch.messages[1].retry({ delaySeconds: 7 });
    batch.retryAll({ delaySeconds: 9 });
  } }`);
  // What V8 (format 15) makes of \`new Map([["a", 1]])\`.
  const map = Uint8Array.of(0xff, 0x0f, 0x3b, 0x22, 0x01, 0x61, 0x49, 0x02, 0x3a, 0x02);
  const messages = [
    message("é😀"),
    message('{"a":[1]}', "json"),
    message(Uint8Array.of(0, 255), "bytes"),
    message(map, "v8"),
  ].map((one, index) => ({ ...one, id: `m${index}` }));
  const delivery = await sender.deliver(record.versionId, batch(messages));
  expect(delivery).toMatchObject({
    outcome: "ok",
    begun: true,
    verdict: {
      ackAll: false,
      retryBatch: { retry: true, delaySeconds: 9 },
      explicitAcks: ["m0"],
      retryMessages: [{ msgId: "m1", delaySeconds: 7 }],
    },
  });
  const common = { timestamp: "1970-01-01T00:00:01.000Z", attempts: 2 };
  expect(await seenBy(record)).toEqual({
    queue: "orders",
    metrics: { backlogCount: 3, backlogBytes: 4, oldestMessageTimestamp: "1970-01-01T00:00:00.005Z" },
    messages: [
      { id: "m0", ...common, type: "String", body: "é😀" },
      { id: "m1", ...common, type: "Object", body: { a: [1] } },
      { id: "m2", ...common, type: "Uint8Array", body: [0, 255] },
      { id: "m3", ...common, type: "Map", body: [["a", 1]] },
    ],
  });
});

test("classes and scripts in the service-worker format have their events, too", async () => {
  const ofClass = store(
    `import { WorkerEntrypoint } from "cloudflare:workers"; ${SEEN}
    export default class extends WorkerEntrypoint {
      fetch() { return show.fetch(); }
      scheduled({ cron }) { seen = [this.env.WHO, cron]; }
      queue({ messages }) { seen = [this.env.WHO, messages[0].body]; }
    }`,
    { bindings: [{ type: "plain_text", name: "WHO", text: "class" }] },
  );
  const ofScript = store(
    `${SEEN} addEventListener("fetch", (event) => event.respondWith(show.fetch()));
    addEventListener("scheduled", ({ cron }) => { seen = [WHO, cron]; });
    addEventListener("queue", ({ messages }) => { seen = [WHO, messages[0].body]; });`,
    { format: "service-worker", bindings: [{ type: "plain_text", name: "WHO", text: "script" }] },
  );
  for (const [record, who] of [
    [ofClass, "class"],
    [ofScript, "script"],
  ] as const) {
    expect(await sender.deliver(record.versionId, due)).toMatchObject({ outcome: "ok" });
    expect(await seenBy(record)).toEqual([who, due.cron]);
    expect(await sender.deliver(record.versionId, batch([message("hi")]))).toMatchObject({ outcome: "ok" });
    expect(await seenBy(record)).toEqual([who, "hi"]);
  }
});

test("the largest batch arrives whole", async () => {
  const record = store(`${SEEN} export default { ...show, queue(batch) {
    seen = batch.messages.reduce((sum, { body }) => sum + body.byteLength, 0);
  } }`);
  const messages = Array.from({ length: 100 }, () => message(Buffer.alloc(128_000, "x"), "bytes"));
  expect(await sender.deliver(record.versionId, batch(messages))).toMatchObject({ outcome: "ok" });
  expect(await seenBy(record)).toBe(12_800_000);
  const tooLarge = await sender.deliver(record.versionId, batch([message(Buffer.alloc(17_000_000))]));
  expect(tooLarge).toMatchObject({ outcome: "loadShed", begun: false });
});

test.each([
  ["throws", "async scheduled() { throw new Error('no'); }", { outcome: "exception", begun: true }],
  [
    "fails in waitUntil",
    "scheduled(c, env, ctx) { ctx.waitUntil(Promise.reject(new Error('no'))); }",
    { outcome: "exception", begun: true },
  ],
  ["is not there", "queue() {}", { outcome: "exception" }],
  ["never ends its thread", "scheduled() { for (;;); }", { outcome: "exceededCpu", begun: true }],
])("what comes of a handler that %s", async (_what, source, expected) => {
  const record = store(`export default { ${source} }`, { limits: { cpuMs: 50 } });
  expect(await sender.deliver(record.versionId, due)).toMatchObject(expected);
});

test("an event that ended with a runner that had to report it is told of", async () => {
  const source = "for (;;);";
  const record = store(`export default { scheduled() { ${source} }, queue() { ${source} } }`, {
    scriptName: "told",
    limits: { cpuMs: 50 },
  });
  await sender.deliver(record.versionId, due);
  expect(exceeded).toEqual([]);
  await test1.pool.observe([{ accountId: record.accountId, script: "told" }]);
  await sender.deliver(record.versionId, due);
  await sender.deliver(record.versionId, batch([message("x"), message("y")]));
  const runner = { instanceId: expect.any(String), versionId: record.versionId, cause: "cpu" };
  expect(exceeded).toEqual([
    { ...runner, event: { cron: due.cron, scheduledTime: due.scheduledTimeMs } },
    { ...runner, event: { queue: "orders", batchSize: 2 } },
  ]);
  // Its end is told as well, by the supervisor.
  const told = () => test1.calls.filter(({ name }) => name === "exceeded").map(({ request }) => request);
  await expect.poll(told).toEqual([runner, runner]);
  await test1.pool.observe([]);
});

test("a handler that takes too long is ended, and the runner serves on", async () => {
  const record = store(`${SEEN} export default { ...show, async scheduled() {
    for (seen = 0; ; seen++) await scheduler.wait(10);
  } }`);
  expect(await sender.deliver(record.versionId, due, 100)).toEqual({ outcome: "exceededWallTime", begun: true });
  const seen = await seenBy(record);
  await delay(100);
  expect(await seenBy(record)).toBe(seen);
});

test("versions without handlers have no socket for events, and unknown ones no runner", async () => {
  const record = store("export default { fetch() { return new Response(); } }", { exports: handlers("fetch") });
  expect((await test1.start(record)).eventsSocket).toBeUndefined();
  expect(await sender.deliver(record.versionId, due)).toMatchObject({
    outcome: "exception",
    begun: false,
    message: "The Worker has no scheduled() handler.",
  });
  expect(await sender.deliver("none", due)).toMatchObject({ outcome: "scriptNotFound", begun: false });
});

test("a runner that waits inside an event is neither idle nor stopped by a deploy", async () => {
  const quick = await startTestPool({}, { config: { ...testConfig(), runnerIdleMs: 200 } });
  try {
    const events = senderOf(quick);
    const record = storeVersion(quick.config, "export default { scheduled: () => scheduler.wait(3000) }", {
      exports: handlers("scheduled"),
    });
    const { instanceId } = await quick.start(record);
    const delivered = events.deliver(record.versionId, due);
    await until(() => events.inFlight(instanceId) === 1);
    // Taken for idle by its CPU, and not stopped when that is asked.
    const asked = () => quick.calls.filter(({ name }) => name === "release").length;
    const before = asked();
    await until(() => asked() >= before + 3);
    const state = () => quick.pool.status().find((runner) => runner.instanceId === instanceId)?.state;
    expect(state()).toBe("ready");
    quick.pool.retire([record.versionId]);
    await until(() => state() === "draining");
    expect(await delivered).toMatchObject({ outcome: "ok" });
    // And what comes now goes to another.
    expect((await quick.start(record)).instanceId).not.toBe(instanceId);
  } finally {
    await quick.close();
  }
});
