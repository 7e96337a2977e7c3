/** What a real runner reports of its invocations, as listeners of the services role get it. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TraceItem, type TraceSource, UNREDACTED } from "../domain/trace.ts";
import { Cleanup } from "../lib/http/testing.ts";
import { TraceIntake } from "../observe/intake.ts";
import { planLaunch } from "../products/launch.ts";
import { startTestRunner, type TestBlobs, type TestRunner, testRecord } from "../workerd/testing.ts";
import type { Backends } from "./backends.ts";
import { attachVersion, testBackends } from "./testing-backends.ts";

const worker = `
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/throws") throw new TypeError("no");
    if (pathname === "/large") for (let i = 0; i < 40_000; i++) console.log();
    if (pathname === "/later") ctx.waitUntil(scheduler.wait(120));
    console.warn("seen", { path: pathname }, new Error("inside"));
    return new Response("ok", { status: 201 });
  },
};`;

const cleanup = new Cleanup();
const taken: { source: TraceSource; item: TraceItem }[] = [];
const dropped: number[] = [];
let wake = () => {};
let runner: TestRunner;
let directory: string;
let backends: Backends;
let intake: TraceIntake;
let attach: () => Promise<string>;

beforeAll(async () => {
  const blobs: TestBlobs = new Map();
  const record = testRecord(blobs, { "index.js": worker }, { tag: "v1" });
  directory = await cleanup.directory();
  const take = (source: TraceSource, items: readonly TraceItem[]) => {
    for (const item of items) taken.push({ source, item });
    wake();
  };
  const pace = { bytesPerSecond: 10_000_000, burstBytes: 10_000_000, maxDelayMs: 200 };
  intake = new TraceIntake({ listeners: [{ take }], dropped: (_, count) => dropped.push(count), pace });
  backends = testBackends(directory, { traces: intake });
  attach = () => attachVersion(backends, directory, record);
  const servicesDir = await attach();
  runner = await startTestRunner(planLaunch, record, blobs, { servicesDir, traced: true });
  cleanup.add(() => backends.detachAll());
  cleanup.add(() => runner.stop());
  expect(runner.started, runner.stderr()).toBe(true);
});
afterAll(() => cleanup.run());

/** The next `count` items after `send`. */
async function traced(send: () => Promise<unknown>, count = 1): Promise<TraceItem[]> {
  taken.length = 0;
  await send();
  while (taken.length < count) await new Promise<void>((resolve) => (wake = resolve));
  return taken.map(({ item }) => item);
}

test("an invocation is reported with its request, its logs, and whose it was", async () => {
  const headers = { "x-A": "1", authorization: "Bearer open-sesame", cookie: "a=b" };
  const path = "/page?id=0123456789abcdef0123456789abcdef";
  const [item] = await traced(() => runner.fetch(path, { headers }));
  expect(taken[0]?.source).toMatchObject({ script: "test", versionTag: "v1" });
  expect(item).toMatchObject({
    outcome: "ok",
    executionModel: "stateless",
    truncated: false,
    exceptions: [],
    event: {
      request: {
        method: "GET",
        url: expect.stringMatching(/\/page\?id=REDACTED$/),
        headers: { "x-a": "1", authorization: "REDACTED", cookie: "REDACTED" },
      },
      response: { status: 201 },
    },
    logs: [
      { level: "warn", message: ["seen", { path: "/page" }, "Error: inside"], errorInfo: [{ message: "inside" }] },
    ],
  });
  expect(Date.now() - (item?.eventTimestamp ?? 0)).toBeLessThan(60_000);
});

test("what was redacted is there for those who may ask, and in no JSON", async () => {
  const [item] = await traced(() =>
    runner.fetch("/?k=AbCdEfGh1234567890xyzXYZ", { headers: { cookie: "a=b", "x-b": "2" } }),
  );
  expect(item?.[UNREDACTED]).toEqual({
    url: expect.stringContaining("AbCdEfGh1234567890xyzXYZ"),
    headers: { cookie: "a=b" },
  });
  expect(JSON.stringify(item)).not.toMatch(/a=b|AbCdEfGh/);
  expect((await traced(() => runner.fetch("/plain")))[0]?.[UNREDACTED]).toBeUndefined();
});

test("an exception is reported with its stack", async () => {
  const [item] = await traced(() => runner.fetch("/throws"));
  expect(item).toMatchObject({
    outcome: "exception",
    exceptions: [{ name: "TypeError", message: "no", stack: expect.stringContaining("index.js") }],
  });
});

test("the time it took includes waitUntil", async () => {
  const [item] = await traced(() => runner.fetch("/later"));
  expect(item?.wallTime).toBeGreaterThanOrEqual(100);
});

test("of an invocation that logs too much the runtime keeps a part, which finds room", async () => {
  const [item] = await traced(() => runner.fetch("/large"));
  expect(item).toMatchObject({ truncated: true, event: { response: { status: 201 } } });
  expect(JSON.stringify(item).length).toBeLessThan(1024 * 1024);
});

test("a burst is reported whole, in few reports", async () => {
  const items = await traced(() => Promise.all(Array.from({ length: 100 }, () => runner.fetch("/burst"))), 100);
  expect(items).toHaveLength(100);
});

test("what happened while the platform was away comes when it is back", async () => {
  const [item] = await traced(async () => {
    await backends.detachAll();
    await runner.fetch("/meanwhile");
    await attach();
  });
  expect(item?.event).toMatchObject({ request: { url: expect.stringContaining("/meanwhile") } });
  expect(dropped).toEqual([]);
});

test("of an account that reports too much, reports are refused and counted", async () => {
  const { source } = taken[0]!;
  // Other runners of the account: for two seconds there is no room for more.
  const exchange = {
    takeBody: (_: number, take: (body: Buffer) => void) => take(Buffer.alloc(30_000_000)),
    respond() {},
  };
  intake.serve(exchange as never, source, undefined);
  taken.length = 0;
  let sent = 0;
  while (dropped.length === 0) {
    await runner.fetch("/crowded");
    sent++;
    await delay(50);
  }
  await expect.poll(() => taken.length + (dropped[0] ?? 0)).toBe(sent);
  expect(dropped).toHaveLength(1);
});
