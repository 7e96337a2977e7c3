import { describe, expect, test } from "vitest";
import { finish } from "./finish.ts";
import { prepare } from "./prepare.ts";
import { ask, hashOf, headerOf, siteOf, targetOf } from "./testing.ts";

const HTML = "text/html; charset=utf-8";
const CACHE = "public, max-age=0, must-revalidate";
const TAG = `"${hashOf("/file.html")}"`;

const site = siteOf({
  files: [
    "/file.html",
    "/folder/index.html",
    "/index.html",
    { path: "/big.html", size: 9000 },
    { path: "/video.mp4", size: 1000, contentType: "video/mp4" },
    { path: "/none", contentType: undefined },
    { path: "/empty.txt", size: 0, contentType: "text/plain" },
    "/a b/é [x].html",
    "/%5Bx.txt",
    "/blog/post.html",
  ],
  redirects: [
    "/old /file 301",
    "/out https://x.com/y?q=1#f",
    "/frag /file#top",
    "/rw /file 200",
    "/rw-html /file.html 200",
    "/rw-dir /folder 200",
    "/rw-miss /nope 200",
    "/folder/ /instead",
    "/open/* /:splat",
  ].join("\n"),
  site: { variants: (hash) => (hash === hashOf("/big.html") ? { br: 1000, gzip: 2000 } : {}) },
});

describe("a plain file", () => {
  test("has these headers and no others", () => {
    expect(ask(site, "/file")).toEqual({
      kind: "asset",
      status: 200,
      headers: [
        ["content-type", HTML],
        ["etag", TAG],
        ["cache-control", CACHE],
        ["accept-ranges", "bytes"],
      ],
      length: 100,
      body: { hash: hashOf("/file.html"), form: "identity", offset: 0, length: 100 },
      wire: undefined,
    });
  });

  test("HEAD has the same headers and no body", () => {
    const { headers, length, body } = ask(site, "/file", {}, "HEAD");
    expect([headers, length, body]).toEqual([ask(site, "/file").headers, 100, undefined]);
  });

  test("application/null means no Content-Type", () =>
    expect(headerOf(ask(site, "/none"), "content-type")).toBeUndefined());

  test("credentials and ranges take the default Cache-Control away", () => {
    expect(headerOf(ask(site, "/file", { authorization: "Basic x" }), "cache-control")).toBeUndefined();
    expect(headerOf(ask(site, "/file", { range: "bytes=0-1" }), "cache-control")).toBeUndefined();
    expect(headerOf(ask(site, "/file", { range: "nonsense" }), "cache-control")).toBeUndefined();
    expect(headerOf(ask(site, "/file"), "cache-control")).toBe(CACHE);
  });
});

describe("paths", () => {
  test.each<[url: string, status: number, location: string | undefined]>([
    ["/", 200, undefined],
    ["/file?x=1", 200, undefined],
    ["/file.html", 307, "/file"],
    ["/file.html?x=1&y", 307, "/file?x=1&y"],
    ["/file/?x", 307, "/file?x"],
    ["/folder", 307, "/folder/"],
    ["//file", 307, "/file"],
    ["//evil.com/..//file", 307, "/file"],
    ["/f%69le", 307, "/file"],
    ["/fold%2F", 404, undefined],
    ["/blog%2Fpost", 307, "/blog/post"],
    ["/a%20b/%C3%A9%20%5Bx%5D", 200, undefined],
    ["/a b/é [x]", 307, "/a%20b/%C3%A9%20%5Bx%5D"],
    ["/a%20b/%C3%A9%20[x].html", 307, "/a%20b/%C3%A9%20%5Bx%5D"],
    ["/%255Bx.txt", 200, undefined],
    ["/%5Bx.txt", 404, undefined],
    ["/file%", 404, undefined],
    ["/%ff", 404, undefined],
    ["/%00", 404, undefined],
    ["/blog/../file", 200, undefined],
    ["/blog/%2e%2e/file", 200, undefined],
    ["/blog/..%2ffile", 404, undefined],
    ["/nope", 404, undefined],
  ])("%s", (url, status, location) => {
    const decision = ask(site, url);
    expect([decision.status, headerOf(decision, "location")]).toEqual([status, location]);
  });
});

