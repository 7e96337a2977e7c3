/** A Worker's R2 binding on the whole platform: binding → runner → services → index and files. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { killProcess, type Platform, startPlatform } from "./harness/platform.ts";

const worker = `
const MIB = 1024 * 1024;
const pattern = (size, seed = 0) => { const bytes = new Uint8Array(size); for (let i = 0; i < size; i++) bytes[i] = i * 31 + (i >> 8) + seed; return bytes; };
const failure = async (call) => { try { await call(); return "no error"; } catch (error) { return error.message; } };
const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, "0")).join("");
const sha = async (algorithm, bytes) => hex(await crypto.subtle.digest(algorithm, bytes));
const keys = (page) => page.objects.map(({ key }) => key);
async function digest(stream) {
  const digester = new crypto.DigestStream("SHA-256");
  await stream.pipeTo(digester);
  return hex(await digester.digest);
}
const calls = {
  async values(r2) {
    const stored = await r2.put("text", "héllo 🌍");
    await r2.put("bytes", new Uint8Array([0, 255, 13, 10]));
    await r2.put("buffer", new Uint8Array([1, 2]).buffer);
    await r2.put("blob", new Blob(["from a blob"]));
    await r2.put("stream", new Response("from a stream, of known length").body);
    await r2.put("empty", null);
    return {
      stored: { key: stored.key, size: stored.size, etag: stored.etag, httpEtag: stored.httpEtag, version: stored.version.length, age: Date.now() - stored.uploaded < 60000 },
      text: await (await r2.get("text")).text(), bytes: [...new Uint8Array(await (await r2.get("bytes")).arrayBuffer())],
      buffer: [...await (await r2.get("buffer")).bytes()], blob: await (await (await r2.get("blob")).blob()).text(),
      stream: await (await r2.get("stream")).text(), empty: (await r2.get("empty")).size, none: await r2.get("none"), noHead: await r2.head("none"),
      unknown: await failure(() => r2.put("x", new ReadableStream({ pull(c) { c.enqueue(pattern(10)); c.close(); } }))),
    };
  },
  async metadata(r2) {
    const httpMetadata = { contentType: "text/html; charset=utf-8", contentLanguage: "de", contentDisposition: 'attachment; filename="a.html"', contentEncoding: "gzip", cacheControl: "max-age=60", cacheExpiry: new Date(1900000000000) };
    await r2.put("m", "v", { httpMetadata, customMetadata: { name: "Zoë ☃", Empty: "" }, storageClass: "InfrequentAccess" });
    const head = await r2.head("m");
    const headers = new Headers();
    head.writeHttpMetadata(headers);
    await r2.put("from headers", "v", { httpMetadata: new Headers({ "content-type": "a/b", "x-other": "no" }) });
    return { custom: head.customMetadata, http: { ...head.httpMetadata, cacheExpiry: head.httpMetadata.cacheExpiry.getTime() }, storageClass: head.storageClass,
      headers: Object.fromEntries(headers), fromHeaders: (await r2.head("from headers")).httpMetadata, checksums: head.checksums.toJSON(),
      tooMuch: await failure(() => r2.put("m", "v", { customMetadata: { a: "x".repeat(9000) } })) };
  },
  async checksums(r2) {
    const bytes = pattern(50000);
    const out = {};
    for (const [name, algorithm] of [["md5", "MD5"], ["sha1", "SHA-1"], ["sha256", "SHA-256"], ["sha384", "SHA-384"], ["sha512", "SHA-512"]]) {
      const right = await sha(algorithm, bytes);
      const stored = await r2.put("c", bytes, { [name]: right });
      out[name] = [stored.checksums.toJSON()[name] === right, (await failure(() => r2.put("c", bytes, { [name]: right.replace(/^../, right.startsWith("00") ? "11" : "00") }))).split("\\n")[0]];
    }
    return out;
  },
  async ranges(r2) {
    const bytes = pattern(300000);
    await r2.put("r", bytes);
    const part = async (range) => {
      const found = await r2.get("r", { range });
      const got = await found.bytes();
      const { offset, length } = found.range;
      return [offset, length, got.length === length && got.every((b, i) => b === bytes[offset + i]), found.size];
    };
    return { middle: await part({ offset: 100000, length: 5 }), from: await part({ offset: 299990 }), first: await part({ length: 3 }), suffix: await part({ suffix: 7 }),
      beyond: await part({ offset: 299999, length: 100 }), header: await part(new Headers({ range: "bytes=5-9" })), wrong: await failure(() => r2.get("r", { range: { offset: 300001 } })),
      wrongHeader: await failure(() => r2.get("r", { range: new Headers({ range: "bytes=300000-" }) })) };
  },
  async conditions(r2) {
    const stored = await r2.put("k", "one");
    const has = async (onlyIf) => "body" in await r2.get("k", { onlyIf });
    const before = new Date(stored.uploaded.getTime() - 1000), after = new Date(stored.uploaded.getTime() + 1000);
    return {
      get: [await has({ etagMatches: stored.etag }), await has({ etagMatches: "other" }), await has({ etagDoesNotMatch: stored.etag }), await has({ uploadedAfter: before }), await has({ uploadedAfter: after }), await has({ uploadedBefore: after }), await has({ uploadedBefore: before })],
      headers: [await has(new Headers({ "if-none-match": stored.httpEtag })), await has(new Headers({ "if-match": '"x", ' + stored.httpEtag })), await has(new Headers({ "if-modified-since": stored.uploaded.toUTCString() }))],
      put: [await r2.put("k", "two", { onlyIf: { etagMatches: "other" } }), (await r2.put("k", "two", { onlyIf: { etagMatches: stored.etag } }))?.size, await r2.put("k", "x".repeat(100000), { onlyIf: { etagDoesNotMatch: "*" } }), await (await r2.get("k")).text()],
      created: [(await r2.put("new", "1", { onlyIf: new Headers({ "if-none-match": "*" }) }))?.size, await r2.put("new", "2", { onlyIf: new Headers({ "if-none-match": "*" }) })],
    };
  },
  async list(r2) {
    await Promise.all(["l/a", "l/b/1", "l/b/2", "l/c", "l/d/x/y", "l/ü"].map((key) => r2.put(key, key, { customMetadata: { key }, httpMetadata: { contentType: "t/" + key.length } })));
    const pages = []; let cursor;
    do { const page = await r2.list({ prefix: "l/", limit: 4, cursor }); pages.push(keys(page)); cursor = page.truncated ? page.cursor : undefined; } while (cursor);
    const folders = await r2.list({ prefix: "l/", delimiter: "/" });
    const withMetadata = await r2.list({ prefix: "l/a", include: ["customMetadata", "httpMetadata"] });
    await Promise.all(Array.from({ length: 300 }, (_, i) => r2.put("big/" + i, "", { customMetadata: { x: "y".repeat(6000) } })));
    const big = await r2.list({ prefix: "big/", include: ["customMetadata"] });
    return { pages, folders: [keys(folders), folders.delimitedPrefixes], after: keys(await r2.list({ prefix: "l/", startAfter: "l/c" })), plain: (await r2.list({ prefix: "l/a" })).objects[0].customMetadata,
      metadata: [withMetadata.objects[0].customMetadata, withMetadata.objects[0].httpMetadata], big: [big.truncated, big.objects.length > 50, big.objects.length < 300], wrong: await failure(() => r2.list({ limit: 1001 })) };
  },
  async delete(r2) {
    await Promise.all(["d1", "d2", "d3"].map((key) => r2.put(key, "x")));
    await r2.delete("d1"); await r2.delete(["d2", "never"]);
    return { left: keys(await r2.list({ prefix: "d" })), many: await failure(() => r2.delete(Array.from({ length: 1001 }, (_, i) => "k" + i))) };
  },
  async multipart(r2) {
    const parts = [pattern(5 * MIB, 1), pattern(5 * MIB, 2), pattern(1000, 3)];
    const upload = await r2.createMultipartUpload("big", { httpMetadata: { contentType: "a/b" }, customMetadata: { x: "y" } });
    const resumed = r2.resumeMultipartUpload("big", upload.uploadId);
    const done = await Promise.all(parts.map((bytes, i) => (i % 2 ? resumed : upload).uploadPart(i + 1, bytes)));
    const object = await upload.complete(done);
    const expected = await digest(new Response(new Blob(parts)).body);
    const found = await r2.get("big");
    const across = await (await r2.get("big", { range: { offset: 5 * MIB - 2, length: 4 } })).bytes();
    const other = await r2.createMultipartUpload("other");
    const small = [await other.uploadPart(1, "too small"), await other.uploadPart(2, "last")];
    const tooSmall = await failure(() => other.complete(small));
    const wrong = await failure(() => other.complete([{ partNumber: 1, etag: "x" }]));
    await other.abort();
    return { key: upload.key, etag: object.etag, size: object.size, same: (await digest(found.body)) === expected, http: found.httpMetadata, across: [...across], tooSmall, wrong,
      aborted: [await failure(() => other.uploadPart(1, "x")), await failure(() => other.complete([])), await failure(() => other.abort())] };
  },
  async encrypted(r2) {
    const key = pattern(32).buffer, other = pattern(32, 1).buffer;
    const stored = await r2.put("secret", "héllo", { ssecKey: key });
    const upload = await r2.createMultipartUpload("secret parts", { ssecKey: key });
    const part = await upload.uploadPart(1, pattern(200000), { ssecKey: key });
    await upload.complete([part]);
    const range = await (await r2.get("secret parts", { ssecKey: key, range: { offset: 65534, length: 4 } })).bytes();
    return { md5: stored.ssecKeyMd5?.length, text: await (await r2.get("secret", { ssecKey: key })).text(), hexKey: await (await r2.get("secret", { ssecKey: hex(key) })).text(), range: [...range],
      none: await failure(() => r2.get("secret")), wrong: await failure(() => r2.get("secret", { ssecKey: other })) };
  },
  async keys(r2) {
    const names = ["a/b c", "ä", "%2F", "a?b=c&d#e", "..", "../x", "\\u0000nul", "日本", "+plus", '"quoted"', "\\\\back", "x".repeat(1024)];
    for (const name of names) await r2.put(name, name);
    const read = [];
    for (const name of names) read.push((await (await r2.get(name)).text()) === name);
    return { read, long: await failure(() => r2.put("x".repeat(1025), "")) };
  },
  async large(r2) {
    const chunks = [pattern(MIB, 1), pattern(MIB, 2)];
    const { readable, writable } = new FixedLengthStream(50 * MIB);
    const write = (async () => { const writer = writable.getWriter(); for (let i = 0; i < 50; i++) await writer.write(chunks[i % 2]); await writer.close(); })();
    const [stored] = await Promise.all([r2.put("large", readable), write]);
    const found = await r2.get("large");
    const early = await r2.get("large"); const reader = early.body.getReader(); await reader.read(); await reader.cancel();
    await r2.put("copy", found.body);
    const [one, two] = await Promise.all(["large", "copy"].map(async (key) => digest((await r2.get(key)).body)));
    return { size: stored.size, same: one === two };
  },
  get: async (r2, { key }) => (await r2.get(key))?.text(),
  put: async (r2, { key, value }) => (await r2.put(key, value)).key,
  attempt: async (r2) => [await failure(() => r2.get("x")), await failure(() => r2.put("x", "y")), await failure(() => r2.list())],
};
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    try {
      return Response.json({ result: await calls[pathname.slice(1)](env.R2, Object.fromEntries(searchParams)) ?? null });
    } catch (error) {
      return Response.json({ error: error.message });
    }
  },
};`;

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
  await platform.api.send("POST", "/r2/buckets", { name: "things" });
  await platform.api.deploy("app", worker, { bindings: [{ type: "r2_bucket", name: "R2", bucket_name: "things" }] });
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
  expect(await call("values")).toEqual({
    stored: {
      key: "text",
      size: 11,
      etag: expect.stringMatching(/^[0-9a-f]{32}$/),
      httpEtag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
      version: 32,
      age: true,
    },
    text: "héllo 🌍",
    bytes: [0, 255, 13, 10],
    buffer: [1, 2],
    blob: "from a blob",
    stream: "from a stream, of known length",
    empty: 0,
    none: null,
    noHead: null,
    unknown: expect.stringContaining("known length"),
  });
});

test("metadata comes with the object", async () => {
  expect(await call("metadata")).toEqual({
    custom: { name: "Zoë ☃", Empty: "" },
    http: {
      contentType: "text/html; charset=utf-8",
      contentLanguage: "de",
      contentDisposition: 'attachment; filename="a.html"',
      contentEncoding: "gzip",
      cacheControl: "max-age=60",
      cacheExpiry: 1_900_000_000_000,
    },
    storageClass: "InfrequentAccess",
    headers: expect.objectContaining({ "content-language": "de", expires: new Date(1_900_000_000_000).toUTCString() }),
    fromHeaders: { contentType: "a/b" },
    checksums: { md5: expect.stringMatching(/^[0-9a-f]{32}$/) },
    tooMuch: "put: Your metadata headers exceed the maximum allowed metadata size. (10012)",
  });
});

test("digests are checked, and kept", async () => {
  const said = (name: string) => [true, `put: The ${name} checksum you specified did not match what we received.`];
  expect(await call("checksums")).toEqual({
    md5: said("MD5"),
    sha1: said("SHA-1"),
    sha256: said("SHA-256"),
    sha384: said("SHA-384"),
    sha512: said("SHA-512"),
  });
});

test("ranges", async () => {
  expect(await call("ranges")).toEqual({
    middle: [100_000, 5, true, 300_000],
    from: [299_990, 10, true, 300_000],
    first: [0, 3, true, 300_000],
    suffix: [299_993, 7, true, 300_000],
    beyond: [299_999, 1, true, 300_000],
    header: [5, 5, true, 300_000],
    wrong: "get: The requested range is not satisfiable (10039)",
    wrongHeader: "get: The requested range is not satisfiable (10039)",
  });
});

test("conditions", async () => {
  expect(await call("conditions")).toEqual({
    get: [true, false, false, true, false, true, false],
    headers: [false, true, false],
    put: [null, 3, null, "two"],
    created: [1, null],
  });
});

test("lists go page by page, by folder, and with metadata as far as the runtime can read it", async () => {
  expect(await call("list")).toEqual({
    pages: [
      ["l/a", "l/b/1", "l/b/2", "l/c"],
      ["l/d/x/y", "l/ü"],
    ],
    folders: [
      ["l/a", "l/c", "l/ü"],
      ["l/b/", "l/d/"],
    ],
    after: ["l/d/x/y", "l/ü"],
    plain: {},
    metadata: [{ key: "l/a" }, { contentType: "t/3" }],
    big: [true, true, true],
    wrong: "list: MaxKeys params must be positive integer <= 1000. (10022)",
  });
});

test("deletion of one and of many", async () => {
  expect(await call("delete")).toEqual({ left: ["d3"], many: expect.stringContaining("1000") });
});

test("uploads in parts", async () => {
  const gone = "The specified multipart upload does not exist. (10024)";
  expect(await call("multipart")).toEqual({
    key: "big",
    etag: expect.stringMatching(/^[0-9a-f]{32}-3$/),
    size: 10 * 1024 * 1024 + 1000,
    same: true,
    http: { contentType: "a/b" },
    across: expect.arrayContaining([expect.any(Number)]),
    tooSmall: "completeMultipartUpload: Your proposed upload is smaller than the minimum allowed object size. (10011)",
    wrong: "completeMultipartUpload: One or more of the specified parts could not be found. (10025)",
    aborted: [`uploadPart: ${gone}`, `completeMultipartUpload: ${gone}`, `abortMultipartUpload: ${gone}`],
  });
});

test("objects under a key of the caller's", async () => {
  const { md5, text, hexKey, range, none, wrong } = (await call("encrypted")) as Record<string, unknown>;
  expect({ md5, text, hexKey }).toEqual({ md5: 32, text: "héllo", hexKey: "héllo" });
  expect(range).toEqual([65534, 65535, 65536, 65537].map((i) => (i * 31 + (i >> 8)) & 255));
  expect([none, wrong]).toEqual([expect.stringContaining("SSE-C"), expect.stringContaining("SSE-C")]);
});

test("any UTF-8 text is a key", async () => {
  expect(await call("keys")).toEqual({
    read: Array.from({ length: 12 }, () => true),
    long: "put: The specified object name is not valid. (10020)",
  });
});

test("50 MiB go both ways, and at once", async () => {
  expect(await call("large")).toEqual({ size: 50 * 1024 * 1024, same: true });
});

test("what was stored survives a killed services process, and control is not needed", async () => {
  await call("put?key=durable&value=yes");
  for (const process of platform.role("control")) killProcess(process, "SIGSTOP");
  try {
    for (const process of platform.role("services")) killProcess(process, "SIGKILL");
    await expect.poll(() => call("get?key=durable").catch(() => "not yet"), { timeout: 20_000 }).toBe("yes");
  } finally {
    for (const process of platform.role("control")) killProcess(process, "SIGCONT");
  }
});

test("a bucket that is not there is refused at upload, and said at a call", async () => {
  const missing = { bindings: [{ type: "r2_bucket", name: "R2", bucket_name: "nowhere" }] };
  await expect(platform.api.deploy("other", worker, missing)).rejects.toThrow(/10085/);
  await platform.api.send("POST", "/r2/buckets", { name: "short-lived" });
  const bindings = [{ type: "r2_bucket", name: "R2", bucket_name: "short-lived" }];
  await platform.api.deploy("other", worker, { bindings });
  await platform.api.send("DELETE", "/r2/buckets/short-lived");
  const { body } = await platform.fetch(await platform.url("other", "/attempt"));
  const gone = "The specified bucket does not exist. (10006)";
  expect(JSON.parse(body)).toEqual({ result: [`get: ${gone}`, `put: ${gone}`, `list: ${gone}`] });
});
