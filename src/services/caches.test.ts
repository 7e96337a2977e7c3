/** `caches` of a real Worker, answered by the services role's own code. */
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Cleanup } from "../lib/http/testing.ts";
import { planLaunch } from "../products/launch.ts";
import { startTestRunner, type TestBlobs, type TestRunner, testRecord } from "../workerd/testing.ts";
import type { Backends } from "./backends.ts";
import { Caches } from "./caches.ts";
import { attachVersion, testBackends } from "./testing-backends.ts";

/** Runs steps in order and answers what each gave. */
const worker = `
async function shown(response) {
  if (!(response instanceof Response)) return response;
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}
const steps = {
  put: (cache, { url, request, body = "hello", init, stream }) =>
    cache.put(new Request(url, request), new Response(stream ? chunks(body, stream) : body, init)),
  match: (cache, { url, request, options }) => cache.match(new Request(url, request), options),
  delete: (cache, { url }) => cache.delete(url),
  async big(cache, { url, size }) {
    await cache.put(url, new Response(chunks("x".repeat(65_536), size / 65_536)));
  },
  async broken(cache, { url }) {
    let count = 0;
    const pull = (controller) =>
      count++ < 20 ? controller.enqueue(new Uint8Array(65_536)) : controller.error(new Error("on purpose"));
    await cache.put(url, new Response(new ReadableStream({ pull })));
  },
  async loaded(_cache, _step, env) {
    const code = 'export default { fetch: async () => new Response(await caches.default.match("https://a.example/x")) }';
    const modules = { "m.js": code };
    const loaded = env.LOADER.get("x", () => ({ compatibilityDate: "2026-06-01", mainModule: "m.js", modules }));
    return loaded.getEntrypoint().fetch("https://a.example/x");
  },
  async length(cache, { url, request }) {
    const response = await cache.match(new Request(url, request));
    let length = 0;
    if (response) for await (const chunk of response.body) length += chunk.length;
    return response && [response.status, length];
  },
};
function chunks(text, count) {
  const { readable, writable } = new TransformStream();
  (async () => {
    const writer = writable.getWriter();
    for (let index = 0; index < count; index++) await writer.write(new TextEncoder().encode(text));
    await writer.close();
  })();
  return readable;
}
export default {
  async fetch(request, env) {
    const results = [];
    for (const step of await request.json()) {
      const cache = step.cache ? await caches.open(step.cache) : caches.default;
      try {
        results.push((await shown(await steps[step.do](cache, { url: "https://a.example/x", ...step }, env))) ?? null);
      } catch (error) {
        results.push(error.message);
      }
    }
    return Response.json(results);
  },
};`;

const MIB = 1024 * 1024;

let cleanup: Cleanup;
let caches: Caches;
let backends: Backends;
let runner: TestRunner;
let directory: string;

beforeEach(async () => {
  cleanup = new Cleanup();
  directory = await cleanup.directory();
  await start(16 * MIB);
});
afterEach(() => cleanup.run());

async function start(maxBytes: number, scriptName = "test"): Promise<void> {
  const blobs: TestBlobs = new Map();
  const record = testRecord(
    blobs,
    { "index.js": worker },
    { scriptName, bindings: [{ type: "worker_loader", name: "LOADER" }] },
  );
  const opened = new Caches(join(directory, "responses"), maxBytes);
  cleanup.add(() => opened.close());
  caches = opened;
  const attached = testBackends(directory, { caches });
  cleanup.add(() => attached.detachAll());
  backends = attached;
  const servicesDir = await attachVersion(attached, directory, record);
  const started = await startTestRunner(planLaunch, record, blobs, { servicesDir });
  cleanup.add(() => started.stop());
  expect(started.started, started.stderr()).toBe(true);
  runner = started;
}

async function run(...steps: Record<string, unknown>[]) {
  const { body } = await runner.fetch("/", { method: "POST", body: JSON.stringify(steps) });
  // biome-ignore lint/suspicious/noExplicitAny: what each step answers.
  return JSON.parse(body) as any[];
}

const put = { do: "put" };
const match = { do: "match" };
const init = (headers: Record<string, string>, status = 200) => ({ init: { headers, status } });

