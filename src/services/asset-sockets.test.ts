import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import { Cleanup } from "../lib/http/testing.ts";
import { TEST_ACCOUNT, writeSite } from "../products/assets/testing-disk.ts";
import { planLaunch } from "../products/launch.ts";
import { startTestRunner, type TestBlobs, type TestRunner, testRecord } from "../workerd/testing.ts";
import { AssetSockets } from "./asset-sockets.ts";

/** `env.ASSETS` of a real Worker, answered by the services role's own code. */
const cleanup = new Cleanup();
let runner: TestRunner;
let sockets: AssetSockets;

const BIG = "0123456789abcdef".repeat(200_000);
const TEXT = "Static files, served. ".repeat(100);

const worker = `
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname) {
      case "/by-url": return env.ASSETS.fetch("https://whatever.example/page");
      case "/by-request": return env.ASSETS.fetch(new Request("http://x/page?q=1"));
      case "/missing": return env.ASSETS.fetch("http://x/none");
      case "/post": return env.ASSETS.fetch("http://x/page", { method: "POST", body: "b" });
      case "/redirect": return env.ASSETS.fetch("http://x/page.html", { redirect: "manual" });
      case "/length": {
        const response = await env.ASSETS.fetch("http://x/big.bin");
        let length = 0;
        for await (const chunk of response.body) length += chunk.length;
        return new Response(String(length));
      }
      case "/part": return env.ASSETS.fetch("http://x/big.bin", { headers: { range: "bytes=17-20" } });
      case "/head": {
        const response = await env.ASSETS.fetch("http://x/page", { method: "HEAD" });
        return Response.json([response.status, response.headers.get("content-length"), await response.text()]);
      }
      case "/scheme": {
        // Same host: the scheme of the URL decides whether the rule's destination is another origin.
        const forged = { "x-forwarded-scheme": searchParams.get("forged"), "x-forwarded-proto": searchParams.get("forged") };
        const headers = searchParams.has("forged") ? forged : {};
        const url = searchParams.get("scheme") + "://scheme.example/go";
        const response = await env.ASSETS.fetch(url, { headers, redirect: "manual" });
        return new Response(response.headers.get("location"));
      }
      case "/many": {
        const all = await Promise.all(Array.from({ length: 50 }, () => env.ASSETS.fetch("http://x/page")));
        return new Response(String((await Promise.all(all.map((one) => one.text()))).join("").length));
      }
    }
    // Middleware: what the assets answer, with a mark.
    const response = await env.ASSETS.fetch(request);
    const marked = new Response(response.body, response);
    marked.headers.set("x-middleware", "1");
    return marked;
  },
};`;

beforeAll(async () => {
  const config = readConfig({ FREEHOLD_DATA: await cleanup.directory() }, 1);
  const files = paths(config);
  const site = await writeSite(
    files,
    { "/page.html": "the page", "/404.html": "not here", "/big.bin": BIG, "/a.txt": TEXT },
    {
      notFoundHandling: "404-page",
      headers: "/*\n  X-Rule: 1",
      redirects: "/go https://scheme.example/there",
      hasWorker: true,
      runWorkerFirst: true,
    },
  );
  const blobs: TestBlobs = new Map();
  const record = testRecord(blobs, { "index.js": worker }, { bindings: [{ type: "assets", name: "ASSETS" }] });
  record.accountId = TEST_ACCOUNT;
  record.assets = { site };
  const launchRecord = files.launchRecord(record.versionId);
  await mkdir(dirname(launchRecord), { recursive: true });
  await writeFile(launchRecord, JSON.stringify(record));
  const servicesDir = join(await cleanup.directory(), "svc");
  await mkdir(servicesDir);
  sockets = new AssetSockets(files);
  await sockets.attach({
    instanceId: "i1",
    versionId: record.versionId,
    accountId: record.accountId,
    directory: servicesDir,
    links: [],
    assets: { socket: "assets.sock" },
  });
  cleanup.add(() => sockets.detach("i1"));
  runner = await startTestRunner(planLaunch, record, blobs, { servicesDir });
  cleanup.add(() => runner.stop());
  expect(runner.started, runner.stderr()).toBe(true);
});
afterAll(() => cleanup.run());

describe("env.ASSETS.fetch", () => {
  test.each([
    ["/by-url", 200, "the page"],
    ["/by-request", 200, "the page"],
    ["/missing", 404, "not here"],
    ["/post", 405, ""],
    ["/redirect", 307, ""],
    ["/length", 200, String(BIG.length)],
    ["/part", 206, BIG.slice(17, 21)],
    ["/head", 200, '[200,"8",""]'],
    ["/many", 200, String(50 * "the page".length)],
  ])("%s", async (path, status, body) => {
    const reply = await runner.fetch(path);
    expect([reply.status, reply.body]).toEqual([status, body]);
  });

  test("a Worker in front may change what it gets", async () => {
    const reply = await runner.fetch("/a.txt");
    expect(reply).toMatchObject({ status: 200, body: TEXT });
    expect(reply.headers).toMatchObject({
      "x-middleware": "1",
      "x-rule": "1",
      "content-type": "text/plain; charset=utf-8",
      etag: expect.stringMatching(/^"[0-9a-f]{32}/),
    });
    const etag = String(reply.headers.etag);
    expect((await runner.fetch("/a.txt", { headers: { "if-none-match": etag } })).status).toBe(304);
  });

  test.each([
    ["https", "", "/there"],
    ["http", "", "https://scheme.example/there"],
    ["https", "&forged=http", "/there"],
    ["http", "&forged=https", "https://scheme.example/there"],
  ])("redirects go by the scheme of the URL: %s%s", async (scheme, forged, location) => {
    expect((await runner.fetch(`/scheme?scheme=${scheme}${forged}`)).body).toBe(location);
  });

  test("no Early Hints and no runner's fields", async () => {
    const reply = await runner.fetch("/page", {
      headers: { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
    });
    expect(reply).toMatchObject({ status: 200, body: "the page" });
    expect(reply.headers["cf-ray"]).toBeUndefined();
  });
});
