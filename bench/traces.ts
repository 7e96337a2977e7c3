import { heavyLoad } from "../test/harness/heavy-load.ts";
import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { cpuMs } from "../test/harness/processes.ts";
import { type Bench, type Figure, median, round } from "./lib.ts";

const connections = 8;
/** Few enough that no runner outgrows its memory, and is replaced, while it is measured. */
const requests = 3_000;
const rounds = 3;

const producer = `export default {
  fetch(request) {
    if (new URL(request.url).pathname === "/log") console.log("hello", { n: 1 });
    return new Response("hello");
  },
};`;
const watcher = `let seen = 0; export default { fetch: () => new Response(String(seen)), tail: (items) => { seen += items.length; } };`;

const names = ["alone", "told"] as const;
type Name = (typeof names)[number];

/** CPU of a request, in µs. */
interface Cost {
  runnerUs: number;
  servicesUs: number;
  watcherUs: number;
}

export const traces: Bench = {
  name: "traces",
  conditions: `the same Worker with nobody told of it and with a Tail Worker, without and with a line logged; ${rounds} interleaved rounds of ${requests} requests on ${connections} kept connections; CPU from /proc; medians`,
  async run() {
    await using platform = await startPlatform();
    const watching = await deployed(platform, "watcher", watcher);
    const figures: Figure[] = [];
    for (const path of ["/", "/log"]) {
      const groups: Record<Name, number[]> = {
        alone: await deployed(platform, "alone", producer),
        told: await deployed(platform, "told", producer, { tail_consumers: [{ service: "watcher" }] }),
      };
      const measured = (name: Name, path: string) => measure(platform, name, path, groups[name], watching);
      const runs: Record<Name, Cost[]> = { alone: [], told: [] };
      for (const name of names) await measured(name, path);
      for (let i = 0; i < rounds; i++) {
        for (const name of names) runs[name].push(await measured(name, path));
      }
      const of = (name: Name, part: keyof Cost) => median(runs[name].map((cost) => cost[part]));
      const what = path === "/" ? "nothing logged" : "a line logged";
      const baseline = `nobody told ${round(of("alone", "runnerUs"))} µs`;
      figures.push(
        { what: `${what}: runner's CPU per request`, value: of("told", "runnerUs"), unit: "µs", baseline },
        { what: `${what}: CPU of services`, value: of("told", "servicesUs"), unit: "µs" },
        { what: `${what}: CPU of the Tail Worker's runner`, value: of("told", "watcherUs"), unit: "µs" },
      );
    }
    return figures;
  },
};

/** Process ids of the script's runners. */
async function deployed(platform: Platform, name: string, source: string, metadata = {}): Promise<number[]> {
  const before = new Set(platform.runners().map(({ pid }) => pid));
  await platform.api.deploy(name, source, metadata);
  await platform.fetch(await platform.url(name));
  return platform.runners().flatMap(({ pid }) => (before.has(pid) ? [] : [pid]));
}

async function measure(platform: Platform, name: Name, path: string, own: number[], watching: number[]): Promise<Cost> {
  const { host } = new URL(await platform.url(name));
  const services = platform.role("services").map(({ pid }) => pid);
  const spent = () => [own, services, watching].map((pids) => pids.reduce((sum, pid) => sum + cpuMs(pid), 0));
  const before = spent();
  const report = await heavyLoad({ port: platform.port, host, path, connections, requests });
  if (report.failures > 0) throw new Error(`${report.failures} requests failed: ${report.firstFailure}`);
  const [runnerUs = 0, servicesUs = 0, watcherUs = 0] = spent().map(
    (after, index) => ((after - (before[index] ?? 0)) * 1000) / report.requests,
  );
  return { runnerUs, servicesUs, watcherUs };
}