test("what is put is found, with its age, until it is deleted", async () => {
  const kept = { etag: '"1"', "x-own": "yes", "cache-control": "max-age=60" };
  const results = await run(match, { ...put, ...init(kept) }, match, { do: "delete" }, match, { do: "delete" });
  expect(results).toEqual([
    null,
    null,
    {
      status: 200,
      headers: {
        ...kept,
        "content-type": "text/plain;charset=UTF-8",
        "content-length": "5",
        "cf-cache-status": "HIT",
        age: "0",
      },
      body: "hello",
    },
    true,
    null,
    false,
  ]);
});

test.each([
  ["another path", { url: "https://a.example/y" }],
  ["another query", { url: "https://a.example/x?" }],
  ["another host", { url: "https://b.example/x" }],
  ["another port", { url: "https://a.example:8443/x" }],
  ["another scheme", { url: "http://a.example/x" }],
  ["another cache", { cache: "other" }],
])("%s is another entry", async (_name, other) => {
  expect(await run(put, { ...match, ...other }, match)).toMatchObject([null, null, { body: "hello" }]);
});

test("the Worker's request cannot choose another cache than the Worker does", async () => {
  const forged = { request: { headers: { "x-forwarded-scheme": "http", "freehold-binding": "other" } } };
  const [, found] = await run(put, { ...match, ...forged });
  expect(found).toMatchObject({ body: "hello" });
});

test.each([
  ["no-store", init({ "cache-control": "no-store" })],
  ["a cookie", init({ "set-cookie": "a=b" })],
  ["an error", init({}, 500)],
  ["stale from the start", init({ "cache-control": "max-age=0" })],
])("%s is not kept, and put does not mind", async (_name, how) => {
  expect(await run({ ...put, ...how }, match)).toEqual([null, null]);
});

test("a redirect, an empty body and a cookie that is private are kept", async () => {
  const results = await run(
    { ...put, body: null, ...init({ location: "/there" }, 301) },
    { ...match },
    { ...put, body: null, ...init({ "cache-control": "max-age=9" }, 204) },
    { ...match },
    { ...put, ...init({ "set-cookie": "a=b", "cache-control": "private=Set-Cookie" }) },
    { ...match },
  );
  expect(results[1]).toMatchObject({ status: 301, headers: { location: "/there" } });
  expect(results[3]).toMatchObject({ status: 204, body: "" });
  expect(results[5]).toMatchObject({ status: 200, body: "hello" });
  expect(results[5].headers["set-cookie"]).toBeUndefined();
});

test("it ends with its time", async () => {
  const [, fresh] = await run({ ...put, ...init({ "cache-control": "max-age=1" }) }, match);
  expect(fresh).toMatchObject({ body: "hello" });
  const from = Date.now();
  await expect.poll(async () => (await run(match))[0], { timeout: 20_000 }).toBeNull();
  expect(Date.now() - from).toBeLessThan(8000);
});

test("conditions and ranges", async () => {
  const request = (headers: Record<string, string>) => ({ ...match, request: { headers } });
  const [, notModified, part, beyond] = await run(
    { ...put, ...init({ etag: '"1"' }) },
    request({ "if-none-match": '"1"' }),
    request({ range: "bytes=1-3" }),
    request({ range: "bytes=9-" }),
  );
  expect(notModified).toMatchObject({ status: 304, headers: { etag: '"1"' }, body: "" });
  expect(part).toMatchObject({ status: 206, headers: { "content-range": "bytes 1-3/5" }, body: "ell" });
  expect(beyond).toMatchObject({ status: 416, headers: { "content-range": "bytes */5" } });
});

test("responses that differ by Vary stand side by side", async () => {
  const speaking = (language: string) => ({ request: { headers: { "accept-language": language } } });
  const vary = init({ vary: "Accept-Language" });
  const results = await run(
    { ...put, ...vary, ...speaking("de"), body: "hallo" },
    { ...put, ...vary, ...speaking("fr"), body: "salut" },
    { ...match, ...speaking("de") },
    { ...match, ...speaking("fr") },
    { ...match, ...speaking("it") },
    { ...put, ...speaking("it"), body: "for all" },
    { ...match, ...speaking("de") },
  );
  expect(results.map((result) => result?.body ?? result)).toEqual([
    null,
    null,
    "hallo",
    "salut",
    null,
    null,
    "for all",
  ]);
});

