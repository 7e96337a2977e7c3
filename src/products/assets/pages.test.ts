/** How Pages serves files: a row for each documented case (pages-and-builds.md 13 to 17), through both steps of the asset server. */
import { describe, expect, test } from "vitest";
import type { Decision } from "./decision.ts";
import { ask, hashOf, headerOf, siteOf, type TestSite } from "./testing.ts";

const pages = { mode: "pages", htmlHandling: "pages", notFoundHandling: "pages" } as const;
const siteWith = (files: TestSite["files"], rules: Pick<TestSite, "headers" | "redirects"> = {}) =>
  siteOf({ files, ...rules, site: pages });

const names = [
  ...["/index.html", "/file.html", "/folder/index.html", "/both", "/both.html", "/.html", "/data.json"],
  ...["/deep/404.html", "/404.html", "/a b.html"],
];
const byHash = new Map(names.map((name) => [hashOf(name), name]));

/** The file that is shown, or where the answer leads. */
function shown({ status, body, ...decision }: Decision): string {
  const location = headerOf({ status, body, ...decision }, "location");
  return `${status} ${location ?? byHash.get(body?.hash ?? "") ?? "–"}`;
}

describe("files (13)", () => {
  const site = siteWith(names);

  test.each([
    // 13.3, 13.4: a path with a slash behind.
    ["/", "200 /index.html"],
    ["/folder/", "200 /folder/index.html"],
    ["/folder/index/", "308 /folder/"],
    ["/file/", "308 /file"],
    ["/none/", "404 /404.html"],
    // 13.5: there is a file of just the name.
    ["/data.json", "200 /data.json"],
    ["/folder/index.html", "308 /folder/"],
    ["/index.html", "308 /"],
    ["/both", "200 /both"],
    ["/both.html", "200 /both.html"],
    ["/.html", "200 /.html"],
    ["/file.html", "308 /file"],
    // 13.6: there is none.
    ["/folder/index", "308 /folder/"],
    ["/index", "308 /"],
    ["/file", "200 /file.html"],
    ["/folder", "308 /folder/"],
    // 13.7: the nearest page for what is not there.
    ["/none", "404 /404.html"],
    ["/deep/none", "404 /deep/404.html"],
    ["/deep/er/none", "404 /deep/404.html"],
    // Queries stay, case matters, names are decoded.
    ["/file.html?a=1&b", "308 /file?a=1&b"],
    ["/folder?a", "308 /folder/?a"],
    ["/File", "404 /404.html"],
    ["/a%20b", "200 /a b.html"],
    // One spelling of each, so that rules and _routes.json cannot be gone around; and nothing leads to another host.
    ["/f%69le", "308 /file"],
    ["/none%", "308 /none%25"],
    ["/none%25", "404 /404.html"],
    ["//folder", "308 /folder/"],
    ["/\\example.org/index", "308 /example.org/"],
    ["//example.org/..%2ffile.html", "308 /example.org/../file.html"],
  ])("GET %s: %s", (url, expected) => expect(shown(ask(site, url))).toBe(expected));

  test.each([
    ["POST", "/file", 405],
    ["PUT", "/file.html", 405],
    ["DELETE", "/none", 405],
    ["HEAD", "/file", 200],
    ["HEAD", "/none", 404],
  ])("%s %s: %d, without a body", (method, url, status) => {
    const { body, ...decision } = ask(site, url, {}, method);
    expect([decision.status, body]).toEqual([status, undefined]);
  });

  test("without a page for what is not there, every path shows the index; without an index, nothing", () => {
    const single = siteWith(["/index.html", "/deep/404.html"]);
    expect(shown(ask(single, "/any/where"))).toBe("200 /index.html");
    expect(shown(ask(single, "/deep/none"))).toBe("404 /deep/404.html");
    const bare = siteWith(["/data.json"]);
    expect(ask(bare, "/none")).toMatchObject({ status: 404, body: undefined });
    expect(ask(bare, "/none", {}, "POST").status).toBe(405);
  });

  test.each([
    ['"TAG"', 304],
    ['W/"TAG"', 304],
    ['"other"', 200],
  ])("If-None-Match: %s gives %d", (value, status) => {
    const tag = value.replace("TAG", hashOf("/file.html"));
    const decision = ask(site, "/file", { "if-none-match": tag });
    expect([decision.status, decision.body === undefined]).toEqual([status, status === 304]);
  });
});

