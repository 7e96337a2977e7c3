import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { utcDay } from "../domain/daily-requests.ts";
import type { RoutedRoute, RoutedScript, RoutingSnapshot } from "../domain/routing.ts";
import type { SiteRecord } from "../domain/version.ts";
import { Cleanup } from "../lib/http/testing.ts";
import { writeSite } from "../products/assets/testing-disk.ts";
import { Quotas } from "./quotas.ts";
import { address, script, snapshot, socketPath, startEdge, startServer, type TestEdge } from "./testing.ts";

/** A day that does not end in the middle of a test. */
const NOON = Date.parse("2026-11-28T12:00:00Z");
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: NOON }));

const cleanup = new Cleanup();
afterEach(async () => {
  vi.useRealTimers();
  await cleanup.run();
});

describe("counts", () => {
  const hourMs = 3_600_000;
  let now = NOON;
  const quotas = new Quotas(() => now);
  const days = [
    ["the first", 0, { day: "2026-11-28", accounts: { a: 1 } }],
    ["the same day", 11.9 * hourMs, { day: "2026-11-28", accounts: { a: 2 } }],
    ["another account", 11.9 * hourMs, { day: "2026-11-28", accounts: { a: 2, b: 1 } }],
    ["after midnight", 12 * hourMs, { day: "2026-11-29", accounts: { a: 1 } }],
    ["a clock set back", 11.9 * hourMs, { day: "2026-11-28", accounts: { a: 3, b: 1 } }],
    ["and set right", 12 * hourMs, { day: "2026-11-29", accounts: { a: 2 } }],
    ["two days back", -13 * hourMs, { day: "2026-11-27", accounts: { a: 1 } }],
    ["far ahead", 9999 * hourMs, { day: "2028-01-19", accounts: { a: 1 } }],
    ["a day that was forgotten", 0, { day: "2026-11-28", accounts: { a: 1 } }],
  ] as const;
  test.each(days)("%s", (what, laterMs, expected) => {
    now = NOON + laterMs;
    quotas.of(what === "another account" ? "b" : "a").requests++;
    // Who only looks is not counted.
    quotas.of("c");
    expect(quotas.report()).toEqual(expected);
  });

  test("a quota is spent on its day alone, and for the accounts that are named", () => {
    now = NOON;
    quotas.of("a");
    const spent = () => ["a", "b"].filter((account) => quotas.of(account).spent);
    quotas.load({ day: "2026-11-28", accountIds: ["a"] });
    expect(spent()).toEqual(["a"]);
    quotas.load({ day: "2026-11-28", accountIds: ["b"] });
    expect(spent()).toEqual(["b"]);
    now += 12 * hourMs;
    expect(spent()).toEqual([]);
    now = NOON;
    expect(spent()).toEqual(["b"]);
    quotas.load(undefined);
    expect(spent()).toEqual([]);
  });
});

const HOST = "hello.acc.localhost";
const spent = { day: utcDay(NOON), accountIds: ["a1"] };

/** An edge of an account that has spent its quota; runners answer `code of <version>`. */
async function edgeOf(env: Record<string, string> = { FREEHOLD_DAILY_REQUESTS: "1" }): Promise<TestEdge> {
  const acquire = async (versionId: string) => {
    const path = await socketPath(cleanup);
    await startServer(cleanup, path, true, (_request, response) => response.end(`code of ${versionId}`));
    return address(versionId, path);
  };
  return startEdge(cleanup, { acquire }, snapshot(script("hello")), env);
}

async function site(edge: TestEdge, parts: Partial<SiteRecord>): Promise<Partial<RoutedScript>> {
  const place = { blobs: join(edge.directory, "blobs"), assets: join(edge.directory, "assets") };
  const files = { "/index.html": "home", "/file.txt": "file", "/404.html": "lost" };
  return { sites: { "hello-v1": await writeSite(place, files, { hasWorker: true, ...parts }) } };
}

const shown = async (edge: TestEdge, target = "/", host = HOST) => {
  const { status, body } = await edge.get(host, target);
  return `${status} ${body.split("\n")[0]}`;
};
const LIMIT = "429 error 1027: Daily requests are used up";

test("what reaches code is counted, whatever comes of it; files and refused requests are not", async () => {
  const edge = await edgeOf();
  const routing = await site(edge, { runWorkerFirst: ["/api/*"], notFoundHandling: "none" });
  await edge.route(snapshot(script("hello", routing), script("none", { shares: [] })));
  expect(await shown(edge, "/file.txt")).toBe("200 file");
  expect(await shown(edge, "/api/x")).toBe("200 code of hello-v1");
  expect(await shown(edge, "/nothing")).toBe("200 code of hello-v1");
  await edge.get(HOST, "/api/x", "CDN-Loop: freehold; loops=16\r\n");
  await shown(edge, "/", "none.acc.localhost");
  expect(edge.edge.counts().daily).toEqual({ day: spent.day, accounts: { a1: 2 } });
});

