import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { callCost } from "./call-cost.ts";
import { type Bench, type Figure, round } from "./lib.ts";

const calls = 1_000;

const caller = `export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    for (let i = 0; i < Number(searchParams.get("count")); i++) await (await fetch(searchParams.get("url"))).text();
    return new Response("done");
  },
};`;

export const workerFetch: Bench = {
  name: "worker-fetch",
  conditions: `${calls} fetches in turn by a Worker from a server beside it, before and after its account has a zone`,
  async run() {
    const server = createServer((_request, response) => response.end("answer"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await using platform = await startPlatform({ env: { FREEHOLD_ALLOW_PRIVATE: "127.0.0.0/8" } });
    await platform.api.deploy("before", caller);
    const before = await costOf(platform, "before", url);
    await platform.api.send("POST", "//zones", { name: "example.com" });
    await platform.api.deploy("after", caller);
    const after = await costOf(platform, "after", url);
    await platform.api.deploy("callee", `export default { fetch: () => new Response("answer") };`);
    const own = await costOf(platform, "after", await platform.url("callee"));
    server.close();
    const against = (what: string, measured: Cost): Figure[] => [
      { what: `${what}: time`, value: measured.p50Ms, unit: "ms", baseline: `without zones ${round(before.p50Ms)} ms` },
      {
        what: `${what}: CPU of the runners`,
        value: measured.cpuMs,
        unit: "ms",
        baseline: `without zones ${round(before.cpuMs)} ms`,
      },
    ];
    return [...against("from elsewhere", after), ...against("from a Worker of the account, through the edge", own)];
  },
};

type Cost = Awaited<ReturnType<typeof callCost>>;

async function costOf(platform: Platform, name: string, url: string): Promise<Cost> {
  const ask = async (count: number) => {
    const query = `/?count=${count}&url=${encodeURIComponent(url)}`;
    const reply = await platform.fetch(await platform.url(name, query), { timeoutMs: 60_000 });
    if (reply.body !== "done") throw new Error(`${name} answered ${reply.status}: ${reply.body.slice(0, 200)}`);
  };
  await ask(100);
  return callCost(calls, ask, () => platform.runners().map(({ pid }) => pid));
}