describe("default headers (17)", () => {
  const site = siteWith([...names, { path: "/plain", contentType: undefined }], { redirects: "/old /file 301" });
  const everywhere = { "access-control-allow-origin": "*", "referrer-policy": "strict-origin-when-cross-origin" };
  const HTML = { "content-type": "text/html; charset=utf-8", "x-content-type-options": "nosniff" };
  const MUST_REVALIDATE = { "cache-control": "public, max-age=0, must-revalidate" };

  test.each<[url: string, request: Record<string, string>, status: number, headers: Record<string, string>]>([
    ["/file", {}, 200, { ...HTML, ...MUST_REVALIDATE, etag: `"${hashOf("/file.html")}"` }],
    ["/file", { authorization: "Basic x" }, 200, HTML],
    ["/file", { range: "bytes=0-1" }, 206, HTML],
    ["/plain", {}, 200, { ...MUST_REVALIDATE, etag: `"${hashOf("/plain")}"` }],
    ["/file", { "if-none-match": `"${hashOf("/file.html")}"` }, 304, MUST_REVALIDATE],
    ["/none", {}, 404, { ...HTML, "cache-control": "no-store" }],
    ["/old", {}, 301, { location: "/file" }],
    ["/file.html", {}, 308, { location: "/file" }],
  ])("%s with %o: %d", (url, request, status, expected) => {
    const decision = ask(site, url, request);
    const headers = Object.fromEntries(decision.headers);
    expect(decision.status).toBe(status);
    expect(headers).toMatchObject({ ...everywhere, ...expected });
    if (!expected["cache-control"]) expect(headers["cache-control"]).toBeUndefined();
    if (!expected["content-type"] && status !== 304) expect(headers["x-content-type-options"]).toBeUndefined();
  });

  test("an empty 404 is not stored either", () => {
    expect(Object.fromEntries(ask(siteWith(["/data.json"]), "/none").headers)).toEqual({
      ...everywhere,
      "cache-control": "no-store",
    });
  });
});

describe("_headers (14)", () => {
  const site = siteWith(names, {
    redirects: "/old /file 301\n/shown /file 200",
    headers: [
      "/*\n  X-Seen: 1\n  Referrer-Policy: no-referrer",
      "/file\n  ! Access-Control-Allow-Origin\n  X-Frame-Options: DENY",
      "/none\n  Cache-Control: max-age=60\n  X-Missing: 1",
      "https://preview.example.com/*\n  X-Robots-Tag: noindex",
      "/shown\n  X-Shown: 1",
    ].join("\n"),
  });
  const seen = (url: string, name: string, method = "GET") => headerOf(ask(site, url, {}, method), name);

  test.each([
    ["replaces a default", "/data.json", "referrer-policy", "no-referrer"],
    ["removes a default", "/file", "access-control-allow-origin", undefined],
    ["leaves other paths alone", "/data.json", "access-control-allow-origin", "*"],
    ["decorates redirects of _redirects", "/old", "x-seen", "1"],
    ["decorates redirects to canonical paths", "/file.html", "x-seen", "1"],
    ["decorates 404", "/none", "x-missing", "1"],
    ["cannot have a 404 stored", "/none", "cache-control", "no-store"],
    ["matches the path that was asked for, not what a rewrite shows", "/shown", "x-shown", "1"],
    ["does not match what a rewrite shows", "/shown", "x-frame-options", undefined],
    ["knows the host", "https://preview.example.com/data.json", "x-robots-tag", "noindex"],
    ["knows other hosts", "https://example.com/data.json", "x-robots-tag", undefined],
    ["is case-sensitive", "/FILE", "x-frame-options", undefined],
  ])("%s: %s %s", (_, url, name, value) => expect(seen(url, name)).toBe(value));
});

describe("_redirects (15)", () => {
  const site = siteWith(names, {
    redirects: [
      "/file /elsewhere 301",
      "/shown /data.json 200",
      "/twice /shown 200",
      "/pretty /file.html 200",
      "/missing /nowhere 200",
      "/query /to",
      "/own-query /to?b=2#part",
      "/out https://example.org/x",
      "/here https://example.com/x",
      "/both /twice 303",
      "/team/:name/* /people/:name/:splat 307",
      "/late /dynamic 308",
      "/* /index.html 200",
    ].join("\n"),
  });

  test.each([
    ["goes before a file", "GET", "/file", "301 /elsewhere"],
    ["goes whatever the method", "POST", "/file", "301 /elsewhere"],
    ["302 unless said otherwise, with the request's query", "GET", "/query?a=1", "302 /to?a=1"],
    ["a query of its own replaces the request's", "GET", "/own-query?a=1", "302 /to?b=2#part"],
    ["to another origin: a whole address", "GET", "/out", "302 https://example.org/x"],
    ["to this origin: a path", "GET", "/here", "302 /x"],
    ["placeholders and what a star took", "GET", "/team/kim/a/b", "307 /people/kim/a/b"],
    ["a plain rule behind a dynamic one", "GET", "/late", "308 /dynamic"],
    ["a rewrite shows another file", "GET", "/shown", "200 /data.json"],
    ["a rewrite is a single hop", "GET", "/twice", "404 /404.html"],
    ["a rewrite to a file's other spelling", "GET", "/pretty", "308 /file"],
    ["a rewrite to nothing", "GET", "/missing", "404 /404.html"],
    ["everything to the index is no rule: the site is no single page", "GET", "/anything", "404 /404.html"],
  ])("%s: %s %s", (_, method, url, expected) => expect(shown(ask(site, url, {}, method))).toBe(expected));

  test("a rewrite is for reading alone", () => expect(ask(site, "/shown", {}, "POST").status).toBe(405));
});
