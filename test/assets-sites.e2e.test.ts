import { beforeAll, describe, expect, test } from "vitest";
import { urlPrintedBy } from "./harness/platform.ts";
import { exchange } from "./harness/raw-socket.ts";
import { Site, type SiteFiles } from "./harness/site.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();

const fetch = async (script: string, path: string, headers: Record<string, string> = {}, method = "GET") =>
  platform().fetch(await platform().url(script, path), { headers, method });

/** Bytes of one request by hand, and all that comes back until the connection ends. */
async function raw(script: string, target: string, lines = ""): Promise<string> {
  const { host } = new URL(await platform().url(script));
  return (
    await exchange(platform().port, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines}Connection: close\r\n\r\n`)
  ).text;
}

const longName = `${"long-".repeat(48)}name`;
/** File to the path it has in a URL. Each holds its own name. */
const unusual: Record<string, string> = {
  "with space.txt": "/with%20space.txt",
  " both ends .txt": "/%20both%20ends%20.txt",
  "ünï/日本語/😀.txt": "/%C3%BCn%C3%AF/%E6%97%A5%E6%9C%AC%E8%AA%9E/%F0%9F%98%80.txt",
  "e\u0301 decomposed.txt": "/e%CC%81%20decomposed.txt",
  "é composed.txt": "/%C3%A9%20composed.txt",
  "100%.txt": "/100%25.txt",
  "%41.txt": "/%2541.txt",
  "%2e%2e/up.txt": "/%252e%252e/up.txt",
  "a#b.txt": "/a%23b.txt",
  "a?b=c&d.txt": "/a%3Fb%3Dc%26d.txt",
  "a+b.txt": "/a%2Bb.txt",
  "a\\b.txt": "/a%5Cb.txt",
  "quotes '\"`.txt": "/quotes%20'%22%60.txt",
  "<b>{x}|[y]^.txt": "/%3Cb%3E%7Bx%7D%7C%5By%5D%5E.txt",
  "a:b@c;d,e=f!$.txt": "/a%3Ab%40c%3Bd%2Ce%3Df!%24.txt",
  "..two.dots..txt": "/..two.dots..txt",
  "deep/...": "/deep/...",
  "UPPER/Case.TXT": "/UPPER/Case.TXT",
  "upper/case.txt": "/upper/case.txt",
  "no-extension": "/no-extension",
  ".well-known/security.txt": "/.well-known/security.txt",
  ".well-known/apple-app-site-association": "/.well-known/apple-app-site-association",
  ".hidden": "/.hidden",
  "deep/_headers": "/deep/_headers",
  "deep/_redirects": "/deep/_redirects",
  constructor: "/constructor",
  "__proto__/toString": "/__proto__/toString",
  [`${longName}/${longName}/${longName}.txt`]: `/${longName}/${longName}/${longName}.txt`,
};

describe("a folder with unusual names", () => {
  beforeAll(async () => {
    const files: SiteFiles = Object.fromEntries(Object.keys(unusual).map((name) => [name, `content of ${name}`]));
    using site = new Site("folder", {
      ...files,
      "index.html": "<h1>Folder</h1>",
      "page with space.html": "page",
      "notes/draft.md": "not for the public",
      "secret.key": "not for the public",
      _headers: "/*\n  X-Rule: yes\n/*.TXT\n  X-Shout: yes\n",
      _redirects: "/old /with%20space.txt 301\n/mehr/* /%C3%BCn%C3%AF/:splat 302\n",
      ".assetsignore": "*.key\nnotes/\n",
    });
    const output = await platform().wranglerOk(site.directory, ["deploy"]);
    expect(output).toContain("https://folder.");
  });

  test.each(Object.entries(unusual))("%j is at %s", async (name, path) => {
    const reply = await fetch("folder", path);
    expect([reply.status, reply.body]).toEqual([200, `content of ${name}`]);
    expect(reply.headers["x-rule"]).toBe("yes");
    expect(Buffer.byteLength(reply.body)).toBe(Number(reply.headers["content-length"]));
  });

  test.each([
    ["/a+b.txt", "/a%2Bb.txt"],
    ["//with%20space.txt", "/with%20space.txt"],
    ["/upper//case.txt?v=1", "/upper/case.txt?v=1"],
    ["/no%2dextension", "/no-extension"],
    ["/page%20with%20space.html", "/page%20with%20space"],
    ["/old", "/with%20space.txt"],
    ["/mehr/x", "/%C3%BCn%C3%AF/x"],
  ])("%s leads to %s", async (path, location) => {
    const reply = await fetch("folder", path);
    expect([Math.floor(reply.status / 100), reply.headers.location]).toEqual([3, location]);
  });

  test.each([
    "/_headers",
    "/_redirects",
    "/.assetsignore",
    "/secret.key",
    "/notes/draft.md",
    "/Upper/case.txt",
    "/%41.txt",
    "/a%23B.txt",
    "/%2e%2e/up.txt",
    "/wrangler.json",
    "/../wrangler.json",
    "/%2e%2e/wrangler.json",
    "/..%2fwrangler.json",
  ])("%s is nothing", async (path) => {
    expect(await raw("folder", path)).toMatch(/^HTTP\/1\.1 404 [\s\S]*\r\n\r\n$/);
  });

  test("a name that a program sends as it is, without percent-encoding", async () => {
    expect(await raw("folder", "/é%20composed.txt")).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("no process was started for it", () => expect(platform().runners()).toEqual([]));
});

describe("HTTP", () => {
  const large = Buffer.alloc(3_000_000);
  for (let i = 0; i < large.length; i++) large[i] = (i * 31) & 0xff;

  beforeAll(async () => {
    using site = new Site("http", {
      "index.html": `<!doctype html><head><link rel="preload" href="/app.css" as="style"><link rel="icon" href="/i.png"></head>`,
      "linked.html": "<p>no links of its own</p>",
      "app.css": "body { margin: 0 }".repeat(100),
      "large.bin": large,
      _headers: "/linked\n  Link: </app.css>; rel=preload; as=style\n/app.css\n  Link: </x>; rel=preload; as=style\n",
    });
    await platform().wranglerOk(site.directory, ["deploy"]);
  });

  const browser = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
  test.each(["/", "/linked"])("a browser that navigates to %s gets Early Hints, then the page", async (path) => {
    const text = await raw("http", path, browser);
    expect(text).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/app\.css>; rel="?preload"?; as="?style"?\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    );
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(2);
  });

  test.each([
    ["a plain client", "/", ""],
    ["a script", "/", "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"],
    ["behind a proxy", "/", `${browser}Via: 1.1 cache\r\n`],
    ["for a file", "/app.css", browser],
  ])("%s gets none", async (_who, path, lines) => {
    expect(await raw("http", path, lines)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("a browser that has the page gets 304 at once", async () => {
    const { etag = "" } = (await fetch("http", "/")).headers;
    expect(await raw("http", "/", `${browser}If-None-Match: ${etag}\r\n`)).toMatch(/^HTTP\/1\.1 304 /);
  });

  test("a client that has the file is told so", async () => {
    const { headers } = await fetch("http", "/app.css");
    const tag = headers.etag ?? "";
    expect(tag).toMatch(/^"[0-9a-f]{32}"$/);
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
      const reply = await fetch("http", "/app.css", { "if-none-match": known });
      expect([reply.status, reply.body, reply.headers.etag]).toEqual([304, "", tag]);
    }
    expect((await fetch("http", "/app.css", { "if-none-match": '"other"' })).status).toBe(200);
  });

  test("HEAD says what GET would, on a connection that goes on", async () => {
    const get = await fetch("http", "/large.bin");
    const head = await fetch("http", "/large.bin", {}, "HEAD");
    const volatile = { date: "", "cf-ray": "" };
    expect({ ...head.headers, ...volatile }).toEqual({ ...get.headers, ...volatile });
    expect([head.status, head.body]).toEqual([200, ""]);
  });

  test.each([
    ["bytes=0-9", 0, 10],
    ["bytes=1048570-2097160", 1_048_570, 2_097_161],
    ["bytes=2999990-", 2_999_990, 3_000_000],
    ["bytes=-5", 2_999_995, 3_000_000],
  ])("%s", async (range, from, to) => {
    const { host } = new URL(await platform().url("http"));
    const { text } = await exchange(
      platform().port,
      `GET /large.bin HTTP/1.1\r\nHost: ${host}\r\nRange: ${range}\r\nConnection: close\r\n\r\n`,
    );
    const end = text.indexOf("\r\n\r\n");
    expect(text.slice(0, end)).toMatch(/^HTTP\/1\.1 206 /);
    expect(text.slice(0, end)).toContain(`content-range: bytes ${from}-${to - 1}/3000000`);
    expect(Buffer.from(text.slice(end + 4), "latin1").equals(large.subarray(from, to))).toBe(true);
  });

  test("ranges that cannot be, and resuming", async () => {
    const beyond = await fetch("http", "/large.bin", { range: "bytes=3000000-" });
    expect([beyond.status, beyond.headers["content-range"]]).toEqual([416, "bytes */3000000"]);
    const { headers } = await fetch("http", "/large.bin", {}, "HEAD");
    const resume = (tag = "") => fetch("http", "/large.bin", { range: "bytes=10-19", "if-range": tag });
    expect((await resume(headers.etag)).status).toBe(206);
    expect((await resume('"other"')).status).toBe(200);
  });

  test("other methods", async () => {
    const reply = await fetch("http", "/app.css", {}, "POST");
    expect([reply.status, reply.headers.allow]).toEqual([405, "GET, HEAD"]);
  });
});

test("an https address as the client prints it", async () => {
  using site = new Site("secure", { "index.html": "over TLS", _redirects: "/away /?x=1" });
  const address = urlPrintedBy(await platform().wranglerOk(site.directory, ["deploy"]));
  expect(address).toMatch(/^https:/);
  expect((await platform().fetch(address)).body).toBe("over TLS");
});
