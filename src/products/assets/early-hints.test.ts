import { describe, expect, test } from "vitest";
import { cpuMsOf } from "../../lib/testing-cpu.ts";
import { feedsHints, HintCache, hintLinks, mayGetHints } from "./early-hints.ts";
import { linksOfHtml } from "./html-links.ts";

const links = (html: string) => linksOfHtml(Buffer.from(html));

test.each<[what: string, html: string, found: string[]]>([
  ["preload", '<link rel="preload" as="style" href="/a.css">', ['</a.css>; rel="preload"; as=style']],
  ["preconnect", "<link rel=preconnect href=https://cdn.example>", ['<https://cdn.example>; rel="preconnect"']],
  ["modulepreload", "<link href='/m.js' rel='modulepreload'/>", ['</m.js>; rel="modulepreload"']],
  ["upper case", '<LINK REL="PreLoad" HREF="/A.css">', ['</A.css>; rel="preload"']],
  ["line breaks", '<link\n  rel = "preload"\n  href = "/a"\n>', ['</a>; rel="preload"']],
  ["several rels", '<link rel="preload stylesheet" href="/a">', ['</a>; rel="preload stylesheet"']],
  ["order", "<link rel=preload href=/b><link rel=preload href=/a>", ['</b>; rel="preload"', '</a>; rel="preload"']],
  ["twice the same", "<link rel=preload href=/a><link rel=preload href=/a>", ['</a>; rel="preload"']],
  ["escaped ampersand", '<link rel=preload href="/a?b=1&amp;c=2">', ['</a?b=1&c=2>; rel="preload"']],
  ["stylesheet", "<link rel=stylesheet href=/a.css>", []],
  ["crossorigin", "<link rel=preload as=font href=/a.woff2 crossorigin>", []],
  ["any other attribute", '<link rel=preload href=/a data-x="1">', []],
  ["no href", "<link rel=preload>", []],
  ["empty href", '<link rel=preload href="">', []],
  ["data URL", "<link rel=preload href=data:text/css,a>", []],
  ["in a comment", "<!-- <link rel=preload href=/a> --><link rel=preload href=/b>", ['</b>; rel="preload"']],
  ["in a script", '<script>"<link rel=preload href=/a>"</script><link rel=preload href=/b>', ['</b>; rel="preload"']],
  ["in a noscript", "<noscript><link rel=preload href=/a></noscript>", []],
  ["behind a > in an attribute", '<meta content="a > b"><link rel=preload href=/a>', ['</a>; rel="preload"']],
  ["in the body", "<body><link rel=preload href=/a>", []],
  ["behind the head", "</head><link rel=preload href=/a>", []],
  [
    "absolute base",
    '<base href="https://x.com/d/"><link rel=preload href=a.css>',
    ['<https://x.com/d/a.css>; rel="preload"'],
  ],
  ["base that is a path", '<base href="/d/"><link rel=preload href=a.css>', ['</d/a.css>; rel="preload"']],
  [
    "first base only",
    '<base href="https://x.com/"><base href="https://y.com/"><link rel=preload href=a>',
    ['<https://x.com/a>; rel="preload"'],
  ],
  ["closing bracket in the href", '<link rel=preload href="/a>; rel=x, </b">', []],
  ["line break in the href", '<link rel=preload href="/a\r\nX: y">', []],
  ["non-ASCII href", '<link rel=preload href="/é">', []],
  ["foreign text in as", '<link rel=preload as="style; x" href="/a">', []],
  ["foreign text in rel", '<link rel="preload&quot;" href="/a">', []],
  ["cut off", '<link rel=preload href=/a><link rel=preload href="/b', ['</a>; rel="preload"']],
  ["no tags", "1 < 2 and < 3 </ <> <!doctype html>", []],
  ["nothing", "", []],
])("%s", (_, html, found) => expect(links(html)).toEqual(found));

