import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { paths } from "../src/domain/paths.ts";
import type { TraceItem } from "../src/domain/trace.ts";
import { LogIntake } from "../src/observe/logs/intake.ts";
import { recordsOf } from "../src/observe/logs/records.ts";
import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { type Bench, type Figure, median } from "./lib.ts";

const events = 1_000_000;
const segments = 60;
const queries = 7;
/** Of an invocation with two logs. */
const eventsPerItem = 3;

export const logs: Bench = {
  name: "logs",
  conditions: `invocations with two logs each, headers of a browser; queries over ${events} stored events of the last hour`,
  async run() {
    const figures = await intakeCost();
    const platform = await startPlatform();
    const { dataDir, api } = platform;
    await platform.stop();
    try {
      const today = new Date().toISOString().slice(0, 10);
      const directory = join(paths({ dataDir, runDir: "" }).logs(api.account), "events", today);
      fill(directory);
      const again = await startPlatform({ dataDir });
      try {
        // The services role packs what it finds at its start.
        const startedAt = performance.now();
        while (readdirSync(directory).some((name) => name.endsWith(".seg"))) await delay(100);
        figures.push({
          what: `packing ${events} events, with the start`,
          value: performance.now() - startedAt,
          unit: "ms",
        });
        for (const [what, query] of Object.entries(asked)) figures.push(await queryTime(again, what, query));
        return figures;
      } finally {
        await again.stop();
      }
    } finally {
      rmSync(dirname(dataDir), { recursive: true, force: true });
    }
  },
};

function item(n: number, atMs: number): TraceItem {
  const path = `/things/${n % 500}`;
  const headers = {
    "user-agent":
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36",
    accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language": "en",
    "cf-ray": n.toString(16).padStart(16, "0"),
    host: "shop.example.com",
  };
  return {
    eventTimestamp: atMs,
    outcome: n % 50 === 0 ? "exception" : "ok",
    event: {
      request: { url: `https://shop.example.com${path}?page=${n % 9}`, method: "GET", headers, cf: { country: "CH" } },
      response: { status: n % 50 === 0 ? 500 : 200 },
    },
    logs: [
      { level: "log", message: [`looking for thing ${n % 500}`], timestamp: atMs },
      {
        level: "info",
        message: [{ message: "found", user: { id: n % 1000 }, ms: (n * 7919) % 1000 }],
        timestamp: atMs,
      },
    ],
    exceptions: [],
    diagnosticsChannelEvents: [],
    executionModel: "stateless",
    truncated: false,
    cpuTime: 0,
    wallTime: (n * 31) % 400,
  };
}

/** CPU of taking events in, the writing included. */
async function intakeCost(): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), "fh-bench-logs-"));
  const settings = () => ({ headSamplingRate: 1, invocationLogs: true });
  const intake = new LogIntake({ root, settings, sealed: () => {}, log: () => {} });
  const items = Array.from({ length: 500 }, (_, n) => item(n, Date.now()));
  const rounds = 20;
  const takeAll = (script: string) => {
    for (let round = 0; round < rounds; round++) {
      // Several accounts: one may not store so much in so short a time.
      const accountId = `${script}${round}`.padStart(32, "0");
      intake.take({ accountId, script, versionId: "v", versionTag: "" }, items);
      intake.writer.flush();
    }
  };
  takeAll("a");
  const before = process.cpuUsage();
  takeAll("b");
  const { user, system } = process.cpuUsage(before);
  await intake.close();
  rmSync(root, { recursive: true, force: true });
  const taken = rounds * items.length * eventsPerItem;
  const cpuSeconds = (user + system) / 1e6;
  return [
    { what: "taking an event in: CPU", value: (user + system) / taken, unit: "µs" },
    { what: "events for a second of CPU", value: taken / cpuSeconds, unit: "" },
  ];
}

function fill(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const now = Date.now();
  const items = events / eventsPerItem;
  const perSegment = Math.ceil(items / segments);
  for (let segment = 0; segment < segments; segment++) {
    const lines: string[] = [];
    for (let n = segment * perSegment; n < Math.min(items, (segment + 1) * perSegment); n++) {
      const source = { accountId: "", script: n % 3 === 0 ? "shop" : "other", versionId: "v", versionTag: "" };
      const atMs = now - Math.floor(((items - n) / items) * 3_500_000);
      for (const event of recordsOf(source, item(n, atMs), { interval: 1, invocationLogs: true })) {
        lines.push(`${JSON.stringify(event)}\n`);
      }
    }
    writeFileSync(join(directory, `${String(segment + 1).padStart(8, "0")}.seg`), lines.join(""));
  }
}

const is = (key: string, value: string | number) => ({
  ...{ key, operation: "eq", value },
  type: typeof value === "number" ? "number" : "string",
});
const asked: Record<string, object> = {
  "the newest 50 events of a script": {
    view: "events",
    limit: 50,
    parameters: { filters: [is("$metadata.service", "shop")] },
  },
  "errors by trigger, over time": {
    view: "calculations",
    parameters: {
      filters: [is("$workers.outcome", "exception")],
      groupBys: [{ type: "string", value: "$metadata.trigger" }],
    },
  },
  "p90 of a field of what was logged": {
    view: "calculations",
    chartType: "aggregate",
    parameters: { calculations: [{ operator: "p90", key: "ms", keyType: "number" }] },
  },
  "events of a user, by a field": { view: "events", limit: 50, parameters: { filters: [is("user.id", 7)] } },
  "free text, in any case": { view: "events", limit: 50, parameters: { needle: { value: "Thing 499" } } },
};

async function queryTime({ api }: Platform, what: string, query: object): Promise<Figure> {
  const times: number[] = [];
  for (let n = 0; n < queries; n++) {
    const timeframe = { from: Date.now() - 3_600_000, to: Date.now() };
    const startedAt = performance.now();
    await api.send("POST", "/workers/observability/telemetry/query", { queryId: "bench", timeframe, ...query });
    times.push(performance.now() - startedAt);
  }
  const baseline = `the first ${(times[0] ?? 0).toFixed(0)} ms`;
  return { what: `${what}: time (p50)`, value: median(times), unit: "ms", goal: 1000, baseline };
}