describe("redirect rules come first", () => {
  test.each<[url: string, method: string, status: number, location: string | undefined]>([
    ["/old", "GET", 301, "/file"],
    ["/old?a=1", "GET", 301, "/file?a=1"],
    ["/old", "POST", 301, "/file"],
    ["/out?a=1", "GET", 302, "https://x.com/y?q=1#f"],
    ["/frag?a=1", "GET", 302, "/file?a=1#top"],
    ["/folder/", "GET", 302, "/instead"],
    ["/open//evil.com", "GET", 302, "/evil.com"],
    ["/rw", "GET", 200, undefined],
    ["/rw", "POST", 405, undefined],
    ["/rw-html", "GET", 307, "/file"],
    ["/rw-dir", "GET", 307, "/folder/"],
    ["/rw-miss", "GET", 404, undefined],
    ["/rw-miss", "POST", 404, undefined],
  ])("%s %s", (url, method, status, location) => {
    const decision = ask(site, url, {}, method);
    expect([decision.status, headerOf(decision, "location")]).toEqual([status, location]);
  });
});

test.each([
  ["POST", "/file", 405],
  ["PUT", "/file.html", 405],
  ["OPTIONS", "/file", 405],
  ["POST", "/nope", 404],
  ["HEAD", "/nope", 404],
])("%s %s gives %d", (method, url, status) => {
  const decision = ask(site, url, {}, method);
  expect([decision.status, decision.body]).toEqual([status, undefined]);
  expect(headerOf(decision, "allow")).toBe(status === 405 ? "GET, HEAD" : undefined);
});

describe("not found", () => {
  const files = ["/index.html", "/404.html", "/a/404.html"];
  const pages = siteOf({ files, site: { notFoundHandling: "404-page" } });
  const single = siteOf({ files, site: { notFoundHandling: "single-page-application" } });

  test.each([
    [pages, "/x", "GET", 404, "/404.html"],
    [pages, "/a/x", "GET", 404, "/a/404.html"],
    [pages, "/x", "POST", 405, undefined],
    [single, "/x/y", "GET", 200, "/index.html"],
    [single, "/x/y", "POST", 405, undefined],
  ] as const)("%#: %o", (one, url, method, status, file) => {
    const decision = ask(one, url, {}, method);
    expect([decision.status, decision.body?.hash]).toEqual([status, file && hashOf(file)]);
  });

  test("a 404 page has no conditions and no ranges", () => {
    expect(ask(pages, "/x", { "if-none-match": `"${hashOf("/404.html")}"` }).status).toBe(404);
    expect(ask(pages, "/x", { range: "bytes=0-1" }).status).toBe(404);
    expect(headerOf(ask(pages, "/x"), "accept-ranges")).toBeUndefined();
  });

  test.each([
    [pages, "//x", "/x"],
    [single, "/x//y?q", "/x/y?q"],
    [single, "/x@y", "/x%40y"],
  ] as const)("%#: pages too are shown under canonical paths only: %s", (one, url, location) => {
    const decision = ask(one, url);
    expect([decision.status, headerOf(decision, "location")]).toEqual([307, location]);
  });

  test("405 says nothing of the page", () => {
    expect(ask(single, "/x", {}, "POST").headers).toEqual([["allow", "GET, HEAD"]]);
  });

  test("a rewrite that misses shows the page too", () => {
    const rewritten = siteOf({
      files,
      redirects: "/rw /nope 200",
      site: { notFoundHandling: "single-page-application" },
    });
    expect(ask(rewritten, "/rw").status).toBe(200);
  });
});

describe("conditions", () => {
  test.each([[TAG], [`W/${TAG}`], [`"x", ${TAG}`], ["*"]])(
    "If-None-Match: %s gives 304 with the same headers",
    (value) => {
      const decision = ask(site, "/file", { "if-none-match": value });
      expect(decision).toMatchObject({ kind: "not-modified", status: 304, length: undefined, body: undefined });
      expect(decision.headers).toEqual(ask(site, "/file").headers.filter(([name]) => name !== "accept-ranges"));
    },
  );

  test("another tag gives the file", () => expect(ask(site, "/file", { "if-none-match": '"x"' }).status).toBe(200));

  test("a condition comes before a range", () => {
    expect(ask(site, "/file", { "if-none-match": TAG, range: "bytes=0-1" }).status).toBe(304);
  });

  test("a redirect is not conditional", () =>
    expect(ask(site, "/file.html", { "if-none-match": TAG }).status).toBe(307));
});

