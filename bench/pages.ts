import { wranglerHash } from "../src/products/assets/testing-upload.ts";
import { heavyLoad } from "../test/harness/heavy-load.ts";
import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { cpuMs, descendants } from "../test/harness/processes.ts";
import { answering, type Bench, median, round } from "./lib.ts";

const connections = 8;
const requests = 10_000;
const rounds = 5;

/** 99 rules that match nothing that is asked for, and one that excludes the page. */
const routes = {
  version: 1,
  include: ["/*"],
  exclude: [...Array.from({ length: 98 }, (_, index) => `/nothing-${index}/*`), "/page"],
};

/** What `_routes.json` keeps from the code costs what a site without code costs, and Functions what a Worker costs. */
export const pages: Bench = {
  name: "pages",
  conditions: `a page of 1 KB and a "hello"; 100 rules in _routes.json; ${rounds} interleaved rounds of ${requests} requests on ${connections} kept connections; CPU of all processes from /proc; medians`,
  async run() {
    const source = answering("hello");
    await using platform = await startPlatform({ env: { FREEHOLD_EDGES: "2" } });
    await platform.api.deploy("main", source);
    await deploy(platform, "plain");
    await deploy(platform, "app", source);
    const targets = {
      file: { host: "plain.pages.localhost", path: "/page" },
      excluded: { host: "app.pages.localhost", path: "/page" },
      worker: { host: new URL(await platform.url("main")).host, path: "/" },
      functions: { host: "app.pages.localhost", path: "/" },
    };
    const names = Object.keys(targets) as (keyof typeof targets)[];
    const costs: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round <= rounds; round++) {
      for (const name of names) {
        const costUs = await measure(platform, targets[name]);
        // The first round warms up.
        if (round > 0) costs[name]?.push(costUs);
      }
    }
    const cost = (name: keyof typeof targets) => median(costs[name] ?? []);
    return [
      {
        what: "excluded path, of a file without code",
        value: cost("excluded") / cost("file"),
        unit: "×",
        goal: 1.15,
        baseline: `file ${round(cost("file"))} µs, excluded ${round(cost("excluded"))} µs`,
      },
      {
        what: "Functions, of a Worker",
        value: cost("functions") / cost("worker"),
        unit: "×",
        goal: 1.15,
        baseline: `Worker ${round(cost("worker"))} µs, Functions ${round(cost("functions"))} µs`,
      },
    ];
  },
};

async function measure({ port, supervisor }: Platform, target: { host: string; path: string }): Promise<number> {
  const pids = [supervisor.pid, ...descendants(supervisor.pid).map(({ pid }) => pid)];
  const spent = () => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const before = spent();
  const report = await heavyLoad({ port, ...target, connections, requests });
  if (report.failures > 0)
    throw new Error(`${report.failures} requests to ${target.host} failed: ${report.firstFailure}`);
  return ((spent() - before) * 1000) / report.requests;
}

async function deploy({ api }: Platform, name: string, worker?: string): Promise<void> {
  const page = "<p>".padEnd(1024, "x");
  const key = wranglerHash("/page.html", page);
  await api.send("POST", "/pages/projects", { name, production_branch: "main" });
  const { jwt } = (await api.get(`/pages/projects/${name}/upload-token`)) as { jwt: string };
  const content = {
    key,
    value: Buffer.from(page).toString("base64"),
    metadata: { contentType: "text/html" },
    base64: true,
  };
  await api.call("POST", "//pages/assets/upload", { body: [content], headers: { authorization: `Bearer ${jwt}` } });
  const form = new FormData();
  form.set("manifest", JSON.stringify({ "/page.html": key }));
  if (worker !== undefined) {
    form.set("_worker.js", new File([worker], "_worker.js"));
    form.set("_routes.json", new File([JSON.stringify(routes)], "_routes.json"));
  }
  const { envelope } = await api.call("POST", `/pages/projects/${name}/deployments`, { form });
  if (!envelope.success) throw new Error(JSON.stringify(envelope.errors));
}
