import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunnerAddress } from "../domain/messages.ts";
import { hasProc, ProcessMeter } from "./proc.ts";
import { fetchRunner, startTestPool, storeVersion, type TestPool } from "./testing.ts";

const HOSTILE = `
  const kept = [];
  export default {
    async fetch(request) {
      switch (new URL(request.url).pathname) {
        case "/spin": while (true);
        case "/microtasks": while (true) await null;
        case "/busy": {
          const end = Date.now() + 120;
          while (Date.now() < end);
          return new Response("busy");
        }
        case "/heap": while (true) kept.push(new Array(1000).fill(Math.random()));
        case "/buffers": while (true) kept.push(new Uint8Array(10_000_000));
        case "/touched": while (true) kept.push(new Uint8Array(1_000_000).fill(1));
        case "/growing": while (true) { kept.push(new Uint8Array(1_000_000).fill(1)); await scheduler.wait(1); }
        case "/more": kept.push(new Uint8Array(10_000_000).fill(1)); return new Response("more");
        case "/throw": throw new Error("on purpose");
        case "/large": return new Response(String(new ArrayBuffer(2e9).byteLength));
        default: return new Response("hello");
      }
    }
  }`;

let pool: TestPool;
beforeAll(async () => {
  pool = await startTestPool();
});
afterAll(() => pool.close());

/** A request that may cost the runner its life: the CPU that it took there, and why it ended, as an edge would learn it. */
async function doom(runner: RunnerAddress & { pid: number }, path: string) {
  const meter = new ProcessMeter(runner.pid);
  const beforeMs = meter.mainThreadCpuMs() ?? 0;
  let usedMs = 0;
  // CPU, not time: other programs share the machine.
  const look = setInterval(() => {
    usedMs = Math.max(usedMs, (meter.mainThreadCpuMs() ?? 0) - beforeMs);
  }, 2);
  const reply = await fetchRunner(runner, path).catch(() => undefined);
  const cause = await pool.pool.verdict(runner.instanceId);
  clearInterval(look);
  meter.close();
  return { usedMs, status: reply?.status, cause };
}

describe.runIf(hasProc)("the CPU limit", () => {
  test.each([
    [200, "/spin"],
    [200, "/microtasks"],
    [50, "/spin"],
  ])("of %d ms ends %s from idle within 200 ms more", async (cpuMs, path) => {
    const runner = await pool.start(storeVersion(pool.config, HOSTILE, { limits: { cpuMs } }));
    await fetchRunner(runner);
    const { usedMs, cause } = await doom(runner, path);
    expect(cause).toBe("cpu");
    expect(usedMs).toBeGreaterThan(cpuMs * 0.9);
    expect(usedMs).toBeLessThan(cpuMs + 200);
  });

  test("leaves the neighbours alone", async () => {
    const neighbour = await pool.start(storeVersion(pool.config, HOSTILE));
    const runner = await pool.start(storeVersion(pool.config, HOSTILE, { limits: { cpuMs: 300 } }));
    const timesMs: number[] = [];
    const visit = async () => {
      const startedAt = performance.now();
      expect((await fetchRunner(neighbour)).body).toBe("hello");
      timesMs.push(performance.now() - startedAt);
    };
    const median = () => timesMs.sort((a, b) => a - b)[Math.floor(timesMs.length / 2)] ?? 0;
    // What other programs do to the machine, they do before as well.
    for (let count = 0; count < 40; count++) await visit();
    const calmMs = median();
    timesMs.length = 0;
    const doomed = doom(runner, "/spin");
    let ended = false;
    void doomed.then(() => (ended = true));
    while (!ended) await visit();
    expect((await doomed).cause).toBe("cpu");
    expect(timesMs.length).toBeGreaterThan(5);
    expect(median()).toBeLessThan(Math.max(20, 5 * calmMs));
  });

  test("counts each stretch on its own: many requests below the limit are fine", async () => {
    const runner = await pool.start(storeVersion(pool.config, HOSTILE, { limits: { cpuMs: 300 } }));
    for (let i = 0; i < 6; i++) expect((await fetchRunner(runner, "/busy")).body).toBe("busy");
    expect(await pool.pool.verdict(runner.instanceId)).toBe("none");
  });
});

describe.runIf(hasProc)("many requests at once", () => {
  const CROWD = 60;
  beforeAll(() => {
    pool.members.inFlight = async () => CROWD;
  });
  afterAll(() => {
    pool.members.inFlight = async () => 1;
  });

  test("are not taken for one that exceeds the limit", async () => {
    const source = `export default { async fetch(request) {
      await request.text();
      const end = Date.now() + 10;
      while (Date.now() < end);
      return new Response("done");
    } }`;
    const runner = await pool.start(storeVersion(pool.config, source, { limits: { cpuMs: 100 } }));
    const replies = await Promise.all(Array.from({ length: CROWD }, () => fetchRunner(runner)));
    expect(replies.map((reply) => reply.body)).toEqual(Array(CROWD).fill("done"));
  });

  test("do not hide for ever one that does", async () => {
    const runner = await pool.start(storeVersion(pool.config, HOSTILE, { limits: { cpuMs: 20 } }));
    const { cause, usedMs } = await doom(runner, "/spin");
    expect(cause).toBe("cpu");
    expect(usedMs).toBeLessThan(CROWD * 20 + 200);
  });
});

describe.runIf(hasProc)("the memory limit", () => {
  test.each(["/heap", "/buffers", "/touched", "/growing"])("ends %s", async (path) => {
    const record = storeVersion(pool.config, HOSTILE);
    const runner = await pool.start(record);
    expect(await doom(runner, path)).toMatchObject({ cause: "memory" });
    // The next request finds a sound runner.
    expect((await fetchRunner(await pool.start(record))).body).toBe("hello");
  });

  test("is told of before it is reached: another runner takes the place of one that grows, whose requests are answered", async () => {
    const record = storeVersion(pool.config, HOSTILE);
    const grown = await pool.start(record);
    // Idle, with the limit and what a runner may have beside it: 233 MB or so; ended at 329.
    for (let count = 0; count < 27; count++) expect((await fetchRunner(grown, "/more")).status).toBe(200);
    await expect.poll(async () => (await pool.start(record)).instanceId).not.toBe(grown.instanceId);
    expect(await pool.pool.verdict(grown.instanceId)).toBe("none");
    expect((await fetchRunner(await pool.start(record))).body).toBe("hello");
  });

  test("is not blamed for an exception, nor for one absurd allocation", async () => {
    const runner = await pool.start(storeVersion(pool.config, HOSTILE));
    expect(await doom(runner, "/throw")).toMatchObject({ status: 500, cause: "none" });
    expect(await doom(runner, "/large")).toMatchObject({ status: 500, cause: "none" });
    expect((await fetchRunner(runner)).body).toBe("hello");
  });
});
