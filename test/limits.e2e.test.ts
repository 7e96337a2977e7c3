import { beforeAll, expect, test } from "vitest";
import { heavyLoad } from "./harness/heavy-load.ts";
import { Load, percentile } from "./harness/load.ts";
import { urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

/** Workers that use up what they are given. `hostile` may use 200 ms of CPU a request. */
const platform = usePlatform();
const cpuLimitMs = 200;

let origin = "";
let neighbour = "";

beforeAll(async () => {
  using project = new Project("hostile");
  origin = new URL(urlPrintedBy(await platform().wranglerOk(project.directory, ["deploy"]))).origin;
  await platform().api.deploy("neighbour", "export default { fetch() { return new Response('neighbour'); } }");
  neighbour = await platform().url("neighbour");
});

const ask = async (path: string) => {
  const startedAt = performance.now();
  const reply = await platform().fetch(origin + path, { headers: { accept: "text/html" } });
  return { ...reply, tookMs: performance.now() - startedAt };
};

async function expectHealthy() {
  expect(await ask("/")).toMatchObject({ status: 200, body: "harmless" });
}

test("while (true) is ended with 1102 and the next request works", async () => {
  await expectHealthy();
  const reply = await ask("/spin");
  expect(reply.status).toBe(503);
  expect(reply.body).toContain("1102");
  expect(reply.body).toContain(String(reply.headers["cf-ray"]).slice(0, 16));
  // The bound is the limit and 200 ms; the bench measures that. Here only that it is of that order.
  expect(reply.tookMs).toBeGreaterThan(cpuLimitMs * 0.5);
  expect(reply.tookMs).toBeLessThan(cpuLimitMs + 5_000);
  await expectHealthy();
});

test("requests that wait in the same isolate fail with it, and none hangs", async () => {
  await expectHealthy();
  const replies = await Promise.all([ask("/spin"), ...Array.from({ length: 5 }, () => ask("/"))]);
  for (const reply of replies) expect([200, 503]).toContain(reply.status);
  for (const reply of replies) if (reply.status === 503) expect(reply.body).toContain("1102");
  await expectHealthy();
});

test("a loop in a timer after the answer is ended too", async () => {
  expect((await ask("/spin-later")).body).toBe("spinning soon");
  const reply = await ask("/");
  expect([200, 503]).toContain(reply.status);
  await expectHealthy();
});

test("repeated offences do not lock the Worker out", async () => {
  for (let i = 0; i < 4; i++) {
    const reply = await ask("/spin");
    expect(reply.status, reply.body).toBe(503);
    expect(reply.body).toContain("1102");
  }
  await expectHealthy();
});

test.each(["/heap", "/buffers"])("the memory bomb %s is ended with 1102 and the next request works", async (path) => {
  await platform().api.deploy("bomb", bomb, { limits: { cpu_ms: 30_000 } });
  const address = await platform().url("bomb", path);
  const reply = await platform().fetch(address, { headers: { accept: "text/html" } });
  expect(reply.status, reply.body.slice(0, 300)).toBe(503);
  expect(reply.body).toContain("1102");
  expect((await platform().fetch(await platform().url("bomb"))).body).toBe("harmless");
});

test("the garbage of a Worker under load is not taken for memory it holds", { timeout: 400_000 }, async () => {
  const requests = 60_000;
  const { port } = platform();
  const host = new URL(neighbour).host;
  // As long as it takes: a busy machine needs minutes.
  const report = await heavyLoad({ port, host, connections: 8, requests, durationMs: 300_000 });
  expect(report.failures, report.firstFailure).toBe(0);
  expect(report.requests).toBe(requests);
});

test("memory within the limit may be used", async () => {
  expect((await platform().fetch(await platform().url("bomb", "/modest"))).body).toBe("60000000");
});

test("a neighbour does not notice", async () => {
  /** How much more than is allowed the slowest were. Goal 2x, measured by the bench. A test machine is noisy: 4x and at least 25 ms pass. */
  const excess = async () => {
    const calm = await loadFor(2_000, async () => {});
    const troubled = await loadFor(4_000, async (running) => {
      while (running()) await ask("/spin");
    });
    expect(troubled.failures).toEqual([]);
    const before = percentile(calm.latenciesMs, 0.99);
    const during = percentile(troubled.latenciesMs, 0.99);
    console.log(`neighbour p99: ${before.toFixed(1)} ms calm, ${during.toFixed(1)} ms beside while (true)`);
    return during / Math.max(25, before * 4);
  };
  // What others do to the machine comes and goes; what the offender does to its neighbour is there each time.
  const measured = [await excess()];
  while (Math.min(...measured) >= 1 && measured.length < 3) measured.push(await excess());
  expect(Math.min(...measured)).toBeLessThan(1);
});

test("the other runners were never touched", () => {
  expect(platform().runners().length).toBeGreaterThanOrEqual(2);
});

async function loadFor(durationMs: number, trouble: (running: () => boolean) => Promise<void>) {
  const load = new Load(neighbour, { connections: 2, pauseMs: 4 });
  await trouble(() => load.elapsedMs < durationMs);
  while (load.elapsedMs < durationMs) await load.answered(20);
  return load.stop();
}

const bomb = `
const hoard = [];
export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/heap":
        for (;;) hoard.push({ list: new Array(1000).fill(hoard.length) });
      case "/buffers":
        for (;;) hoard.push(new Uint8Array(16_000_000).fill(1));
      case "/modest":
        return new Response(String(new Uint8Array(60_000_000).fill(1).length));
      default:
        return new Response("harmless");
    }
  },
};`;
