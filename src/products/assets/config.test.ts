import { expect, test } from "vitest";
import { ApiError } from "../../lib/api.ts";
import { parseAssetConfig } from "./config.ts";
import { openSite } from "./site.ts";
import { ask, headerOf, manifestOf } from "./testing.ts";

test("defaults", () => {
  for (const raw of [undefined, {}, { future: 1 }]) {
    expect(parseAssetConfig(raw, false)).toEqual({
      config: {
        htmlHandling: "auto-trailing-slash",
        notFoundHandling: "none",
        runWorkerFirst: false,
        headers: "",
        redirects: "",
      },
      diagnostics: [],
    });
  }
});

test("everything the client sends reaches the site", () => {
  const raw = {
    html_handling: "drop-trailing-slash",
    not_found_handling: "404-page",
    run_worker_first: ["/api/*"],
    _headers: "/*\n  X: 1",
    _redirects: "/old /a",
  };
  const { config } = parseAssetConfig(raw, true);
  expect(config.runWorkerFirst).toEqual(["/api/*"]);
  const contents = { variants: () => ({}), links: () => [] };
  const site = openSite(JSON.parse(JSON.stringify(config)), manifestOf(["/a/index.html", "/404.html"]), contents);
  expect([
    ask(site, "/a").status,
    ask(site, "/a/").status,
    ask(site, "/nope").status,
    ask(site, "/old").status,
  ]).toEqual([200, 307, 404, 302]);
  expect(headerOf(ask(site, "/a"), "x")).toBe("1");
});

test("rules that do nothing are listed, with the file they are in", () => {
  const { diagnostics } = parseAssetConfig({ _headers: "/*/*\n  X: 1", _redirects: "/a\n/ /index" }, true);
  expect(diagnostics.map(({ file, line }) => `${file}:${line}`)).toEqual([
    "_headers:1",
    "_redirects:1",
    "_redirects:2",
  ]);
  expect(parseAssetConfig({ html_handling: "none", _redirects: "/ /index" }, true).diagnostics).toEqual([]);
});

test.each<[raw: unknown, message: string]>([
  [{ html_handling: "pages" }, "html_handling"],
  [{ not_found_handling: "404" }, "not_found_handling"],
  [{ run_worker_first: "yes" }, "run_worker_first"],
  [{ run_worker_first: ["a"] }, "must start with"],
  [{ run_worker_first: [] }, "at least one"],
  [{ _headers: 1 }, "_headers"],
  [{ _redirects: "x".repeat(5_000_001) }, "_redirects"],
  ["x", "assets.config"],
])("%.40j is refused", (raw, message) => {
  expect(() => parseAssetConfig(raw, true)).toThrow(ApiError);
  expect(() => parseAssetConfig(raw, true)).toThrow(message);
});

test("run_worker_first without a Worker is refused", () => {
  expect(() => parseAssetConfig({ run_worker_first: true }, false)).toThrow("needs a Worker");
});
