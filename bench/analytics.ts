import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { paths } from "../src/domain/paths.ts";
import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { callCost, platformPids } from "./call-cost.ts";
import { type Bench, type Figure, median } from "./lib.ts";

const written = 5_000;
const perRequest = 25;
const points = 1_000_000;
const segments = 20;
const groups = 100;
const queries = 11;

const worker = `
export default {
  async fetch(request, env) {
    const count = Number(new URL(request.url).searchParams.get("count"));
    const write = new URL(request.url).pathname === "/write";
    for (let i = 0; i < count; i++) {
      const point = { blobs: ["GET", "/path/" + (i % 50), "200"], doubles: [i, i / 7], indexes: ["customer " + (i % 1000)] };
      if (write) env.POINTS.writeDataPoint(point);
    }
    return new Response("done");
  },
};`;

const QUERY =
  "SELECT blob1, count() AS n, SUM(_sample_interval * double1) / SUM(_sample_interval) AS a FROM bench GROUP BY blob1";
const SERIES =
  "SELECT toStartOfInterval(timestamp, INTERVAL '5' MINUTE) AS t, quantileExactWeighted(0.95)(double1, _sample_interval) AS p95 FROM bench GROUP BY t ORDER BY t";

export const analytics: Bench = {
  name: "analytics",
  conditions: `data points of 3 blobs, 2 doubles and an index, ${perRequest} a request; queries over ${points} points, ${groups} groups`,
  async run() {
    const platform = await startPlatform();
    const { dataDir } = platform;
    const account = platform.api.account;
    try {
      const figures = await writeCost(platform);
      await platform.stop();
      const directory = join(
        paths({ dataDir, runDir: "" }).analytics(account),
        "bench",
        new Date().toISOString().slice(0, 10),
      );
      fill(directory);
      const again = await startPlatform({ dataDir });
      try {
        // The services role packs what it finds at its start.
        const startedAt = performance.now();
        while (readdirSync(directory).some((name) => name.endsWith(".seg"))) await delay(100);
        figures.push({
          what: `packing ${points} points, with the start`,
          value: performance.now() - startedAt,
          unit: "ms",
        });
        figures.push(await queryTime(again, "GROUP BY of 100 groups: time (p50)", QUERY, groups));
        figures.push(await queryTime(again, "series of a weighted quantile: time (p50)", SERIES));
        return figures;
      } finally {
        await again.stop();
      }
    } finally {
      await platform.stop();
      rmSync(dirname(dataDir), { recursive: true, force: true });
    }
  },
};

/** CPU of all processes for one point, over the same request that writes none. */
async function writeCost(platform: Platform): Promise<Figure[]> {
  await platform.api.deploy("app", worker, {
    bindings: [{ type: "analytics_engine", name: "POINTS", dataset: "points" }],
  });
  const root = await platform.url("app", "");
  const ask = (way: string) => async (count: number) => {
    for (let left = count; left > 0; left -= perRequest) await platform.fetch(`${root}/${way}?count=${perRequest}`);
  };
  await ask("write")(perRequest);
  const pids = () => platformPids(platform);
  const whole = await callCost(written, ask("write"), pids);
  const empty = await callCost(written, ask("nothing"), pids);
  return [{ what: "a data point: CPU, all processes", value: (whole.cpuMs - empty.cpuMs) * 1000, unit: "µs" }];
}

function fill(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const now = Math.floor(Date.now() / 1000);
  for (let segment = 0; segment < segments; segment++) {
    const lines = Array.from({ length: points / segments }, (_, n) => {
      const id = segment * (points / segments) + n;
      const t = now - Math.floor((points - id) / 100);
      return `{"t":${t},"i":"customer ${id % 1000}","b1":"/path/${id % groups}","b2":"GET","d1":${id % 977},"d2":${id / 7}}\n`;
    });
    writeFileSync(join(directory, `${String(segment + 1).padStart(8, "0")}.seg`), lines.join(""));
  }
}

async function queryTime(platform: Platform, what: string, query: string, rows?: number): Promise<Figure> {
  const times: number[] = [];
  for (let n = 0; n < queries; n++) {
    const startedAt = performance.now();
    const { status, text } = await sql(platform, query);
    times.push(performance.now() - startedAt);
    if (status !== 200) throw new Error(text);
    if (rows !== undefined && JSON.parse(text).rows !== rows)
      throw new Error(`the result has other rows: ${text.slice(0, 200)}`);
  }
  return {
    what,
    value: median(times),
    unit: "ms",
    baseline: `the first, which starts the host, ${(times[0] ?? 0).toFixed(0)} ms`,
  };
}

async function sql({ api }: Platform, query: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${api.base}/accounts/${api.account}/analytics_engine/sql`, {
    method: "POST",
    headers: { authorization: `Bearer ${api.token}` },
    body: query,
  });
  return { status: response.status, text: await response.text() };
}
