import { type AddressInfo, createServer } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HeaderNames } from "../../lib/http/header-names.ts";
import { HttpServer } from "../../lib/http/server.ts";
import { Cleanup } from "../../lib/http/testing.ts";
import { Ticker } from "../../lib/http/ticker.ts";
import type { Bucket } from "./bucket.ts";
import { servePublic } from "./public.ts";
import { ACCOUNT, pattern, TestBuckets } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const bytes = pattern(100_000);
let bucket: Bucket;
let base: string;
let isPublic: boolean;

beforeEach(async () => {
  isPublic = true;
  const store = new TestBuckets();
  cleanup.add(() => store[Symbol.dispose]());
  bucket = await store.make();
  const allowed = { origins: ["https://a.example"], methods: ["GET"], headers: ["range"] };
  const cors = [{ allowed, exposeHeaders: ["etag"], maxAgeSeconds: 60 }];
  store.buckets.update(ACCOUNT, "things", { settings: { cors } });
  const http = { contentType: "image/png", cacheControl: "max-age=60", contentDisposition: "inline; filename=ü☃" };
  await bucket.put("a/ü.png", bytes, { http });
  const server = new HttpServer<undefined>({
    names: new HeaderNames(),
    ticker: new Ticker(),
    handler: {
      opened: () => undefined,
      request(exchange, head) {
        const request = { method: head.method, target: head.target, headers: head.fields() };
        servePublic(isPublic ? bucket : undefined, exchange, request);
      },
      response: () => undefined,
      failed: (exchange) => exchange.respond(502, "", ""),
      refused: (exchange, { status }) => exchange.respond(status, "", ""),
    },
  });
  const listener = createServer({ allowHalfOpen: true }, (socket) => server.accept(socket));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  cleanup.add(() => {
    listener.close();
    server.destroy();
  });
  base = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
});

async function ask(headers: Record<string, string> = {}, method = "GET", path = "/a/%C3%BC.png") {
  const response = await fetch(base + path, { method, headers });
  return { status: response.status, fields: Object.fromEntries(response.headers), body: await response.bytes() };
}

test("an object is served with its metadata; a header that none can be is left out", async () => {
  const got = await ask();
  expect(got).toMatchObject({ status: 200, fields: { "content-type": "image/png", "cache-control": "max-age=60" } });
  expect(got.fields).not.toHaveProperty("content-disposition");
  expect(got.fields).toMatchObject({ "accept-ranges": "bytes", "content-length": "100000", vary: "Origin" });
  expect(Buffer.compare(got.body, bytes)).toBe(0);
  const head = await ask({}, "HEAD");
  expect(head).toMatchObject({ status: 200, fields: { "content-length": "100000", etag: got.fields.etag } });
});

test("ranges, also of a content that is known", async () => {
  const etag = (await ask()).fields.etag ?? "";
  const part = { status: 206, fields: { "content-range": "bytes 10-19/100000", "content-length": "10" } };
  const got = await ask({ range: "bytes=10-19" });
  expect(got).toMatchObject(part);
  expect(Buffer.compare(got.body, bytes.subarray(10, 20))).toBe(0);
  expect(await ask({ range: "bytes=10-19", "if-range": etag })).toMatchObject(part);
  expect(await ask({ range: "bytes=10-19", "if-range": '"other"' })).toMatchObject({ status: 200 });
  expect(await ask({ range: "bytes=-10" })).toMatchObject({ fields: { "content-range": "bytes 99990-99999/100000" } });
  expect(await ask({ range: "bytes=100000-" })).toMatchObject({
    status: 416,
    fields: { "content-range": "bytes */100000" },
  });
});

test("conditions", async () => {
  const { etag = "", "last-modified": modified = "" } = (await ask()).fields;
  const before = new Date(Date.parse(modified) - 1000).toUTCString();
  const status = async (headers: Record<string, string>) => (await ask(headers)).status;
  expect(await status({ "if-none-match": etag })).toBe(304);
  expect(await status({ "if-none-match": `W/${etag}, "x"` })).toBe(304);
  expect(await status({ "if-none-match": '"x"' })).toBe(200);
  expect(await status({ "if-modified-since": modified })).toBe(304);
  expect(await status({ "if-modified-since": before })).toBe(200);
  expect(await status({ "if-modified-since": modified, "if-none-match": '"x"' })).toBe(200);
  expect(await status({ "if-match": etag, "if-unmodified-since": before })).toBe(200);
  expect(await status({ "if-match": '"x"' })).toBe(412);
  expect(await status({ "if-unmodified-since": modified })).toBe(200);
  expect(await status({ "if-unmodified-since": before })).toBe(412);
});

test("pages of the origins that the bucket's rules name", async () => {
  const origin = "https://a.example";
  const shared = { "access-control-allow-origin": origin, "access-control-expose-headers": "etag" };
  expect((await ask({ origin })).fields).toMatchObject(shared);
  expect((await ask({ origin }, "GET", "/none")).fields).toMatchObject(shared);
  expect((await ask({ origin: "https://b.example" })).fields).not.toHaveProperty("access-control-allow-origin");
  const question = { origin, "access-control-request-method": "GET", "access-control-request-headers": "Range" };
  const allowed = { "access-control-allow-headers": "Range", "access-control-max-age": "60" };
  expect(await ask(question, "OPTIONS")).toMatchObject({ status: 204, fields: allowed });
  expect(await ask({ ...question, "access-control-request-method": "PUT" }, "OPTIONS")).toMatchObject({ status: 403 });
});

test("what is not there, not public, not readable or not allowed", async () => {
  expect((await ask({}, "GET", "/")).status).toBe(404);
  expect((await ask({}, "GET", "/%")).status).toBe(404);
  expect(await ask({}, "GET", "/none?x")).toMatchObject({
    status: 404,
    fields: { "content-type": "text/html; charset=utf-8" },
  });
  await bucket.put("secret", bytes, { customerKey: Buffer.alloc(32, 1) });
  expect((await ask({}, "GET", "/secret")).status).toBe(403);
  expect(await ask({}, "DELETE")).toMatchObject({ status: 405, fields: { allow: "GET, HEAD, OPTIONS" } });
  isPublic = false;
  expect((await ask()).status).toBe(404);
});
