import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { RoutedScript } from "../domain/routing.ts";
import type { SiteRecord } from "../domain/version.ts";
import { Cleanup } from "../lib/http/testing.ts";
import { hashOf } from "../products/assets/testing.ts";
import { type DiskFile, loseContent, writeContentVariants, writeSite } from "../products/assets/testing-disk.ts";
import { address, script, snapshot, socketPath, startEdge, startServer, type TestEdge } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const HOST = "hello.acc.localhost";
const LONG = "Freehold serves static files. ".repeat(200);

type Files = Record<string, DiskFile | string | Buffer>;

const place = (edge: TestEdge) => ({ blobs: join(edge.directory, "blobs"), assets: join(edge.directory, "assets") });

/** An edge whose script `hello` has one version with this site, and perhaps a Worker that names itself. */
async function startSite(files: Files, parts: Partial<SiteRecord> = {}, routed: Partial<RoutedScript> = {}) {
  const edge = await startEdge(cleanup, await workerNamedByVersion());
  const site = await writeSite(place(edge), files, parts);
  await edge.route(snapshot(script("hello", { sites: { "hello-v1": site }, ...routed })));
  return edge;
}

/** A supervisor whose runners answer `worker <version> <path>`. */
async function workerNamedByVersion() {
  const acquired: string[] = [];
  const acquire = async (versionId: string) => {
    acquired.push(versionId);
    const path = await socketPath(cleanup);
    await startServer(cleanup, path, true, (request, response) => {
      const link = request.url === "/linked" ? { link: "</w.css>; rel=preload; as=style" } : {};
      const body = `worker ${versionId} ${request.url}`;
      response.writeHead(200, { ...link, "content-length": body.length }).end(body);
    });
    return address(versionId, path);
  };
  return { acquire, acquired };
}

function field(head: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1]?.trim();
}

