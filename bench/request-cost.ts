import { heavyLoad } from "../test/harness/heavy-load.ts";
import { percentile } from "../test/harness/load.ts";
import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { cpuMs, descendants, isRuntime } from "../test/harness/processes.ts";
import { answering, type Bench, type Figure, median, round } from "./lib.ts";
import { startNginx } from "./nginx.ts";
import { startRawWorkerd } from "./raw-workerd.ts";

const connections = 8;
const requests = 10_000;
const rounds = 5;

interface Cost {
  proxyUs: number;
  workerdUs: number;
  otherUs: number;
  p50Ms: number;
}

export const requestCost: Bench = {
  name: "request-cost",
  conditions: `a Worker that answers "hello"; ${rounds} interleaved rounds of ${requests} requests on ${connections} kept connections; CPU from /proc; medians`,
  async run() {
    const source = answering("hello");
    using raw = await startRawWorkerd([{ name: "main", source }]);
    using nginx = await startNginx(raw.socket, 2);
    await using platform = await startPlatform({ env: { FREEHOLD_EDGES: "2" } });
    await platform.api.deploy("main", source);
    const host = new URL(await platform.url("main")).host;

    const rawRuns: Cost[] = [];
    const nginxRuns: Cost[] = [];
    const platformRuns: Cost[] = [];
    await heavyLoad({ port: raw.port, host, connections, requests: 2_000 });
    await heavyLoad({ port: platform.port, host, connections, requests: 5_000 });
    for (let i = 0; i < rounds; i++) {
      rawRuns.push(await measure(raw.port, host, () => ({ proxy: [], workerd: [raw.pid], other: [] })));
      if (nginx)
        nginxRuns.push(await measure(nginx.port, host, () => ({ proxy: nginx.pids(), workerd: [raw.pid], other: [] })));
      platformRuns.push(await measure(platform.port, host, () => processes(platform)));
    }
    return figures(summary(rawRuns), nginx ? summary(nginxRuns) : undefined, summary(platformRuns));
  },
};

function figures(raw: Cost, nginx: Cost | undefined, platform: Cost): Figure[] {
  const total = (cost: Cost) => cost.proxyUs + cost.workerdUs + cost.otherUs;
  const ratio = (cost: Cost) => total(cost) / raw.workerdUs;
  return [
    {
      what: "edge CPU per request",
      value: platform.proxyUs,
      unit: "µs",
      goal: 30,
      baseline: nginx ? `nginx as proxy ${round(nginx.proxyUs)} µs` : "nginx is not installed",
    },
    {
      what: "total CPU, of raw workerd's",
      value: ratio(platform),
      unit: "×",
      goal: 1.6,
      baseline: `raw workerd ${round(raw.workerdUs)} µs${nginx ? `, behind nginx ${round(ratio(nginx))} ×` : ""}`,
    },
    {
      what: "runner's CPU per request",
      value: platform.workerdUs,
      unit: "µs",
      baseline: `raw workerd ${round(raw.workerdUs)} µs`,
    },
    { what: "other processes' CPU per request", value: platform.otherUs, unit: "µs" },
    {
      what: "latency p50",
      value: platform.p50Ms,
      unit: "ms",
      baseline: `raw workerd ${round(raw.p50Ms)} ms${nginx ? `, behind nginx ${round(nginx.p50Ms)} ms` : ""}`,
    },
  ];
}

async function measure(
  port: number,
  host: string,
  pids: () => { proxy: number[]; workerd: number[]; other: number[] },
): Promise<Cost> {
  const groups = pids();
  const spent = (group: number[]) => group.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const before = { proxy: spent(groups.proxy), workerd: spent(groups.workerd), other: spent(groups.other) };
  const report = await heavyLoad({ port, host, connections, requests });
  if (report.failures > 0)
    throw new Error(`${report.failures} requests to port ${port} failed: ${report.firstFailure}`);
  const perRequestUs = (after: number, earlier: number) => ((after - earlier) * 1000) / report.requests;
  return {
    proxyUs: perRequestUs(spent(groups.proxy), before.proxy),
    workerdUs: perRequestUs(spent(groups.workerd), before.workerd),
    otherUs: perRequestUs(spent(groups.other), before.other),
    p50Ms: percentile(report.latenciesMs, 0.5),
  };
}

function processes(platform: Platform) {
  const all = descendants(platform.supervisor.pid);
  const proxy = all.filter((process) => process.command.includes("role:edge")).map((process) => process.pid);
  const workerd = all.filter(isRuntime).map((process) => process.pid);
  const other = [
    platform.supervisor.pid,
    ...all.map((process) => process.pid).filter((pid) => !proxy.includes(pid) && !workerd.includes(pid)),
  ];
  return { proxy, workerd, other };
}

function summary(runs: Cost[]): Cost {
  return {
    proxyUs: median(runs.map((run) => run.proxyUs)),
    workerdUs: median(runs.map((run) => run.workerdUs)),
    otherUs: median(runs.map((run) => run.otherUs)),
    p50Ms: median(runs.map((run) => run.p50Ms)),
  };
}
