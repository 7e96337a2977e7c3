/** A Worker's KV binding on the whole platform: binding → runner → services → rows and files. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { killProcess, type Platform, startPlatform } from "./harness/platform.ts";

const worker = `
const MIB = 1024 * 1024;
const pattern = (size) => Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255);
const failure = async (call) => { try { await call(); return "no error"; } catch (error) { return error.message; } };
async function* parts(count, size) { for (let i = 0; i < count; i++) yield pattern(size); }
const streamOf = (count, size) => {
  let left = count;
  return new ReadableStream({ pull(c) { if (left-- > 0) c.enqueue(pattern(size)); else c.close(); } });
};
async function digest(stream) {
  const digester = new crypto.DigestStream("SHA-256");
  await stream.pipeTo(digester);
  return [...new Uint8Array(await digester.digest)].map((b) => b.toString(16).padStart(2, "0")).join("");
}
const calls = {
  async types(kv) {
    await kv.put("text", "héllo 🌍");
    await kv.put("json", JSON.stringify({ a: [1, null] }));
    await kv.put("bytes", new Uint8Array([0, 255, 13, 10]));
    await kv.put("buffer", new Uint8Array([1, 2]).buffer);
    await kv.put("stream", new Response("from a stream").body);
    await kv.put("empty", "");
    return {
      text: await kv.get("text"), json: await kv.get("json", "json"), bytes: [...new Uint8Array(await kv.get("bytes", { type: "arrayBuffer" }))],
      buffer: [...new Uint8Array(await kv.get("buffer", "arrayBuffer"))], stream: await new Response(await kv.get("stream", "stream")).text(),
      empty: await kv.get("empty"), none: await kv.get("none"), cached: await kv.get("text", { cacheTtl: 60 }),
    };
  },
  async metadata(kv) {
    await kv.put("m", "v", { metadata: { name: "Zoë ☃", list: [1, 2] } });
    const withIt = await kv.getWithMetadata("m");
    await kv.put("m", "w");
    return { withIt, without: await kv.getWithMetadata("m"), none: await kv.getWithMetadata("none") };
  },
  async keys(kv) {
    const names = ["a/b c", "ä", "%2F", "a?b=c&d#e", "..x", "\\u0000nul", "日本", "x".repeat(512), "+plus", "\\"quoted\\""];
    for (const name of names) await kv.put("k:" + name.slice(0, 510), name);
    const read = [];
    for (const name of names) read.push((await kv.get("k:" + name.slice(0, 510))) === name);
    const { keys } = await kv.list({ prefix: "k:" });
    return { read, listed: keys.map(({ name }) => name.slice(2)).length, order: keys.map(({ name }) => name).slice(0, 3) };
  },
  async bulk(kv) {
    await kv.put("b1", "1"); await kv.put("b2", '{"two":2}', { metadata: { m: 1 } });
    const all = await kv.get(["b1", "b2", "b3"]);
    const withMetadata = await kv.getWithMetadata(["b2", "b3"], "json");
    return { all: [...all], withMetadata: [...withMetadata], json: await failure(() => kv.get(["text", "b2"], "json")),
      many: await failure(() => kv.get(Array.from({ length: 101 }, (_, i) => "k" + i))) };
  },
  async list(kv) {
    await Promise.all(Array.from({ length: 25 }, (_, i) => kv.put("l:" + String(i).padStart(2, "0"), "v", i === 3 ? { metadata: { three: 3 }, expirationTtl: 3600 } : {})));
    const pages = []; let cursor;
    do {
      const page = await kv.list({ prefix: "l:", limit: 10, cursor });
      pages.push(page.keys.length); cursor = page.list_complete ? undefined : page.cursor;
      if (pages.length === 1) pages.third = page.keys[3];
    } while (cursor);
    return { pages: [...pages], third: pages.third, none: await kv.list({ prefix: "nothing" }), big: await failure(() => kv.list({ limit: 1001 })), bad: await failure(() => kv.list({ cursor: "%%%" })) };
  },
  async delete(kv) {
    await kv.put("gone", "x"); await kv.delete("gone"); await kv.delete("never");
    return { gone: await kv.get("gone") };
  },
  async large(kv) {
    const whole = pattern(25 * MIB);
    await kv.put("whole", whole);
    const expected = await digest(new Response(whole).body);
    await kv.put("streamed", streamOf(25, MIB));
    const same = await digest(streamOf(25, MIB));
    return { whole: (await digest(await kv.get("whole", "stream"))) === expected, streamed: (await digest(await kv.get("streamed", "stream"))) === same };
  },
  async limits(kv) {
    return {
      long: await failure(() => kv.put("x".repeat(513), "")), value: await failure(() => kv.put("big", new Uint8Array(25 * MIB + 1))),
      streamed: await failure(() => kv.put("big", streamOf(26, MIB))), stored: await kv.get("big"),
      metadata: await failure(() => kv.put("k", "v", { metadata: "x".repeat(1023) })), ttl: await failure(() => kv.put("k", "v", { expirationTtl: 59 })),
      past: await failure(() => kv.put("k", "v", { expiration: 1000 })), cache: await failure(() => kv.get("k", { cacheTtl: 10 })),
    };
  },
  async expire(kv) {
    const second = () => Math.floor(Date.now() / 1000);
    const before = second();
    await kv.put("e", "v", { expirationTtl: 60 });
    const after = second();
    const { keys } = await kv.list({ prefix: "e" });
    const { expiration } = keys.find(({ name }) => name === "e");
    return before + 60 <= expiration && expiration <= after + 60;
  },
  get: (kv, { key }) => kv.get(key),
  put: (kv, { key, value }) => kv.put(key, value),
  attempt: (kv) => failure(() => kv.get("x")),
};
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    try {
      return Response.json({ result: await calls[pathname.slice(1)](env.KV, Object.fromEntries(searchParams)) ?? null });
    } catch (error) {
      return Response.json({ error: error.message });
    }
  },
};`;

let platform: Platform;
let namespaceId: string;

beforeAll(async () => {
  platform = await startPlatform();
  const { id } = (await platform.api.send("POST", "/storage/kv/namespaces", { title: "things" })) as { id: string };
  namespaceId = id;
  await platform.api.deploy("app", worker, { bindings: [{ type: "kv_namespace", name: "KV", namespace_id: id }] });
}, 60_000);

afterAll(async () => {
  await platform[Symbol.asyncDispose]();
});

async function call(name: string): Promise<unknown> {
  const { body } = await platform.fetch(await platform.url("app", `/${name}`), { timeoutMs: 60_000 });
  const { result, error } = JSON.parse(body) as { result?: unknown; error?: string };
  if (error !== undefined) throw new Error(error);
  return result;
}

test("values of every type come back as they were", async () => {
  expect(await call("types")).toEqual({
    text: "héllo 🌍",
    json: { a: [1, null] },
    bytes: [0, 255, 13, 10],
    buffer: [1, 2],
    stream: "from a stream",
    empty: "",
    none: null,
    cached: "héllo 🌍",
  });
});

test("metadata comes with the value, and goes when it is written without", async () => {
  expect(await call("metadata")).toEqual({
    withIt: { value: "v", metadata: { name: "Zoë ☃", list: [1, 2] }, cacheStatus: null },
    without: { value: "w", metadata: null, cacheStatus: null },
    none: { value: null, metadata: null, cacheStatus: null },
  });
});

test("any UTF-8 text is a key, and keys are listed in the order of their bytes", async () => {
  expect(await call("keys")).toEqual({
    read: Array.from({ length: 10 }, () => true),
    listed: 10,
    order: ["k:\0nul", 'k:"quoted"', "k:%2F"],
  });
});

test("many keys are read at once", async () => {
  expect(await call("bulk")).toEqual({
    all: [
      ["b1", "1"],
      ["b2", '{"two":2}'],
      ["b3", null],
    ],
    withMetadata: [
      ["b2", { value: { two: 2 }, metadata: { m: 1 } }],
      ["b3", null],
    ],
    json: expect.stringContaining("400 At least one of the requested keys corresponds to a non-json value"),
    many: expect.stringContaining("400 You can request a maximum of 100 keys"),
  });
});

test("lists go page by page, with expiration and metadata", async () => {
  expect(await call("list")).toEqual({
    pages: [10, 10, 5],
    third: { name: "l:03", expiration: expect.any(Number), metadata: { three: 3 } },
    none: { keys: [], list_complete: true, cacheStatus: null },
    big: expect.stringContaining("400 Invalid key_count_limit of 1001"),
    bad: expect.stringContaining("400 Invalid cursor"),
  });
});

test("a deleted key is absent; deleting what is not there is no error", async () => {
  expect(await call("delete")).toEqual({ gone: null });
});

test("values of 25 MiB go both ways", async () => {
  expect(await call("large")).toEqual({ whole: true, streamed: true });
});

test("limits are the original's, in its words", async () => {
  expect(await call("limits")).toEqual({
    long: "KV PUT failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.",
    value: "KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.",
    streamed: "KV PUT failed: 413 Value length of 27262976 exceeds limit of 26214400.",
    stored: null,
    metadata: "KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.",
    ttl: "KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.",
    past: expect.stringContaining("KV PUT failed: 400 Invalid expiration of 1000."),
    cache: "KV GET failed: 400 Invalid cache_ttl of 10. Cache TTL must be at least 30.",
  });
});

test("an expiration is kept with the key", async () => {
  expect(await call("expire")).toBe(true);
});

test("what was stored survives a killed services process, and control is not needed", async () => {
  await call("put?key=durable&value=yes");
  for (const process of platform.role("control")) killProcess(process, "SIGSTOP");
  try {
    for (const process of platform.role("services")) killProcess(process, "SIGKILL");
    await expect.poll(() => call("get?key=durable").catch(() => "not yet"), { timeout: 30_000 }).toBe("yes");
  } finally {
    for (const process of platform.role("control")) killProcess(process, "SIGCONT");
  }
});

test("no acknowledged write is lost when services is killed under load, and nobody hangs", async () => {
  const acknowledged: string[] = [];
  const failures = new Set<string>();
  let ending = false;
  const writer = async (name: number) => {
    for (let n = 0; !ending; n++) {
      const key = `load:${name}:${n}`;
      const written = await call(`put?key=${key}&value=${key}`).then(
        () => true,
        (error: Error) => {
          failures.add(error.message);
          return false;
        },
      );
      if (written) acknowledged.push(key);
    }
  };
  const writers = [1, 2, 3, 4].map(writer);
  for (let kill = 0; kill < 3; kill++) {
    const before = acknowledged.length;
    await expect.poll(() => acknowledged.length - before, { timeout: 30_000 }).toBeGreaterThan(50);
    for (const process of platform.role("services")) killProcess(process, "SIGKILL");
  }
  const before = acknowledged.length;
  await expect.poll(() => acknowledged.length - before, { timeout: 30_000 }).toBeGreaterThan(50);
  ending = true;
  await Promise.all(writers);
  const keys = new Set<string>();
  let cursor = "";
  do {
    const query = `prefix=load:&limit=1000${cursor && `&cursor=${cursor}`}`;
    const { envelope } = await platform.api.call("GET", `/storage/kv/namespaces/${namespaceId}/keys?${query}`);
    for (const { name } of envelope.result as { name: string }[]) keys.add(name);
    cursor = String(envelope.result_info?.cursor ?? "");
  } while (cursor);
  expect(acknowledged.filter((key) => !keys.has(key))).toEqual([]);
  // What a Worker sees meanwhile is an exception.
  for (const message of failures) expect(message).toMatch(/^Network connection lost|^KV PUT failed/);
}, 120_000);

test("a Worker bound to a deleted namespace is told so", async () => {
  await platform.api.send("DELETE", `/storage/kv/namespaces/${namespaceId}`);
  expect(await call("attempt")).toBe(
    `KV GET failed: 400 The KV namespace ${namespaceId} does not exist (any more). Bind another one and deploy again.`,
  );
});
