import { startPlatform } from "../test/harness/platform.ts";
import { callCost, platformPids } from "./call-cost.ts";
import { type Bench, type Figure, round } from "./lib.ts";
import { startRawWorkerd } from "./raw-workerd.ts";

const calls = 1_000;

const caller = `export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const count = Number(searchParams.get("count"));
    for (let i = 0; i < count; i++) {
      if (pathname === "/fetch") await (await env.callee.fetch("http://callee/")).text();
      else await env.callee.add(i, 1);
    }
    return new Response("done");
  },
};`;

const callee = `import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  fetch() { return new Response("answer"); }
  add(a, b) { return a + b; }
}`;

export const serviceBinding: Bench = {
  name: "service-binding",
  conditions: `${calls} calls in turn from one Worker to another by a service binding`,
  async run() {
    using raw = await startRawWorkerd([
      { name: "caller", source: caller },
      { name: "callee", source: callee },
    ]);
    await using platform = await startPlatform();
    await platform.api.deploy("callee", callee);
    await platform.api.deploy("caller", caller, { bindings: [{ type: "service", name: "callee", service: "callee" }] });
    const figures: Figure[] = [];
    for (const way of ["fetch", "rpc"]) {
      const path = (count: number) => `/${way}?count=${count}`;
      const rawAsk = async (count: number) => (await fetch(`http://127.0.0.1:${raw.port}${path(count)}`)).text();
      const ask = async (count: number) => {
        const reply = await platform.fetch(await platform.url("caller", path(count)), { timeoutMs: 60_000 });
        if (reply.body !== "done") throw new Error(`the caller answered ${reply.status}: ${reply.body.slice(0, 200)}`);
      };
      await rawAsk(100);
      await ask(100);
      const baseline = await callCost(calls, rawAsk, () => [raw.pid]);
      const measured = await callCost(calls, ask, () => platformPids(platform));
      figures.push(
        {
          what: `${way}: time a call`,
          value: measured.p50Ms,
          unit: "ms",
          baseline: `both in one workerd ${round(baseline.p50Ms)} ms`,
        },
        {
          what: `${way}: CPU a call, all processes`,
          value: measured.cpuMs,
          unit: "ms",
          baseline: `both in one workerd ${round(baseline.cpuMs)} ms`,
        },
      );
    }
    return figures;
  },
};