describe("ranges", () => {
  const tag = `"${hashOf("/video.mp4")}"`;
  test.each<
    [
      headers: Record<string, string>,
      status: number,
      contentRange: string | undefined,
      offset: number | undefined,
      length: number,
    ]
  >([
    [{ range: "bytes=0-0" }, 206, "bytes 0-0/1000", 0, 1],
    [{ range: "bytes=990-" }, 206, "bytes 990-999/1000", 990, 10],
    [{ range: "bytes=-10" }, 206, "bytes 990-999/1000", 990, 10],
    [{ range: "bytes=0-4999" }, 206, "bytes 0-999/1000", 0, 1000],
    [{ range: "bytes=1000-" }, 416, "bytes */1000", undefined, 0],
    [{ range: "bytes=0-1,5-6" }, 200, undefined, 0, 1000],
    [{ range: "lines=0-1" }, 200, undefined, 0, 1000],
    [{ range: "bytes=0-0", "if-range": tag }, 206, "bytes 0-0/1000", 0, 1],
    [{ range: "bytes=0-0", "if-range": '"other"' }, 200, undefined, 0, 1000],
    [{ range: "bytes=0-0", "if-range": `W/${tag}` }, 200, undefined, 0, 1000],
  ])("%o", (headers, status, contentRange, offset, length) => {
    const decision = ask(site, "/video.mp4", headers);
    expect([decision.status, headerOf(decision, "content-range"), decision.body?.offset, decision.length]).toEqual([
      status,
      contentRange,
      offset,
      length,
    ]);
  });

  test("HEAD ignores them", () =>
    expect(ask(site, "/video.mp4", { range: "bytes=0-0" }, "HEAD")).toMatchObject({ status: 200, length: 1000 }));
  test("of nothing", () => expect(ask(site, "/empty.txt", { range: "bytes=0-" }).status).toBe(416));
  test("a range is of the plain form", () => {
    const decision = ask(site, "/big", { range: "bytes=0-9", "accept-encoding": "br" });
    expect([decision.status, decision.body?.form, headerOf(decision, "content-encoding")]).toEqual([
      206,
      "identity",
      undefined,
    ]);
    expect(headerOf(decision, "vary")).toBe("Accept-Encoding");
  });
});

describe("encodings", () => {
  const tag = hashOf("/big.html");
  test.each<[accept: string | undefined, form: string, length: number, etag: string]>([
    ["gzip, br", "br", 1000, `"${tag}-br"`],
    ["gzip", "gzip", 2000, `"${tag}-gzip"`],
    ["zstd", "identity", 9000, `"${tag}"`],
    [undefined, "identity", 9000, `"${tag}"`],
    ["identity;q=0", "identity", 9000, `"${tag}"`],
  ])("Accept-Encoding: %s", (accept, form, length, etag) => {
    const decision = ask(site, "/big", accept === undefined ? {} : { "accept-encoding": accept });
    expect(decision).toMatchObject({ status: 200, length, body: { form, offset: 0, length } });
    expect(headerOf(decision, "etag")).toBe(etag);
    expect(headerOf(decision, "content-encoding")).toBe(form === "identity" ? undefined : form);
    expect(headerOf(decision, "vary")).toBe("Accept-Encoding");
  });

  test.each([
    [`"${tag}-br"`, "br", `"${tag}-br"`],
    [`"${tag}"`, "br", `"${tag}"`],
    [`W/"${tag}-gzip"`, "br", `"${tag}-gzip"`],
  ])("If-None-Match %s is met whatever the form", (value, accept, etag) => {
    const decision = ask(site, "/big", { "if-none-match": value, "accept-encoding": accept });
    expect([decision.status, headerOf(decision, "etag"), headerOf(decision, "content-encoding")]).toEqual([
      304,
      etag,
      undefined,
    ]);
  });

  test("small and compressed files do not vary", () => {
    expect(headerOf(ask(site, "/file"), "vary")).toBeUndefined();
    expect(headerOf(ask(site, "/video.mp4"), "vary")).toBeUndefined();
  });

  test.each([
    ["Content-Encoding: gzip", "content-encoding", "gzip"],
    ["Cache-Control: public, no-transform", "cache-control", "public, no-transform"],
  ])("a rule with %s ends the choice", (line, name, value) => {
    const own = siteOf({
      files: [{ path: "/big.html", size: 9000 }],
      headers: `/*\n  ${line}`,
      site: { variants: () => ({ br: 10 }) },
    });
    const decision = ask(own, "/big", { "accept-encoding": "br" });
    expect([decision.body?.form, headerOf(decision, name)]).toEqual(["identity", value]);
  });

  test("a rule that sets Vary does not lose ours", () => {
    const own = siteOf({ files: [{ path: "/big.html", size: 9000 }], headers: "/*\n  Vary: Origin" });
    expect(headerOf(ask(own, "/big"), "vary")).toBe("Origin, Accept-Encoding");
  });
});