describe("a site without a Worker", () => {
  test("answers from memory and from disk alike, and never starts a runner", async () => {
    let acquired = 0;
    const edge = await startEdge(cleanup, {
      acquire: async () => {
        acquired++;
        return { unavailable: "missing", message: "" };
      },
    });
    const site = await writeSite(place(edge), { "/index.html": "<h1>hi</h1>" });
    await edge.route(snapshot(script("hello", { sites: { "hello-v1": site } })));
    const [first, second] = [await edge.get(HOST), await edge.get(HOST)];
    expect([first.status, first.body]).toEqual([200, "<h1>hi</h1>"]);
    const unique = /(CF-Ray|Date): .*\r\n/g;
    expect(second.head.replace(unique, "")).toBe(first.head.replace(unique, ""));
    expect((await edge.get(HOST, "/none")).status).toBe(404);
    expect(acquired).toBe(0);
  });

  test("concurrent first requests, pipelined ones, and a POST with a body between them", async () => {
    const edge = await startSite({ "/a.txt": "A", "/b.txt": LONG });
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => edge.get(HOST, i % 2 ? "/a.txt" : "/b.txt")));
    expect(all.map(({ body }) => body)).toEqual(all.map((_, i) => (i % 2 ? "A" : LONG)));
    const client = edge.client();
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
    client.send(
      `${get("/a.txt")}POST /a.txt HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 5\r\n\r\nhello${get("/b.txt").repeat(30)}${get("/a.txt")}`,
    );
    await client.has("\r\n\r\nA", 2);
    expect(client.received.match(/HTTP\/1.1 \d+/g)).toEqual([
      "HTTP/1.1 200",
      "HTTP/1.1 405",
      ...Array(31).fill("HTTP/1.1 200"),
    ]);
    expect(client.received.split(LONG)).toHaveLength(31);
  });

  test("a client that finishes its side after its requests gets the answers, from disk and from memory", async () => {
    const edge = await startSite({ "/a.txt": "A", "/large.bin": "x".repeat(3_000_000) });
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
    for (const paths of [["/a.txt"], ["/a.txt"], ["/large.bin"], ["/large.bin", "/a.txt"]]) {
      const client = edge.client();
      client.socket.end(paths.map(get).join(""));
      const text = await client.until(({ closed }) => closed).catch(() => client.received);
      expect(text.match(/HTTP\/1.1 \d+/g)).toEqual(paths.map(() => "HTTP/1.1 200"));
      expect(text.length).toBeGreaterThan(paths.includes("/large.bin") ? 3_000_000 : 1);
      expect(text.endsWith(paths.at(-1) === "/a.txt" ? "\r\n\r\nA" : "xxx")).toBe(true);
    }
  });

  const modes: [SiteRecord["htmlHandling"], string, number, string | undefined][] = [
    ["auto-trailing-slash", "/file", 200, undefined],
    ["auto-trailing-slash", "/file.html?q=1", 307, "/file?q=1"],
    ["auto-trailing-slash", "/folder", 307, "/folder/"],
    ["auto-trailing-slash", "/folder/index.html", 307, "/folder/"],
    ["force-trailing-slash", "/file", 307, "/file/"],
    ["force-trailing-slash", "/file/", 200, undefined],
    ["drop-trailing-slash", "/folder/", 307, "/folder"],
    ["drop-trailing-slash", "/folder", 200, undefined],
    ["none", "/file", 404, undefined],
    ["none", "/file.html", 200, undefined],
  ];
  test.each(modes)("%s: %s → %i", async (htmlHandling, path, status, location) => {
    const edge = await startSite({ "/file.html": "file", "/folder/index.html": "index" }, { htmlHandling });
    const { status: got, head } = await edge.get(HOST, path);
    expect([got, field(head, "location")]).toEqual([status, location]);
  });

  test("redirects, rewrites and headers", async () => {
    const edge = await startSite(
      { "/new.html": "new", "/shell.html": "shell", "/a.txt": "a" },
      {
        redirects: "/old /new 301\n/u/:name /new?n=:name 302\n/app/* /shell 200",
        headers: "/*\n  X-All: yes\n/a.txt\n  ! Cache-Control\n  X-A: 1",
      },
    );
    const old = await edge.get(HOST, "/old?q");
    expect([old.status, field(old.head, "location"), field(old.head, "x-all")]).toEqual([301, "/new?q", "yes"]);
    expect(field((await edge.get(HOST, "/u/kim")).head, "location")).toBe("/new?n=kim");
    expect((await edge.get(HOST, "/app/deep/link")).body).toBe("shell");
    const { head } = await edge.get(HOST, "/a.txt");
    expect([field(head, "x-a"), field(head, "cache-control")]).toEqual(["1", undefined]);
  });

  test("not-found pages", async () => {
    const pages = { "/404.html": "root", "/docs/404.html": "docs", "/index.html": "app" };
    const edge = await startSite(pages, { notFoundHandling: "404-page" });
    expect(await edge.get(HOST, "/docs/x/y")).toMatchObject({ status: 404, body: "docs" });
    expect(await edge.get(HOST, "/x")).toMatchObject({ status: 404, body: "root" });
    const app = await startSite(pages, { notFoundHandling: "single-page-application" });
    expect(await app.get(HOST, "/some/route")).toMatchObject({ status: 200, body: "app" });
  });

  const encodings: [string, string | undefined][] = [
    ["", undefined],
    ["gzip", "gzip"],
    ["gzip, deflate, br, zstd", "br"],
    ["zstd, gzip", "zstd"],
    ["br;q=0.1, gzip", "gzip"],
    ["identity", undefined],
  ];
  test.each(encodings)("Accept-Encoding: %s", async (accept, encoding) => {
    const edge = await startSite({ "/a.js": LONG, "/a.png": LONG });
    const { head, status, body } = await edge.get(HOST, "/a.js", accept ? `Accept-Encoding: ${accept}\r\n` : "");
    expect([status, field(head, "content-encoding"), field(head, "vary")]).toEqual([200, encoding, "Accept-Encoding"]);
    expect(body.length).toBe(Number(field(head, "content-length")));
    const tag = `"${hashOf(`${LONG} text/javascript; charset=utf-8`)}${encoding ? `-${encoding}` : ""}"`;
    expect(field(head, "etag")).toBe(tag);
    const image = await edge.get(HOST, "/a.png", accept ? `Accept-Encoding: ${accept}\r\n` : "");
    expect([field(image.head, "content-encoding"), field(image.head, "vary")]).toEqual([undefined, undefined]);
    const again = await edge.get(HOST, "/a.js", `Accept-Encoding: ${accept}\r\nIf-None-Match: ${tag}\r\n`);
    expect([again.status, again.body, field(again.head, "content-length")]).toEqual([304, "", undefined]);
  });

  test("encoded forms that appear later are found", async () => {
    const edge = await startEdge(cleanup, {});
    const site = await writeSite(place(edge), { "/a.js": LONG }, {}, false);
    await edge.route(snapshot(script("hello", { sites: { "hello-v1": site } })));
    const ask = async () => field((await edge.get(HOST, "/a.js", "Accept-Encoding: br\r\n")).head, "content-encoding");
    expect(await ask()).toBeUndefined();
    const type = "text/javascript; charset=utf-8";
    await writeContentVariants(place(edge), hashOf(`${LONG} ${type}`), Buffer.from(LONG), type);
    await expect.poll(ask, { timeout: 20_000, interval: 200 }).toBe("br");
  });

  const ranges: [string, number, string, string | undefined][] = [
    ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-2", 206, "89", "bytes 8-9/10"],
    ["bytes=5-500", 206, "56789", "bytes 5-9/10"],
    ["bytes=10-", 416, "", "bytes */10"],
    ["bytes=0-1,3-4", 200, "0123456789", undefined],
    ["lines=0-1", 200, "0123456789", undefined],
  ];
  test.each(ranges)("Range: %s", async (range, status, body, contentRange) => {
    const edge = await startSite({ "/a.txt": "0123456789" });
    const reply = await edge.get(HOST, "/a.txt", `Range: ${range}\r\n`);
    expect([reply.status, reply.body, field(reply.head, "content-range")]).toEqual([status, body, contentRange]);
    const head = edge
      .client()
      .send(`HEAD /a.txt HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\nRange: ${range}\r\n\r\n`);
    expect(await head.toEnd()).toMatch(/^HTTP\/1.1 200 [\s\S]*content-length: 10\r\n[\s\S]*\r\n\r\n$/);
    const stale = await edge.get(HOST, "/a.txt", `Range: ${range}\r\nIf-Range: "other"\r\n`);
    expect([stale.status, stale.body]).toEqual([200, "0123456789"]);
  });

  const names: [string, string][] = [
    ["/a b.txt", "/a%20b.txt"],
    ["/50%.txt", "/50%25.txt"],
    ["/ünï/文.txt", "/%C3%BCn%C3%AF/%E6%96%87.txt"],
    ["/a;b.txt", "/a%3Bb.txt"],
    ["/x%2Fy.txt", "/x%252Fy.txt"],
    ["/q?.txt", "/q%3F.txt"],
  ];
  test.each(names)("a file named %s", async (file, path) => {
    const edge = await startSite({ [file]: "found" });
    expect(await edge.get(HOST, path)).toMatchObject({ status: 200, body: "found" });
  });

  test.each([
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/a/..\\..\\secret.txt",
    "/%5c..%5csecret.txt",
    "/secret.txt%00.html",
    "/%c0%ae%c0%ae/secret.txt",
    "/%252e%252e/secret.txt",
    "/....//secret.txt",
    "//etc/passwd",
    "/blobs",
  ])("%s leads nowhere", async (target) => {
    const edge = await startSite({ "/a.txt": "a" });
    const { status, body } = await edge.get(HOST, target);
    expect([status, body]).toSatisfy(([code, text]) => (code === 404 || code === 307) && text === "");
  });

  test("HTTP/1.0, and a client that wants the connection closed", async () => {
    const edge = await startSite({ "/a.txt": "a" });
    const old = edge.client().send(`GET /a.txt HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
    expect(await old.toEnd()).toMatch(/^HTTP\/1.1 200 [\s\S]*Connection: close\r\n\r\na$/);
    const kept = edge.client().send(`GET /a.txt HTTP/1.0\r\nHost: ${HOST}\r\nConnection: keep-alive\r\n\r\n`);
    await kept.has("Connection: keep-alive\r\n\r\na");
  });

  test("a content that is lost is an error page, and the connection goes on", async () => {
    const edge = await startSite({ "/a.png": "a", "/b.txt": "b" });
    await loseContent(place(edge), hashOf("a image/png"));
    const client = edge.client().send(`GET /a.png HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await client.has("cannot be read");
    await client.send(`GET /b.txt HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`).has("\r\n\r\nb");
    expect(client.received).toMatch(/^HTTP\/1.1 500 /);
  });
});