test("a Worker shows the page and when to come back; its account's other Workers too, other accounts' not", async () => {
  const edge = await edgeOf();
  const foreign = script("foreign", { accountId: "a2" });
  const accounts = [
    { id: "a1", subdomain: "acc" },
    { id: "a2", subdomain: "two" },
  ];
  await edge.route({ ...snapshot(script("hello"), script("other"), foreign), accounts, spent });
  const { status, head } = await edge.get(HOST);
  expect(status).toBe(429);
  const retryAfter = Number(/^retry-after: (\d+)$/im.exec(head)?.[1]);
  expect(retryAfter).toBeGreaterThan(0);
  expect(retryAfter).toBeLessThanOrEqual(86_400);
  expect(await shown(edge, "/", "other.acc.localhost")).toBe(LIMIT);
  expect(await shown(edge, "/", "foreign.two.localhost")).toBe("200 code of foreign-v1");
  expect(edge.edge.counts().daily?.accounts).toEqual({ a2: 1 });
  // A page is no answer of code.
  await edge.route({ ...snapshot(script("hello")), spent: { ...spent, day: "2020-01-01" } });
  expect(await shown(edge)).toBe("200 code of hello-v1");
});

test("without a quota nothing is counted, and an old verdict means nothing", async () => {
  const edge = await edgeOf({});
  await edge.route({ ...snapshot(script("hello")), spent });
  expect(await shown(edge)).toBe("200 code of hello-v1");
  expect(edge.edge.counts()).not.toHaveProperty("daily");
});

const pages = {
  ...{ mode: "pages", htmlHandling: "pages", notFoundHandling: "pages", runWorkerFirst: true },
  functionRoutes: { include: ["/*"], exclude: ["/file.txt"] },
} satisfies Partial<SiteRecord>;

describe("files of a version with code, on its own host", () => {
  test.each<[what: string, Partial<SiteRecord>, Record<string, string>]>([
    ["a Worker", {}, { "/": "200 home", "/file.txt": "200 file", "/x": LIMIT }],
    ["a Worker that goes first", { runWorkerFirst: true }, { "/": LIMIT, "/file.txt": LIMIT }],
    ["a Worker with a rule", { runWorkerFirst: ["/api/*"] }, { "/": "200 home", "/api/x": LIMIT }],
    ["a project that fails open", pages, { "/": "200 home", "/file.txt": "200 file", "/x": "404 lost" }],
    [
      "a project that fails closed",
      { ...pages, failClosed: true },
      { "/": LIMIT, "/file.txt": "200 file", "/x": LIMIT },
    ],
    ["files alone", { hasWorker: false }, { "/": "200 home", "/x": "404 " }],
  ])("%s", async (_what, parts, expected) => {
    const edge = await edgeOf();
    await edge.route({ ...snapshot(script("hello", await site(edge, parts))), spent });
    // From disk, and from memory.
    for (let round = 0; round < 2; round++) {
      for (const [path, answer] of Object.entries(expected)) expect(await shown(edge, path), path).toBe(answer);
    }
  });
});

describe("routes", () => {
  const hosts = ["www.example.com", "example.com"];
  /** `hello` on a route to everything; `www` is a custom domain of `behind`. */
  const routed = (routing: Partial<RoutedScript>, route: Partial<RoutedRoute>, hello: string): RoutingSnapshot => ({
    ...snapshot(script("hello", routing), script("behind")),
    zones: [
      {
        ...{ accountId: "a1", name: "example.com" },
        routes: [{ pattern: "*example.com/*", scriptId: "hello", ...route }],
      },
    ],
    domains: [{ hostname: "www.example.com", scriptId: hello, enabled: true, previewsEnabled: false }],
  });
  const answers = async (edge: TestEdge, path = "/") => {
    const all = [];
    for (const host of hosts) all.push(await shown(edge, path, host));
    return all;
  };

  test("one that fails closed shows the page", async () => {
    const edge = await edgeOf();
    await edge.route({ ...routed({}, {}, "behind"), spent });
    expect(await answers(edge)).toEqual([LIMIT, LIMIT]);
  });

  test("one that fails open lets the Worker's files answer everything", async () => {
    const edge = await edgeOf();
    const routing = await site(edge, { runWorkerFirst: true });
    await edge.route({ ...routed(routing, { failOpen: true }, "behind"), spent });
    expect(await answers(edge)).toEqual(["200 home", "200 home"]);
    await edge.route(routed(routing, { failOpen: true }, "behind"));
    expect(await answers(edge)).toEqual(["200 code of hello-v1", "200 code of hello-v1"]);
  });

  test("a Worker without files steps aside for the custom domain behind its route, if there is one", async () => {
    const edge = await edgeOf();
    const files = await site(edge, { hasWorker: false });
    const behind = script("behind", { shares: [{ versionId: "hello-v1", percentage: 100 }], ...files });
    const routing = routed({ shares: [{ versionId: "other-v1", percentage: 100 }] }, { failOpen: true }, "behind");
    await edge.route({ ...routing, scripts: [routing.scripts[0] ?? behind, behind], spent });
    expect(await answers(edge)).toEqual(["200 home", LIMIT]);
  });
});
