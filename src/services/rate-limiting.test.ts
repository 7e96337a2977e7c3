/** `env.LIMITER` of a real Worker, answered by the services role's own code. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Binding } from "../domain/version.ts";
import { Cleanup } from "../lib/http/testing.ts";
import { planLaunch } from "../products/launch.ts";
import { startTestRunner, type TestBlobs, type TestRunner, testRecord } from "../workerd/testing.ts";
import type { Backends } from "./backends.ts";
import { attachVersion, testBackends } from "./testing-backends.ts";

const worker = `
export default {
  async fetch(request, env) {
    const { binding = "LIMITER", calls } = await request.json();
    const results = [];
    for (const call of calls) {
      try {
        results.push((await env[binding].limit(call)).success);
      } catch (error) {
        results.push(error.name);
      }
    }
    return Response.json({ results, shape: [Object.keys(env.LIMITER), typeof env.LIMITER.limit] });
  },
};`;

const limiter = (name: string, limit: number): Binding => ({
  type: "ratelimit",
  name,
  namespaceId: "1001",
  limit,
  period: 60,
});

const cleanup = new Cleanup();
let backends: Backends;
let runner: TestRunner;

beforeAll(async () => {
  const blobs: TestBlobs = new Map();
  const bindings = [limiter("LIMITER", 3), limiter("STRICT", 1)];
  const record = testRecord(blobs, { "index.js": worker }, { bindings });
  const directory = await cleanup.directory();
  backends = testBackends(directory);
  const servicesDir = await attachVersion(backends, directory, record);
  runner = await startTestRunner(planLaunch, record, blobs, { servicesDir });
  cleanup.add(() => runner.stop());
  expect(runner.started, runner.stderr()).toBe(true);
});
afterAll(() => cleanup.run());

async function limit(calls: unknown[], binding?: string): Promise<unknown[]> {
  const { body } = await runner.fetch("/", { method: "POST", body: JSON.stringify({ binding, calls }) });
  const { results, shape } = JSON.parse(body);
  expect(shape).toEqual([[], "function"]);
  return results;
}

/** The window of a minute must not end in the middle of a test. */
async function within(run: () => Promise<void>): Promise<void> {
  const minute = () => Math.floor(Date.now() / 60_000);
  for (;;) {
    const before = minute();
    try {
      return await run();
    } catch (error) {
      if (minute() === before) throw error;
    }
  }
}

let keys = 0;
const newKey = () => `key ${++keys} ü`;

test("calls pass up to the limit", () =>
  within(async () => {
    const key = newKey();
    expect(await limit([{ key }, { key }, { key }, { key }, { key: newKey() }])).toEqual([
      true,
      true,
      true,
      false,
      true,
    ]);
  }));

test("bindings of one namespace share the counters", () =>
  within(async () => {
    const key = newKey();
    expect(await limit([{ key }], "STRICT")).toEqual([true]);
    expect(await limit([{ key }])).toEqual([true]);
    expect(await limit([{ key }], "STRICT")).toEqual([false]);
  }));

test("a call may have a limit, a period and a weight of its own", () =>
  within(async () => {
    const key = newKey();
    expect(await limit([{ key, delta: 3 }, { key }, { key, limit: 4 }, { key, period: 10 }])).toEqual([
      true,
      false,
      true,
      true,
    ]);
  }));

test.each([
  [undefined, "TypeError"],
  ["text", "TypeError"],
  [{ key: 5 }, "TypeError"],
  [{ key: "a", window: 5 }, "TypeError"],
  [{ key: "a", period: 11 }, "TypeError"],
  [{ key: "a", limit: "many" }, "TypeError"],
  [{ key: "a", limit: -1 }, "TypeError"],
  [{ key: "a", delta: 0 }, "RangeError"],
  [{ key: "a", delta: 2 ** 33 }, "RangeError"],
  [{ key: "a".repeat(20_000) }, "RangeError"],
])("%j throws a %s", async (call, name) => {
  expect(await limit([call])).toEqual([name]);
});

test("a call without a key has the empty one", () =>
  within(async () => {
    expect(await limit([{}, { key: "" }, {}, {}])).toEqual([true, true, true, false]);
  }));

// The last: it ends the back-end.
test("without the services role nothing is limited", async () => {
  await backends.detachAll();
  const key = newKey();
  expect(await limit([{ key }, { key }, { key }, { key }, { key }])).toEqual([true, true, true, true, true]);
  expect(runner.stdout() + runner.stderr()).toContain("Rate limiting is not available");
});