describe("bounds", () => {
  test("beyond 128 KiB nothing is read", () => {
    expect(links(`${" ".repeat(128 * 1024)}<link rel=preload href=/a>`)).toEqual([]);
  });
  test("number of links", () => {
    expect(links(Array.from({ length: 100 }, (_, i) => `<link rel=preload href=/${i}>`).join(""))).toHaveLength(32);
  });
  test("size of links", () => {
    const found = links(
      Array.from({ length: 10 }, (_, i) => `<link rel=preload href=/${i}${"x".repeat(1000)}>`).join(""),
    );
    expect(found.join("").length).toBeLessThanOrEqual(4096);
  });
  test.each(["<", "<a ", '<a b="', "<!--", "<script>", "<link rel=preload href=", "</", "<a =", "a='"])(
    "%s without end takes no long time",
    (piece) => {
      const html = piece.repeat(Math.ceil((128 * 1024) / piece.length));
      expect(cpuMsOf(() => void links(html))).toBeLessThan(500);
    },
  );
});

test.each<[header: string, found: string[]]>([
  ["</a>; rel=preload; as=style", ["</a>; rel=preload; as=style"]],
  ['</a>; rel="preload", <https://b>; rel=preconnect', ['</a>; rel="preload"', "<https://b>; rel=preconnect"]],
  ["</a>; as=style; REL=Preload", ["</a>; as=style; REL=Preload"]],
  ["</a,b>; rel=preload", ["</a,b>; rel=preload"]],
  ['</a>; title="x, y"; rel=preload', ['</a>; title="x, y"; rel=preload']],
  ["</a>; rel=next, </b>; rel=preload", ["</b>; rel=preload"]],
  ["</a>; rel=canonical", []],
  ["/a; rel=preload", []],
  ["</a>", []],
  ["", []],
  [",,", []],
  ["</a", []],
])("Link: %s", (header, found) => expect(hintLinks(header)).toEqual(found));

describe("who gets hints", () => {
  const request = (
    change: Record<string, string | undefined>,
    rest: { method?: string; httpVersion?: string; path?: string } = {},
  ) => {
    const headers: Record<string, string | undefined> = {
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
      ...change,
    };
    return mayGetHints({ method: "GET", httpVersion: "1.1", path: "/", header: (name) => headers[name], ...rest });
  };
  test.each([
    ["a browser that navigates", request({}), true],
    ["over HTTP/2", request({}, { httpVersion: "2.0" }), true],
    ["HTML by its extension", request({}, { path: "/a/b.html" }), true],
    ["HTTP/1.0", request({}, { httpVersion: "1.0" }), false],
    ["a script's fetch", request({ "sec-fetch-mode": "cors" }), false],
    ["curl", request({ "sec-fetch-mode": undefined }), false],
    ["a frame over HTTP/1.1", request({ "sec-fetch-dest": "iframe" }), false],
    ["a frame over HTTP/2", request({ "sec-fetch-dest": "iframe" }, { httpVersion: "2.0" }), true],
    ["through a proxy over HTTP/1.1", request({ via: "1.1 squid" }), false],
    ["POST", request({}, { method: "POST" }), false],
    ["HEAD", request({}, { method: "HEAD" }), false],
    ["an image", request({}, { path: "/a.png" }), false],
    ["a part", request({ range: "bytes=0-" }), false],
  ])("%s: %s %s", (_, given, expected) => expect(given).toBe(expected));
});

test.each([
  ["GET", 200, "/", true],
  ["GET", 301, "/a", true],
  ["GET", 302, "/a.php", true],
  ["GET", 404, "/", false],
  ["GET", 200, "/a.js", false],
  ["POST", 200, "/", false],
])("%s %d %s feeds hints: %s", (method, status, path, feeds) => expect(feedsHints(method, status, path)).toBe(feeds));

test("the cache is bounded, and what is used stays", () => {
  const cache = new HintCache(3);
  for (const key of ["a", "b", "c"]) cache.set(key, [key]);
  cache.get("a");
  cache.set("d", ["d"]);
  expect(["a", "b", "c", "d"].map((key) => cache.get(key)?.[0])).toEqual(["a", undefined, "c", "d"]);
  cache.set("a", []);
  expect(cache.get("a")).toBeUndefined();
});
