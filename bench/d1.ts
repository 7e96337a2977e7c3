import { readFileSync } from "node:fs";
import { startPlatform } from "../test/harness/platform.ts";
import { descendants } from "../test/harness/processes.ts";
import { callCost, platformPids } from "./call-cost.ts";
import { startBundledD1, startWranglerDev } from "./d1-baselines.ts";
import { type Bench, type Figure, round } from "./lib.ts";

const calls = 2_000;
const inserts = 500;
const databases = 1_000;
const queried = 200;

const worker = `
const ways = {
  async select(db, count) {
    const statement = db.prepare("SELECT * FROM t WHERE id = ?");
    for (let i = 0; i < count; i++) if ((await statement.bind(1 + (i % 100)).first()) === null) throw new Error("no row");
  },
  async insert(db, count) {
    const statement = db.prepare("INSERT INTO t (v) VALUES (?)");
    for (let i = 0; i < count; i++) await statement.bind("value " + i).run();
  },
  async setup(db) {
    await db.prepare("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v TEXT)").run();
    await db.batch(Array.from({ length: 100 }, (_, i) => db.prepare("INSERT INTO t (v) VALUES (?)").bind("row " + i)));
  },
  async all(db, count, env) {
    for (let i = 0; i < count; i++) {
      await env["DB" + i].prepare("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v TEXT)").run();
      await env["DB" + i].prepare("SELECT count(*) FROM t").first();
    }
  },
};
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    await ways[pathname.slice(1)](env.DB, Number(searchParams.get("count")), env);
    return new Response("done");
  },
};`;

export const d1: Bench = {
  name: "d1",
  conditions: `D1 calls in turn from one Worker, ${calls} by key and ${inserts} durable inserts; ${databases} databases, ${queried} of them queried`,
  async run() {
    using bundled = await startBundledD1(worker);
    using dev = await startWranglerDev(worker);
    await using platform = await startPlatform();
    const create = async (name: string) =>
      ((await platform.api.send("POST", "/d1/database", { name })) as { uuid: string }).uuid;
    const first = await create("one");
    await platform.api.deploy("app", worker, { bindings: [{ type: "d1", name: "DB", id: first }] });
    const ask = async (path: string) => {
      const reply = await platform.fetch(await platform.url("app", path), { timeoutMs: 60_000 });
      if (reply.body !== "done") throw new Error(`the Worker answered ${reply.status}: ${reply.body.slice(0, 200)}`);
    };
    const askOf = (port: number) => async (path: string) => {
      const reply = await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
      if (reply !== "done") throw new Error(`the Worker answered ${reply.slice(0, 200)}`);
    };
    const contenders = [
      { name: "freehold", ask, pids: () => platformPids(platform) },
      ...[bundled, dev].map((other) => ({ name: other.name, ask: askOf(other.port), pids: () => other.pids() })),
    ];
    const figures: Figure[] = [];
    for (const contender of contenders) await contender.ask("/setup");
    for (const [way, count, goals] of [
      ["select", calls, { p50Ms: 0.5, cpuMs: 0.2 }],
      ["insert", inserts, { p50Ms: 0.8 }],
    ] as [string, number, { p50Ms?: number; cpuMs?: number }][]) {
      const measured = [];
      for (const { name, ask, pids } of contenders) {
        await ask(`/${way}?count=100`);
        measured.push({ name, ...(await callCost(count, (number) => ask(`/${way}?count=${number}`), pids)) });
      }
      const [ours, ...others] = measured;
      for (const [what, unit] of [
        ["p50Ms", "time (p50)"],
        ["cpuMs", "CPU, all processes"],
      ] as const) {
        const goal = goals[what];
        figures.push({
          what: `${way}: ${unit}`,
          value: ours?.[what] ?? Number.NaN,
          unit: "ms",
          baseline: others.map((other) => `${other.name} ${round(other[what])} ms`).join(", "),
          ...(goal !== undefined && { goal }),
        });
      }
    }
    const ids = [];
    for (let index = 0; index < databases; index++) ids.push(await create(`db-${index}`));
    const bindings = ids.slice(0, queried).map((id, index) => ({ type: "d1", name: `DB${index}`, id }));
    await platform.api.deploy("many", worker, { bindings: [...bindings, { type: "d1", name: "DB", id: first }] });
    const reply = await platform.fetch(await platform.url("many", `/all?count=${queried}`), { timeoutMs: 60_000 });
    if (reply.body !== "done") throw new Error(`the Worker answered ${reply.body.slice(0, 200)}`);
    figures.push({
      what: `memory of SQLite hosts, ${queried} databases queried`,
      value: hostPssMb(platform.supervisor.pid),
      unit: "MB",
    });
    return figures;
  },
};

/** Proportional memory of all processes that run the hosts' program. */
function hostPssMb(supervisor: number): number {
  let kilobytes = 0;
  for (const { pid } of descendants(supervisor)) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("db.sock")) continue;
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      // Ended meanwhile.
    }
  }
  return kilobytes / 1024;
}
