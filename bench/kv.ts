import { join } from "node:path";
import { paths } from "../src/domain/paths.ts";
import { SqliteRows } from "../src/products/kv/sqlite-rows.ts";
import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { callCost, platformPids } from "./call-cost.ts";
import { startWranglerDev } from "./d1-baselines.ts";
import { type Bench, type Figure, median, round } from "./lib.ts";

const calls = 3_000;
const puts = 500;
/** For operations a second: requests at the same time, and the calls in turn of each. */
const parallel = 16;
const manyCalls = 8_000;
const manyKeys = 1_000_000;
const pages = 100;

const worker = `
const ways = {
  async get(kv, count) {
    for (let i = 0; i < count; i++) if ((await kv.get("key " + (i % 100))) === null) throw new Error("no value");
  },
  async put(kv, count) {
    for (let i = 0; i < count; i++) await kv.put("put " + i, "value " + i);
  },
  async nothing(kv, count) {
    for (let i = 0; i < count; i++) await null;
  },
  async setup(kv) {
    for (let i = 0; i < 100; i++) await kv.put("key " + i, "value " + i + " ".repeat(100));
  },
};
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/list") {
      const page = await env.MANY.list({ cursor: searchParams.get("cursor") || undefined });
      return new Response(page.keys.length === 1000 ? page.cursor : "short");
    }
    await ways[pathname.slice(1)](env.KV, Number(searchParams.get("count")));
    return new Response("done");
  },
};`;

type Ask = (path: string) => Promise<unknown>;

export const kv: Bench = {
  name: "kv",
  conditions: `KV calls from one Worker: ${calls} gets of 100 bytes and ${puts} durable puts in turn, ${parallel} requests at once; lists of ${manyKeys} keys`,
  async run() {
    using dev = await startWranglerDev(worker, { kv_namespaces: [{ binding: "KV", id: "1".repeat(32) }] });
    await using platform = await startPlatform();
    const ids = await Promise.all(["one", "many"].map((title) => create(platform, title)));
    const bindings = ["KV", "MANY"].map((name, index) => ({ type: "kv_namespace", name, namespace_id: ids[index] }));
    await platform.api.deploy("app", worker, { bindings });
    const figures: Figure[] = [];
    const contenders: { name: string; ask: Ask; pids(): number[] }[] = [
      { name: "freehold", ask: await askOf(platform), pids: () => platformPids(platform) },
      { name: dev.name, ask: (path) => askPort(dev.port, path), pids: () => dev.pids() },
    ];
    for (const { ask } of contenders) await ask("/setup");
    for (const [way, count, goals] of [
      ["get", calls, { p50Ms: 0.5, cpuMs: 0.18 }],
      ["put", puts, {}],
    ] as [string, number, { p50Ms?: number; cpuMs?: number }][]) {
      const measured = [];
      for (const { ask, pids } of contenders) {
        await ask(`/${way}?count=300`);
        const whole = await callCost(count, (number) => ask(`/${way}?count=${number}`), pids);
        const empty = await callCost(count, (number) => ask(`/nothing?count=${number}`), pids);
        measured.push({ p50Ms: whole.p50Ms - empty.p50Ms, cpuMs: whole.cpuMs - empty.cpuMs });
      }
      const [ours, theirs] = measured;
      for (const [what, unit] of [
        ["p50Ms", "time (p50)"],
        ["cpuMs", "CPU over an empty request, all processes"],
      ] as const) {
        const goal = goals[what];
        figures.push({
          what: `${way}: ${unit}`,
          value: ours?.[what] ?? Number.NaN,
          unit: "ms",
          baseline: `wrangler dev ${round(theirs?.[what] ?? Number.NaN)} ms`,
          ...(goal !== undefined && { goal }),
        });
      }
    }
    const rates = [];
    for (const { ask } of contenders) rates.push(await rate(ask));
    const [ours = Number.NaN, theirs = Number.NaN] = rates;
    figures.push(
      { what: "gets a second", value: ours, unit: "/s", baseline: `wrangler dev ${round(theirs)} /s` },
      { what: "wrangler dev's part of that", value: (100 * theirs) / ours, unit: "%", goal: 10 },
      await listPages(platform, ids[1] ?? ""),
    );
    return figures;
  },
};

async function create(platform: Platform, title: string): Promise<string> {
  return ((await platform.api.send("POST", "/storage/kv/namespaces", { title })) as { id: string }).id;
}

async function askOf(platform: Platform): Promise<Ask> {
  const root = await platform.url("app", "");
  return async (path) => checked((await platform.fetch(root + path, { timeoutMs: 60_000 })).body);
}

async function askPort(port: number, path: string): Promise<unknown> {
  return checked(await (await fetch(`http://127.0.0.1:${port}${path}`)).text());
}

function checked(body: string): void {
  if (body !== "done") throw new Error(`the Worker answered ${body.slice(0, 200)}`);
}

/** Gets a second, with several requests at once. */
async function rate(ask: Ask): Promise<number> {
  const each = 50;
  let left = manyCalls / each;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (left-- > 0) await ask(`/get?count=${each}`);
    }),
  );
  return (manyCalls / (performance.now() - startedAt)) * 1000;
}

/** Pages of a namespace with very many keys, one after the other and at random places. */
async function listPages(platform: Platform, namespaceId: string): Promise<Figure> {
  const files = paths({ dataDir: platform.dataDir, runDir: join(platform.dataDir, "run") });
  const rows = new SqliteRows(join(files.kvOf(platform.api.account, namespaceId), "kv.sqlite"));
  const value = Buffer.from("v".repeat(100));
  const name = (index: number) => Buffer.from(`key:${String(index).padStart(8, "0")}`);
  for (let at = 0; at < manyKeys; at += 10_000) {
    await rows.write(
      Array.from({ length: 10_000 }, (_, index) => ({
        key: name(at + index),
        row: { expires: null, metadata: null, file: null, size: value.length, value },
      })),
    );
  }
  rows.close();
  const times: number[] = [];
  const root = await platform.url("app", "/list?cursor=");
  for (let page = 0; page < pages; page++) {
    const cursor = name(Math.floor(((page * 7919) % pages) * ((manyKeys - 2000) / pages))).toString("base64url");
    const startedAt = performance.now();
    const { body } = await platform.fetch(root + cursor);
    times.push(performance.now() - startedAt);
    if (body === "short") throw new Error("a page was short");
  }
  return { what: `list: page of 1000 of ${manyKeys} keys (p50), request included`, value: median(times), unit: "ms" };
}
