import type { RoutingSnapshot } from "../src/domain/routing.ts";
import { Router } from "../src/edge/router.ts";
import { type Bench, type Figure, median } from "./lib.ts";

const rounds = 15;
const decisionsARound = 200_000;

const script = (id: string) => ({
  ...{ id, accountId: "a", name: id, enabled: true, previewsEnabled: true, versions: [], aliases: {} },
  shares: [{ versionId: `${id}-1`, percentage: 100 }],
});

/** A host with so many routes, of which a request under `/section-<n>/` meets the one before the last. */
function withRoutes(count: number): RoutingSnapshot {
  const patterns = Array.from({ length: count - 1 }, (_, index) => `example.com/section-${index}/*`);
  return {
    ...{ generation: 1, accounts: [{ id: "a", subdomain: "acc" }], scripts: [script("one"), script("two")] },
    zones: [
      {
        ...{ accountId: "a", name: "example.com" },
        routes: [
          { pattern: "example.com/*", scriptId: "one" },
          ...patterns.map((pattern) => ({ pattern, scriptId: "two" })),
        ],
      },
    ],
    domains: [],
  };
}

/** CPU of one decision, in nanoseconds: what the edge does between a request's head and its target. */
function cost(router: Router, host: string, target: string): number {
  let found = 0;
  const decide = () => {
    let answer = router.resolve(host);
    if (answer.kind === "paths") answer = answer.choose(true, target);
    if (answer.kind === "worker") found++;
  };
  const samples = Array.from({ length: rounds }, () => {
    const before = process.cpuUsage();
    for (let index = 0; index < decisionsARound; index++) decide();
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / decisionsARound;
  });
  if (found !== rounds * decisionsARound) throw new Error(`${host}${target} leads nowhere`);
  return median(samples);
}

export const routeMatch: Bench = {
  name: "route-match",
  conditions: `CPU of finding the Worker of a request by its host and path, ${decisionsARound} times, median of ${rounds}`,
  async run() {
    const bare = new Router("localhost", { ...withRoutes(1), zones: [], domains: [] });
    const baseline = `${cost(bare, "one.acc.localhost", "/a").toFixed(0)} ns without any zone`;
    const loaded = new Router("localhost", withRoutes(1000));
    const figures: Figure[] = [
      {
        what: "a host of the base domain, beside a zone with 1,000 routes",
        value: cost(loaded, "one.acc.localhost", "/a"),
        unit: "ns",
        baseline,
      },
    ];
    for (const count of [1, 10, 1000]) {
      const router = new Router("localhost", withRoutes(count));
      const path = count === 1 ? "/a/b" : `/section-${count - 2}/page?query`;
      figures.push({
        what: `a host with ${count} routes`,
        value: cost(router, "example.com", path),
        unit: "ns",
        baseline,
      });
      if (count > 1) {
        const other = cost(router, "example.com", "/none/of/them");
        figures.push({ what: `the same, a path that only the last matches`, value: other, unit: "ns", baseline });
      }
    }
    return figures;
  },
};
