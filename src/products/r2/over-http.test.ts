/** Bodies of requests into objects, and objects into bodies of answers, through the engine. */
import { randomBytes } from "node:crypto";
import { request as httpRequest } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BodyLost, ExchangeBody } from "../../lib/http/exchange-body.ts";
import { HeaderNames } from "../../lib/http/header-names.ts";
import { HttpServer } from "../../lib/http/server.ts";
import { Cleanup, RawClient } from "../../lib/http/testing.ts";
import { Ticker } from "../../lib/http/ticker.ts";
import type { Bucket } from "./bucket.ts";
import { pattern, TestBuckets } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const MIB = 1024 * 1024;
const customerKey = randomBytes(32);

let bucket: Bucket;
let store: TestBuckets;
let path: string;
let lost: unknown[];

beforeEach(async () => {
  store = new TestBuckets();
  cleanup.add(() => store[Symbol.dispose]());
  bucket = await store.make();
  path = join(await cleanup.directory(), "s.sock");
  lost = [];
  const server = new HttpServer<undefined>({
    names: new HeaderNames(),
    ticker: new Ticker(),
    handler: {
      opened: () => undefined,
      async request(exchange, { method, target }) {
        const key = target.slice(1);
        const options = key.startsWith("sealed") ? { customerKey } : {};
        if (method === "PUT") {
          const body = new ExchangeBody(exchange);
          try {
            const prefix = await body.take(4);
            await bucket.put(key, body, options);
            exchange.respond(200, "", prefix);
          } catch (error) {
            lost.push(error);
            await body.discard(4 * MIB);
            exchange.respond(400, "", "refused");
          }
          return;
        }
        const found = await bucket.get(key, options);
        if (!found?.found) exchange.respond(404, "", "");
        else {
          const connection = exchange.startAnswer();
          found.body.sendTo(exchange, `HTTP/1.1 200 OK\r\nContent-Length: ${found.body.length}\r\n${connection}\r\n`);
        }
      },
      response: () => undefined,
      failed: (exchange) => exchange.respond(502, "", ""),
      refused: (exchange, { status }) => exchange.respond(status, "", ""),
    },
  });
  const listener = createServer({ allowHalfOpen: true }, (socket) => server.accept(socket));
  await new Promise<void>((resolve) => listener.listen(path, resolve));
  cleanup.add(() => {
    listener.close();
    server.destroy();
  });
});

function ask(method: string, key: string, body?: Buffer): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ socketPath: path, path: `/${key}`, method, agent: false });
    outgoing.once("error", reject);
    outgoing.once("response", async (incoming) => {
      resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(await incoming.toArray()) });
    });
    outgoing.end(body);
  });
}

test.each(["inline", "file", "sealed"])("a body and an answer of many chunks: %s", async (key) => {
  const bytes = pattern(key === "inline" ? 10_000 : 3 * MIB + 17);
  expect(await ask("PUT", key, Buffer.concat([Buffer.from("head"), bytes]))).toEqual({
    status: 200,
    body: Buffer.from("head"),
  });
  const got = await ask("GET", key);
  expect(got.body.equals(bytes)).toBe(true);
});

test("many small parts reach a client that is slow", async () => {
  const parts = Array.from({ length: 40 }, (_, n) => pattern(100_000, n));
  const { id } = await bucket.uploads.create("k");
  for (const [at, part] of parts.entries()) await bucket.uploads.putPart("k", id, at + 1, part);
  const rows = await bucket.rows.parts(id, 0, 100);
  const pieces = rows.map(({ file, size }) => ({ file, size }));
  const head = { version: "v", size: 4_000_000, etag: "e", uploaded: 0, storageClass: "Standard" };
  const none = { http: null, custom: null, checksums: null, ssecKeyMd5: null, s3: null, inline: null };
  await bucket.rows.complete(id, Buffer.from("k"), { ...head, ...none, pieces }, null);
  const client = new RawClient({ path });
  client.socket.pause();
  client.send("GET /k HTTP/1.1\r\nHost: x\r\n\r\n");
  for (let n = 0; n < 20; n++) await turn();
  client.socket.resume();
  await client.until(({ received }) => received.length >= 4_000_000);
  const start = client.received.indexOf("\r\n\r\n") + 4;
  await client.until(({ received }) => received.length === start + 4_000_000);
  expect(Buffer.from(client.received.slice(start), "latin1").equals(Buffer.concat(parts))).toBe(true);
  client.socket.destroy();
});

test("a body that breaks off leaves nothing behind", async () => {
  const client = new RawClient({ path });
  client.send(`PUT /k HTTP/1.1\r\nHost: x\r\nContent-Length: ${2 * MIB}\r\n\r\n`).send(pattern(MIB));
  for (let n = 0; n < 20; n++) await turn();
  client.socket.destroy();
  await expect.poll(() => lost).toHaveLength(1);
  expect(lost[0]).toBeInstanceOf(BodyLost);
  expect(await bucket.head("k")).toBeUndefined();
});

test("a client that goes away lets go of what it was sent", async () => {
  await bucket.put("k", pattern(3 * MIB));
  const client = new RawClient({ path });
  client.socket.pause();
  client.send("GET /k HTTP/1.1\r\nHost: x\r\n\r\n");
  for (let n = 0; n < 20; n++) await turn();
  client.socket.destroy();
  await bucket.delete("k");
  await expect.poll(async () => store.buckets.sweep().then(() => bucket.rows.garbage(Date.now(), 10))).toEqual([]);
});
