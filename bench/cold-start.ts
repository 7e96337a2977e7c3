import { percentile } from "../test/harness/load.ts";
import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { answering, type Bench, bundle, median, round } from "./lib.ts";
import { startRawWorkerd } from "./raw-workerd.ts";

const small = 60;
const large = 20;
const baselineStarts = 10;

export const coldStart: Bench = {
  name: "cold-start",
  conditions: `first request to each of ${small} Workers (${large} with a 1 MB bundle) whose runner has been stopped by idling; one at a time, through the edge, sandboxed as the machine allows`,
  async run() {
    const megabyte = bundle(1_000_000, "size ");
    await using platform = await startPlatform({ env: { FREEHOLD_RUNNER_IDLE_SECONDS: "1" } });
    for (let i = 0; i < small; i++) await platform.api.deploy(`small-${i}`, answering("small"));
    for (let i = 0; i < large; i++) await platform.api.deploy(`large-${i}`, megabyte);
    await allStopped(platform);

    const smallMs = await firstRequests(platform, "small", small);
    const largeMs = await firstRequests(platform, "large", large);
    const rawSmallMs = await rawStarts(answering("small"));
    const rawLargeMs = await rawStarts(megabyte);
    return [
      {
        what: "cold start p50",
        value: median(smallMs),
        unit: "ms",
        goal: 45,
        baseline: `raw workerd ${round(median(rawSmallMs))} ms`,
      },
      {
        what: "cold start p99",
        value: percentile(smallMs, 0.99),
        unit: "ms",
        goal: 120,
        baseline: `raw workerd, worst of ${baselineStarts}: ${round(Math.max(...rawSmallMs))} ms`,
      },
      {
        what: "1 MB bundle p50",
        value: median(largeMs),
        unit: "ms",
        goal: 90,
        baseline: `raw workerd ${round(median(rawLargeMs))} ms`,
      },
      { what: `1 MB bundle, worst of ${large}`, value: Math.max(...largeMs), unit: "ms" },
    ];
  },
};

async function firstRequests(platform: Platform, prefix: string, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const address = await platform.url(`${prefix}-${i}`);
    const startedAt = performance.now();
    const reply = await platform.fetch(address);
    times.push(performance.now() - startedAt);
    if (reply.status !== 200) throw new Error(`${prefix}-${i} answered ${reply.status}: ${reply.body.slice(0, 200)}`);
  }
  return times;
}

/** From spawn to the first answer over a new connection. */
async function rawStarts(source: string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < baselineStarts; i++) {
    const startedAt = performance.now();
    using raw = await startRawWorkerd([{ name: "main", source }]);
    await (await fetch(`http://127.0.0.1:${raw.port}/`)).text();
    times.push(performance.now() - startedAt);
  }
  return times;
}

async function allStopped(platform: Platform): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (platform.runners().length > 0) {
    if (Date.now() > deadline) throw new Error(`${platform.runners().length} runners do not stop by idling`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