describe("header rules", () => {
  const own = siteOf({
    files: ["/file.html", "/404.html", { path: "/data", size: 9000, contentType: "text/plain" }],
    headers:
      "/*\n  X: 1\n/file\n  Cache-Control: max-age=5\n/data\n  Content-Type: text/x\n  ! ETag\n  ! Cache-Control\n/rw\n  X: 2\n",
    redirects: "/old /file\n/rw /file 200",
    site: { notFoundHandling: "404-page" },
  });

  test.each([
    ["/file", "GET", 200],
    ["/file", "POST", 405],
    ["/file.html", "GET", 307],
    ["/old", "GET", 302],
    ["/nope", "GET", 404],
  ])("decorate %s %s (%d)", (url, method, status) => {
    const decision = ask(own, url, {}, method);
    expect([decision.status, headerOf(decision, "x")]).toEqual([status, "1"]);
  });

  test("decorate 304", () => {
    expect(headerOf(ask(own, "/file", { "if-none-match": TAG }), "x")).toBe("1");
  });

  test("match the path that was asked for, not the rewritten one", () => {
    const decision = ask(own, "/rw");
    expect([headerOf(decision, "x"), headerOf(decision, "cache-control")]).toEqual(["1, 2", CACHE]);
  });

  test("of the user stay for requests with credentials", () => {
    expect(headerOf(ask(own, "/file", { authorization: "x" }), "cache-control")).toBe("max-age=5");
  });

  test("can take away tag and type", () => {
    const decision = ask(own, "/data");
    expect(decision.headers.map(([name]) => name)).toEqual(["x", "content-type", "vary", "accept-ranges"]);
    expect(ask(own, "/data", { "if-none-match": `"${hashOf("/data")}"` }).status).toBe(200);
  });

  test("cannot move a redirect", () => {
    const moved = siteOf({ files: ["/file.html"], headers: "/*\n  Location: https://x.com/" });
    expect(headerOf(ask(moved, "/file.html"), "location")).toBe("/file");
  });
});

describe("Early Hints", () => {
  const LINK = '</a.css>; rel="preload"';
  const hints = (headers: string, mode: "workers" | "pages" = "workers") => {
    const own = siteOf({ files: ["/a.html"], headers, site: { mode, links: () => [LINK] } });
    const answer = prepare(own, targetOf("/a"));
    return [
      answer.kind === "asset" && answer.hints,
      headerOf(finish(own, answer, { method: "GET", query: "", header: () => undefined }), "link"),
    ];
  };
  test("come from the HTML", () => expect(hints("")).toEqual([[LINK], undefined]));
  test("on Pages they are in the response too", () => expect(hints("", "pages")).toEqual([[LINK], LINK]));
  test("a rule replaces them", () =>
    expect(hints("/*\n  Link: </b>; rel=preconnect")).toEqual([["</b>; rel=preconnect"], "</b>; rel=preconnect"]));
  test("other links of rules are no hints", () =>
    expect(hints("/*\n  Link: </b>; rel=canonical")).toEqual([[], "</b>; rel=canonical"]));
  test("a rule removes them", () => expect(hints("/*\n  ! Link", "pages")).toEqual([[], undefined]));
});

describe("on a path of a domain", () => {
  const under = (url: string, one = site) => {
    const target = targetOf(url, "/blog");
    return finish(one, prepare(one, target), { method: "GET", query: target.query, header: () => undefined });
  };
  test("files below it are served", () => expect(under("/blog/post").status).toBe(200));
  test("other files are not", () => expect(under("/file").status).toBe(404));
  test("nor by decoding", () => expect(under("/blog/..%2ffile").status).toBe(404));
  test("not-found pages come from the root", () => {
    const single = siteOf({ files: ["/index.html"], site: { notFoundHandling: "single-page-application" } });
    expect(under("/blog/x", single).body?.hash).toBe(hashOf("/index.html"));
  });
});

describe("Pages", () => {
  const pages = siteOf({
    files: ["/file.html", "/404.html", { path: "/big.html", size: 9000 }],
    site: { mode: "pages", htmlHandling: "pages", notFoundHandling: "pages" },
  });
  test("redirects with 308", () => expect(ask(pages, "/file.html").status).toBe(308));
  test("has its own default headers", () => {
    const decision = ask(pages, "/file");
    expect(headerOf(decision, "access-control-allow-origin")).toBe("*");
    expect(headerOf(decision, "referrer-policy")).toBe("strict-origin-when-cross-origin");
    expect(headerOf(decision, "x-content-type-options")).toBe("nosniff");
  });
  test("never stores a 404", () => expect(headerOf(ask(pages, "/nope"), "cache-control")).toBe("no-store"));
  test("refuses with 406", () => expect(ask(pages, "/big", { "accept-encoding": "identity;q=0" }).status).toBe(406));
});
