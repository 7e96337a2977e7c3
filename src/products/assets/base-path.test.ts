import { describe, expect, test } from "vitest";
import { parseBasePath } from "./base-path.ts";
import { parseAssetConfig } from "./config.ts";
import type { Site } from "./prepare.ts";
import { ask, siteOf, type TestSite } from "./testing.ts";

const files = ["/index.html", "/guide.html", "/app.js", "/sub/index.html", "/404.html"];
const answer = (site: Partial<Site>, url: string, more: Partial<TestSite> = {}, method = "GET") => {
  const { status, headers, body } = ask(siteWith(site, more), url, {}, method);
  const location = headers.find(([name]) => name === "location")?.[1];
  return location === undefined ? [status, body !== undefined] : [status, location];
};
const siteWith = (site: Partial<Site>, more: Partial<TestSite>) =>
  siteOf({ files, ...more, site: { basePath: "/docs", ...site } });

describe("files below a base path", () => {
  test.each([
    ["auto-trailing-slash", "/docs/", [200, true]],
    ["auto-trailing-slash", "/docs", [307, "/docs/"]],
    ["auto-trailing-slash", "/docs?q=1", [307, "/docs/?q=1"]],
    ["auto-trailing-slash", "/docs/index.html", [307, "/docs/"]],
    ["auto-trailing-slash", "/docs/guide", [200, true]],
    ["auto-trailing-slash", "/docs/guide.html", [307, "/docs/guide"]],
    ["auto-trailing-slash", "/docs/sub", [307, "/docs/sub/"]],
    ["auto-trailing-slash", "/docs/app.js", [200, true]],
    ["auto-trailing-slash", "/docs//app.js", [307, "/docs/app.js"]],
    ["auto-trailing-slash", "/app.js", [404, false]],
    ["auto-trailing-slash", "/", [404, false]],
    ["auto-trailing-slash", "/docsx/app.js", [404, false]],
    ["force-trailing-slash", "/docs", [307, "/docs/"]],
    ["force-trailing-slash", "/docs/guide", [307, "/docs/guide/"]],
    ["drop-trailing-slash", "/docs", [200, true]],
    ["drop-trailing-slash", "/docs/", [307, "/docs"]],
    ["drop-trailing-slash", "/docs/sub/", [307, "/docs/sub"]],
    ["none", "/docs", [404, false]],
    ["none", "/docs/index.html", [200, true]],
  ] as const)("%s, %s: %j", (htmlHandling, url, expected) => expect(answer({ htmlHandling }, url)).toEqual(expected));

  test("not-found pages are for what is below", () => {
    expect(answer({ notFoundHandling: "404-page" }, "/docs/none")).toEqual([404, true]);
    expect(answer({ notFoundHandling: "404-page" }, "/none")).toEqual([404, false]);
    expect(answer({ notFoundHandling: "single-page-application" }, "/docs/none")).toEqual([200, true]);
    expect(answer({ notFoundHandling: "single-page-application" }, "/none")).toEqual([404, false]);
  });

  test("rules name whole paths, and have no effect elsewhere", () => {
    const rules = {
      redirects:
        "/docs/old /docs/guide 301\n/docs/shown /docs/guide 200\n/docs/out /guide 200\n/other /docs/guide 301\n",
      headers: "/docs/*\n  x-docs: yes\n/*\n  x-all: yes\n",
    };
    expect(answer({}, "/docs/old", rules)).toEqual([301, "/docs/guide"]);
    expect(answer({}, "/docs/shown", rules)).toEqual([200, true]);
    expect(answer({}, "/docs/out", rules)).toEqual([404, false]);
    expect(answer({}, "/other", rules)).toEqual([404, false]);
    const fields = (url: string) => ask(siteWith({}, rules), url).headers.map(([name]) => name);
    expect(fields("/docs/guide")).toEqual(expect.arrayContaining(["x-docs", "x-all"]));
    expect(fields("/guide")).not.toContain("x-all");
  });
});

test.each([
  ["/", ""],
  ["docs", "/docs"],
  ["/docs/", "/docs"],
  ["/a//b/./c/../d/", "/a/b/d"],
  ["/..", ""],
  ["/dócs", "/dócs"],
  ["", undefined],
  ["//host/x", undefined],
  ["https://host/x", undefined],
  ["/a?b", undefined],
  ["/a%20b", undefined],
  ["/a\\b", undefined],
  ["/a\nb", undefined],
])("the base path %j is kept as %j", (text, kept) => {
  expect(parseBasePath(text)).toBe(kept);
  const config = () => parseAssetConfig({ base_path: text }, false).config.basePath;
  if (kept === undefined) expect(config).toThrow("base_path");
  else expect(config()).toBe(kept || undefined);
});