test("large bodies are streamed to files and back, and outlive the process", async () => {
  const size = 5 * MIB;
  const length = { do: "length" };
  const part = { ...length, request: { headers: { range: `bytes=${size - 100_000}-` } } };
  expect(await run({ do: "big", size }, length, part)).toEqual([null, [200, size], [206, 100_000]]);
  caches.close();
  await start(16 * MIB);
  expect(await run(length)).toEqual([[200, size]]);
  await caches.purge("a".repeat(32), "test", { everything: true });
  await expect.poll(() => readdir(join(directory, "responses", "bodies"))).toEqual([]);
});

test("there is an end to it: who was used longest ago goes", async () => {
  for (let index = 0; index < 8; index++) {
    await run({ do: "big", url: `https://a.example/${index}`, size: 4 * MIB });
  }
  const found = await run(
    ...Array.from({ length: 8 }, (_, index) => ({ do: "length", url: `https://a.example/${index}` })),
  );
  expect(found.map(Boolean)).toEqual([false, false, false, false, false, true, true, true]);
  expect(caches.store()?.room).toBeLessThanOrEqual(16 * MIB);
  // One that is larger than all of it is refused, and takes no room.
  await run({ do: "big", url: "https://a.example/huge", size: 32 * MIB });
  expect(await run({ do: "length", url: "https://a.example/huge" })).toEqual([null]);
  await expect.poll(() => caches.store()?.room).toBeLessThanOrEqual(16 * MIB);
});

test("a response that breaks off is not kept, and gives back its room", async () => {
  await run(put);
  const before = caches.store()?.room;
  const [broken] = await run({ do: "broken", url: "https://a.example/broken" });
  expect(broken).toMatch(/on purpose|error|disconnected/i);
  expect(await run({ ...match, url: "https://a.example/broken" })).toEqual([null]);
  await expect.poll(() => caches.store()?.room).toBe(before);
  await expect.poll(() => readdir(join(directory, "responses", "bodies"))).toEqual([]);
});

test("purge by address, beginning, host and tag", async () => {
  const account = "a".repeat(32);
  const urls = ["https://a.example/x", "https://a.example/blog/1", "https://b.example/", "https://c.example/tagged"];
  for (const url of urls) await run({ ...put, url, ...init(url.endsWith("d") ? { "cache-tag": "One,two" } : {}) });
  await run({ ...put, cache: "named" });
  const left = async () => {
    const found = await run(...urls.map((url) => ({ ...match, url })), { ...match, cache: "named" });
    return found.map(Boolean);
  };
  expect(await caches.purge(account, "other", { everything: true })).toBe(0);
  expect(await caches.purge("b".repeat(32), "test", { everything: true })).toBe(0);
  expect(await left()).toEqual([true, true, true, true, true]);
  expect(await caches.purge(account, "test", { urls: ["https://a.example/x"] })).toBe(2);
  expect(await left()).toEqual([false, true, true, true, false]);
  expect(await caches.purge(account, "test", { prefixes: ["a.example/blog"], tags: ["two"] })).toBe(2);
  expect(await caches.purge(account, "test", { hosts: ["b.example"] })).toBe(1);
  expect(await left()).toEqual([false, false, false, false, false]);
});

test("scripts do not see each other's responses, and a deleted one leaves none", async () => {
  await run(put);
  await start(16 * MIB, "second");
  expect(await run(match)).toEqual([null]);
  await run({ ...put, body: "of the second" });
  await caches.keepScripts((_account, script) => script === "test");
  expect(await run(match)).toEqual([null]);
  await start(16 * MIB, "test");
  expect(await run(match)).toMatchObject([{ body: "hello" }]);
});

test("a Worker that the Worker loads has no caches", async () => {
  expect(await run(put, { do: "loaded" })).toEqual([null, expect.stringContaining("No Cache was configured")]);
});

test("a damaged index is thrown away", async () => {
  await run(put);
  caches.close();
  await writeFile(join(directory, "responses", "index.db"), "x".repeat(10_000));
  expect(await run(match, put, match)).toMatchObject([null, null, { body: "hello" }]);
});

test("without the services role put does nothing, and the others throw", async () => {
  await run(put);
  await backends.detachAll();
  const results = await run({ ...put, body: "new" }, match, { do: "delete" });
  expect(results).toEqual([null, expect.stringMatching(/error/), expect.stringMatching(/error/)]);
});

test("a disk that cannot be written is a cache without entries", async () => {
  await start(16 * MIB);
  await writeFile(join(directory, "blocked"), "");
  const blocked = new Caches(join(directory, "blocked", "below"), MIB);
  expect(blocked.store()).toBeUndefined();
});
