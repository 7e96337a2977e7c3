import { Load, percentile } from "../test/harness/load.ts";
import { until } from "../test/harness/objects.ts";
import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { callCost, platformPids } from "./call-cost.ts";
import { type Bench, type Figure, median, round } from "./lib.ts";
import { startRawWorkerd } from "./raw-workerd.ts";

const calls = 500;
const rounds = 15;
const deploys = 20;
const wakes = 10;
const alarmWakes = 5;
/** A home whose next alarm is sooner is not stopped. */
const alarmMs = 12_000;

const classes = `import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
  count = 0;
  add(by) { return (this.count += by); }
  fetch() { return new Response("answer"); }
  async ringAt(time) { await this.ctx.storage.put("due", time); await this.ctx.storage.setAlarm(time); }
  async alarm() { await this.ctx.storage.put("lateMs", Date.now() - (await this.ctx.storage.get("due"))); }
  async lateMs() { return await this.ctx.storage.get("lateMs"); }
}`;

/** Makes so many calls in turn. The object is in `env.Counter`. */
const caller = `
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const stub = env.Counter.getByName(url.searchParams.get("name") ?? "one");
    if (url.pathname === "/ring") return Response.json(await stub.ringAt(Date.now() + Number(url.searchParams.get("in"))));
    if (url.pathname === "/late") return Response.json((await stub.lateMs()) ?? null);
    const count = Number(url.searchParams.get("count") ?? 1);
    for (let i = 0; i < count; i++) {
      if (url.pathname === "/fetch") await (await stub.fetch("http://object/")).text();
      else await stub.add(1);
    }
    return new Response("done");
  },
};`;

const binding = { type: "durable_object_namespace", name: "Counter", class_name: "Counter" };
const migrations = { new_tag: "v1", steps: [{ new_sqlite_classes: ["Counter"] }] };

export const objects: Bench = {
  name: "objects",
  conditions: `${deploys} deploys under load; ${wakes} wakes of a stopped home by request, ${alarmWakes} by alarm`,
  async run() {
    await using platform = await start(1);
    return [...(await deployFigures(platform)), ...(await wakeFigures(platform))];
  },
};

/** Apart, as it takes seconds where the others take minutes. */
export const objectCalls: Bench = {
  name: "object-calls",
  conditions:
    `${rounds} × ${calls} calls in turn from one request to one object, in memory only: at home, from another script, and in ` +
    "raw workerd; medians of the rounds, which go in turn",
  async run() {
    await using platform = await start(60);
    return await callFigures(platform);
  },
};

async function start(idleSeconds: number): Promise<Platform> {
  const platform = await startPlatform({ env: { FREEHOLD_RUNNER_IDLE_SECONDS: String(idleSeconds) } });
  await platform.api.deploy("home", `${classes}${caller}`, { bindings: [binding], migrations });
  await platform.api.deploy("guest", caller, { bindings: [{ ...binding, script_name: "home" }] });
  return platform;
}

