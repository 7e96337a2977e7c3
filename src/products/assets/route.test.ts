import { describe, expect, test } from "vitest";
import { prepare } from "./prepare.ts";
import { hidesCdnCgi, navigationPrefersAssets, route } from "./route.ts";
import { parseRunWorkerFirst } from "./run-worker-first.ts";
import { siteOf, targetOf } from "./testing.ts";

test.each<[date: string, flags: string[], prefers: boolean]>([
  ["2025-03-31", [], false],
  ["2025-04-01", [], true],
  ["2024-01-01", ["assets_navigation_prefers_asset_serving"], true],
  ["2026-01-01", ["assets_navigation_has_no_effect"], false],
])("%s %j: %s", (date, flags, prefers) => expect(navigationPrefersAssets(date, flags)).toBe(prefers));

/** Where a GET goes, by whether it is a navigation. */
function routes(
  rules: unknown,
  prefers: boolean,
  notFoundHandling: "none" | "404-page" | "single-page-application",
  path: string,
): string {
  const site = siteOf({
    files: ["/index.html", "/404.html", "/file.html"],
    redirects: "/old /file\n/rw /nope 200",
    site: { notFoundHandling },
  });
  const routing = { hasWorker: true, runWorkerFirst: parseRunWorkerFirst(rules), navigationPrefersAssets: prefers };
  const ask = (mode: string | undefined) => route(routing, path, mode, () => prepare(site, targetOf(path)));
  return `${ask("navigate")}/${ask(undefined)}`;
}

describe("navigation/other requests", () => {
  const SPA = "single-page-application";
  test.each([
    // An answer of the assets' own always wins.
    [false, true, SPA, "/file", "assets/assets"],
    [false, true, SPA, "/file.html", "assets/assets"],
    [false, true, SPA, "/old", "assets/assets"],
    [false, true, "none", "/rw", "assets/assets"],
    // A not-found page only for navigations, and from the compatibility date on.
    [false, true, SPA, "/nope", "assets/worker"],
    [false, true, "404-page", "/nope", "assets/worker"],
    [false, true, SPA, "//nope", "assets/worker"],
    [false, true, "none", "/nope", "worker/worker"],
    [false, false, SPA, "/nope", "worker/worker"],
    // With rules the page is an answer for every request that they leave open.
    [["/api/*"], false, SPA, "/nope", "assets/assets"],
    [["/api/*"], false, "404-page", "/nope", "assets/assets"],
    [["/api/*"], true, "none", "/nope", "worker/worker"],
    [["/api/*"], true, SPA, "/api/x", "worker/worker"],
    [["/*", "!/file"], true, SPA, "/file", "assets/assets"],
    [["/*", "!/assets/*"], true, "none", "/assets/nope", "assets/assets"],
    [["/file"], true, SPA, "/file", "worker/worker"],
    [true, true, SPA, "/file", "worker/worker"],
    [true, true, SPA, "/nope", "worker/worker"],
  ] as const)("%j %s %s %s: %s", (rules, prefers, notFound, path, expected) => {
    expect(routes(rules, prefers, notFound, path)).toBe(expected);
  });
});

test("without a Worker everything goes to the assets, unasked", () => {
  const routing = { hasWorker: false, runWorkerFirst: true, navigationPrefersAssets: true };
  expect(route(routing, "/x", undefined, () => expect.unreachable())).toBe("assets");
});

test.each([
  ["/cdn-cgi\\x", true],
  ["/cdn-cgi/x", false],
  ["/a/cdn-cgi\\x", false],
])("%s hides /cdn-cgi/: %s", (raw, hides) => expect(hidesCdnCgi(raw, targetOf(raw).path)).toBe(hides));