describe("large files", () => {
  const BIG = Buffer.alloc(12 * 1024 * 1024);
  for (let i = 0; i < BIG.length; i += 4) BIG.writeUInt32LE(i, i);

  test("whole and in parts, bit by bit", async () => {
    const edge = await startSite({ "/big.bin": BIG });
    const whole = await edge.get(HOST, "/big.bin");
    expect(Buffer.from(whole.body, "latin1").equals(BIG)).toBe(true);
    const part = await edge.get(HOST, "/big.bin", "Range: bytes=5000001-9000000\r\n");
    expect(part.status).toBe(206);
    expect(Buffer.from(part.body, "latin1").equals(BIG.subarray(5_000_001, 9_000_001))).toBe(true);
    const end = await edge.get(HOST, "/big.bin", "Range: bytes=-10\r\n");
    expect(Buffer.from(end.body, "latin1").equals(BIG.subarray(-10))).toBe(true);
  });

  test("clients that read nothing cost two chunks each, and their files are closed when they go", async () => {
    const edge = await startSite({ "/big.bin": BIG });
    await edge.get(HOST, "/big.bin");
    const { descriptors } = await import("../products/assets/testing-disk.ts");
    const before = process.memoryUsage().arrayBuffers;
    const clients = Array.from({ length: 20 }, () => {
      const client = edge.client();
      client.socket.pause();
      return client.send(`GET /big.bin HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    });
    const assets = place(edge).assets;
    await expect.poll(() => descriptors(assets)).toBe(20);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1.5 * 1024 * 1024);
    for (const client of clients) client.socket.destroy();
    await expect.poll(() => descriptors(assets)).toBe(0);
  });

  test("the next request waits behind a large answer", async () => {
    const edge = await startSite({ "/big.bin": BIG, "/a.txt": "end" });
    const client = edge.client();
    client.send(
      `GET /big.bin HTTP/1.1\r\nHost: ${HOST}\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`,
    );
    const text = await client.toEnd();
    expect(text.endsWith("\r\n\r\nend")).toBe(true);
    expect(text.length).toBeGreaterThan(BIG.length);
  });
});

describe("a Worker beside the assets", () => {
  const files = { "/index.html": "home", "/api/doc.html": "doc", "/404.html": "lost" };

  test("gets what the assets have no answer for", async () => {
    const edge = await startSite(files, { hasWorker: true });
    expect((await edge.get(HOST, "/")).body).toBe("home");
    expect((await edge.get(HOST, "/none?x=1")).body).toBe("worker hello-v1 /none?x=1");
    const post = edge.client().send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 0\r\n\r\n`);
    await post.has("405 Method Not Allowed");
  });

  test("its first request, with a body, waits for the site to be opened", async () => {
    const edge = await startSite(files, { hasWorker: true });
    const client = edge.client().send(`POST /new HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 4\r\n\r\nbody`);
    await client.has("worker hello-v1 /new");
  });

  test("run_worker_first: rules and all", async () => {
    const rules = await startSite(files, {
      hasWorker: true,
      runWorkerFirst: ["/api/*", "!/api/doc"],
      notFoundHandling: "404-page",
    });
    expect((await rules.get(HOST, "/api/x")).body).toBe("worker hello-v1 /api/x");
    expect((await rules.get(HOST, "/api/doc")).body).toBe("doc");
    expect(await rules.get(HOST, "/else")).toMatchObject({ status: 404, body: "lost" });
    const first = await startSite(files, { hasWorker: true, runWorkerFirst: true });
    expect((await first.get(HOST, "/")).body).toBe("worker hello-v1 /");
  });

  test("navigations get the not-found page, other requests the Worker", async () => {
    const edge = await startSite(files, { hasWorker: true, notFoundHandling: "single-page-application" });
    expect((await edge.get(HOST, "/route", "Sec-Fetch-Mode: navigate\r\n")).body).toBe("home");
    expect((await edge.get(HOST, "/route", "Sec-Fetch-Mode: cors\r\n")).body).toBe("worker hello-v1 /route");
  });

  test("the guards of the original's router", async () => {
    const edge = await startSite(files, { hasWorker: true });
    const hidden = await edge.get(HOST, "/cdn-cgi\\x?q");
    expect([hidden.status, field(hidden.head, "location")]).toEqual([307, "/cdn-cgi/x?q"]);
    expect((await edge.get(HOST, "/_next/image?url=https://evil.example/x")).status).toBe(403);
    expect((await edge.get(HOST, "/_next/image?url=/local.png")).status).toBe(200);
    expect((await edge.get(HOST, "/_image?href=//evil.example/x")).status).toBe(403);
    expect((await edge.get(HOST, "/_image?href=//evil.example/x", "Sec-Fetch-Dest: image\r\n")).status).toBe(200);
  });
});

describe("versions", () => {
  test("in a split each request has one version, a file that only another version has is found; previews see their own", async () => {
    const edge = await startEdge(cleanup, {});
    const one = await writeSite(place(edge), { "/index.html": "one", "/only-one.js": "1", "/app.js": "one" });
    const two = await writeSite(place(edge), { "/index.html": "two", "/app.js": "two" });
    const ids = ["11111111-aaaa", "22222222-bbbb"];
    const shares = ids.map((versionId) => ({ versionId, percentage: 50 }));
    const sites = { "11111111-aaaa": one, "22222222-bbbb": two };
    await edge.route(snapshot(script("hello", { shares, versions: ids, sites })));
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const { status, body } = await edge.get(HOST, i % 2 ? "/" : "/only-one.js");
      seen.add(`${i % 2 ? "page" : "file"} ${status} ${body}`);
    }
    expect([...seen].sort()).toEqual(["file 200 1", "page 200 one", "page 200 two"]);
    for (let i = 0; i < 5; i++) {
      expect((await edge.get("11111111-hello.acc.localhost", "/app.js")).body).toBe("one");
      expect((await edge.get("22222222-hello.acc.localhost", "/only-one.js")).status).toBe(404);
    }
  });

  test("files of earlier versions stay reachable where the present one has none", async () => {
    const edge = await startEdge(cleanup, {});
    const old = await writeSite(place(edge), {
      "/index.html": "old",
      "/about.html": "old about",
      "/app.1.js": "old app",
      "/404.html": "old 404",
    });
    const now = await writeSite(
      place(edge),
      { "/index.html": "now", "/about/index.html": "now about", "/app.2.js": "now app", "/404.html": "now 404" },
      { notFoundHandling: "404-page", headers: "/*\n  X-Now: 1" },
    );
    const sites = { "hello-v1": now, "00000000-old": old };
    await edge.route(
      snapshot(script("hello", { sites, versions: ["hello-v1", "00000000-old"], retainedSites: [old] })),
    );
    expect((await edge.get(HOST, "/")).body).toBe("now");
    const kept = await edge.get(HOST, "/app.1.js");
    expect([kept.status, kept.body, field(kept.head, "x-now")]).toEqual([200, "old app", "1"]);
    // The earlier version has /about.html, the present one shows another page there.
    expect(field((await edge.get(HOST, "/about")).head, "location")).toBe("/about/");
    expect(await edge.get(HOST, "/nothing")).toMatchObject({ status: 404, body: "now 404" });
    expect((await edge.get("00000000-hello.acc.localhost", "/app.2.js")).status).toBe(404);
  });

  test("a deploy swaps the site whole", async () => {
    const edge = await startSite({ "/index.html": "first" });
    expect((await edge.get(HOST)).body).toBe("first");
    const second = await writeSite(place(edge), { "/index.html": "second" });
    const shares = [{ versionId: "hello-v2", percentage: 100 }];
    await edge.route(snapshot(script("hello", { shares, sites: { "hello-v2": second } })));
    expect((await edge.get(HOST)).body).toBe("second");
  });
});

describe("Early Hints", () => {
  const NAVIGATION = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
  const page = "<!doctype html><link rel=preload as=style href=/a.css><link rel=stylesheet href=/a.css>";
  const hint = /^HTTP\/1.1 103 Early Hints\r\nlink: (.*)\r\n\r\nHTTP\/1.1 200 OK\r\n/;

  test("go before a page, to browsers that navigate", async () => {
    const edge = await startSite(
      { "/index.html": page, "/quiet.html": page },
      { headers: "/\n  Link: <https://cdn.example>; rel=preconnect\n/quiet\n  ! Link" },
    );
    const ask = async (path: string, fields: string) =>
      edge.client().send(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n${fields}\r\n`).toEnd();
    const text = await ask("/", NAVIGATION);
    const links = hint.exec(text)?.[1];
    expect(links).toContain("<https://cdn.example>; rel=preconnect");
    expect(await ask("/", NAVIGATION)).toMatch(hint);
    for (const [path, fields] of [
      ["/", ""],
      ["/", "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"],
      ["/", `${NAVIGATION}Via: 1.1 proxy\r\n`],
      ["/quiet", NAVIGATION],
    ] as const)
      expect(await ask(path, fields)).toMatch(/^HTTP\/1.1 200 OK/);
  });

  test("the links of a page alone, and the page's own bytes stay as they are", async () => {
    const edge = await startSite({ "/index.html": page });
    const text = await edge
      .client()
      .send(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n${NAVIGATION}\r\n`)
      .toEnd();
    expect(hint.exec(text)?.[1]).toBe('</a.css>; rel="preload"; as=style');
    expect(text.endsWith(`\r\n\r\n${page}`)).toBe(true);
  });

  test("a Worker's links go ahead of its next answer", async () => {
    const edge = await startSite({}, { hasWorker: true });
    const ask = () =>
      edge.client().send(`GET /linked HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n${NAVIGATION}\r\n`).toEnd();
    expect(await ask()).toMatch(/^HTTP\/1.1 200 OK/);
    expect(hint.exec(await ask())?.[1]).toBe("</w.css>; rel=preload; as=style");
  });
});