async function callFigures(platform: Platform): Promise<Figure[]> {
  using raw = await startRawWorkerd([{ name: "home", source: `${classes}${caller}`, objects: ["Counter"] }]);
  const figures: Figure[] = [];
  for (const way of ["rpc", "fetch"]) {
    const rawAsk = async (count: number) => (await fetch(`http://127.0.0.1:${raw.port}/${way}?count=${count}`)).text();
    const asker = (script: string) => async (count: number) => {
      const reply = await platform.fetch(await platform.url(script, `/${way}?count=${count}`), { timeoutMs: 60_000 });
      if (reply.body !== "done") throw new Error(`${script} answered ${reply.status}: ${reply.body.slice(0, 200)}`);
    };
    const home = asker("home");
    const guest = asker("guest");
    for (const ask of [rawAsk, home, guest]) await ask(2000);
    // The request around the calls costs more here than in raw workerd: what it costs without calls is taken off.
    const subjects = [
      { ask: rawAsk, pids: [raw.pid] },
      { ask: home, pids: platformPids(platform) },
      { ask: guest, pids: platformPids(platform) },
    ].map((subject) => ({ ...subject, p50Ms: [] as number[], cpuMs: [] as number[] }));
    // In turn, so that a change of the machine's mood meets all three.
    for (let i = 0; i < rounds; i++) {
      for (const { ask, pids, p50Ms, cpuMs } of subjects) {
        const cost = await callCost(calls, ask, () => pids);
        const empty = await callCost(
          calls / 10,
          () => ask(0),
          () => pids,
        );
        p50Ms.push(cost.p50Ms - empty.p50Ms);
        cpuMs.push(cost.cpuMs - empty.cpuMs);
      }
    }
    const [base, atHome, gate] = subjects.map(({ p50Ms, cpuMs }) => ({
      p50Ms: median(p50Ms),
      cpuUs: median(cpuMs) * 1000,
    }));
    if (!base || !atHome || !gate) throw new Error("nothing was measured");
    const baseline = `raw workerd: ${round(base.p50Ms)} ms, ${round(base.cpuUs)} CPU-µs`;
    figures.push(
      { what: `${way} at home, time a call`, value: atHome.p50Ms / base.p50Ms, unit: "×", goal: 1.05, baseline },
      { what: `${way} at home, CPU a call`, value: atHome.cpuUs / base.cpuUs, unit: "×", goal: 1.05, baseline },
      { what: `${way} through the gate, p50`, value: gate.p50Ms, unit: "ms", goal: 1, baseline },
      { what: `${way} through the gate, CPU`, value: gate.cpuUs / base.cpuUs, unit: "×", goal: 4, baseline },
      { what: `${way} through the gate, CPU`, value: gate.cpuUs, unit: "µs" },
    );
  }
  return figures;
}

async function deployFigures(platform: Platform): Promise<Figure[]> {
  const loads = await Promise.all(
    ["home", "guest"].map(
      async (script) => new Load(await platform.url(script, "/rpc?name=load"), { connections: 2, pauseMs: 2 }),
    ),
  );
  await Promise.all(loads.map((load) => load.answered(50)));
  for (let release = 1; release <= deploys; release++) {
    await platform.api.deploy("home", `${classes}${caller}// ${release}`, { bindings: [binding] });
    await Promise.all(loads.map((load) => load.answered(20)));
  }
  const results = await Promise.all(loads.map((load) => load.stop()));
  const [atHome, elsewhere] = results.map(({ latenciesMs }) => latenciesMs);
  const failed = results.reduce((sum, { failures }) => sum + failures.length, 0);
  const requests = results.reduce((sum, result) => sum + result.requests, 0);
  return [
    { what: "deploy under load: failed requests", value: failed, unit: "", goal: 0, baseline: `${requests} requests` },
    { what: "  longest stall, requests to the script", value: Math.max(...(atHome ?? [])), unit: "ms", goal: 150 },
    {
      what: "  longest stall, calls from another script",
      value: Math.max(...(elsewhere ?? [])),
      unit: "ms",
      goal: 150,
    },
  ];
}

async function wakeFigures(platform: Platform): Promise<Figure[]> {
  const stopped = () =>
    until(
      async () => platform.runners().length,
      (count) => count === 0,
      20_000,
    );
  const byRequest: number[] = [];
  const byAlarm: number[] = [];
  for (let i = 0; i < wakes; i++) {
    await stopped();
    const address = await platform.url("home", `/rpc?name=wake-${i}`);
    const startedAt = performance.now();
    await platform.fetch(address);
    byRequest.push(performance.now() - startedAt);
    if (i >= alarmWakes) continue;
    await platform.fetch(await platform.url("home", `/ring?name=alarm-${i}&in=${alarmMs}`));
    await stopped();
    const late = await until(
      async () => {
        // Asking would wake it: first it has to come by itself.
        if (platform.runners().length === 0) return null;
        return (await platform.fetch(await platform.url("home", `/late?name=alarm-${i}`))).json() as number | null;
      },
      (found) => found !== null,
      2 * alarmMs,
    );
    byAlarm.push(late ?? Number.NaN);
  }
  return [
    { what: "wake from idle by request, p50", value: median(byRequest), unit: "ms", goal: 60 },
    { what: "  p99", value: percentile(byRequest, 0.99), unit: "ms" },
    { what: "wake from idle by alarm: how late it runs, p50", value: median(byAlarm), unit: "ms", goal: 60 },
    { what: "  worst", value: Math.max(...byAlarm), unit: "ms" },
  ];
}
