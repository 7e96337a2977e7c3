/** The binding's wire over a real socket, with the parts that a whole platform cannot easily be brought to. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HeaderNames } from "../../lib/http/header-names.ts";
import { HttpServer } from "../../lib/http/server.ts";
import { Ticker } from "../../lib/http/ticker.ts";
import { serveKvApi } from "./backend.ts";
import { collectLock } from "./collect-lock.ts";
import { KvNamespaces } from "./namespaces.ts";
import { refusalOf } from "./refusal.ts";
import { METADATA_HEADER } from "./wire.ts";

const ACCOUNT = "a".repeat(32);
const NAMESPACE = "b".repeat(32);
const names = new HeaderNames([METADATA_HEADER]);
const metadataId = names.id(METADATA_HEADER);

let root: string;
let namespaces: KvNamespaces;
let listener: Server;
let server: HttpServer<undefined>;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "fh-kvb-"));
  mkdirSync(join(root, ACCOUNT, NAMESPACE), { recursive: true });
  namespaces = new KvNamespaces(root);
  server = new HttpServer({
    names,
    ticker: new Ticker(),
    handler: {
      opened: () => undefined,
      request: (exchange, head) => {
        const { method, target } = head;
        const metadata = head.get(metadataId);
        serveKvApi(namespaces, { exchange, method, target, metadata, accountId: ACCOUNT, namespaceId: NAMESPACE });
      },
      response: () => undefined,
      failed: (exchange) => exchange.respond(502, "", ""),
      refused: (exchange, { status, reason }) => exchange.respond(status, "", reason),
    },
  });
  listener = createServer({ allowHalfOpen: true }, (socket) => server.accept(socket));
  await new Promise<void>((resolve) => listener.listen(join(root, "socket"), resolve));
});

afterEach(() => {
  server.destroy();
  listener.close();
  namespaces.close();
  vi.useRealTimers();
  rmSync(root, { recursive: true, force: true });
});

function send(method: string, path: string, body?: string | Buffer[], headers: Record<string, string> = {}) {
  const outgoing = request({ socketPath: join(root, "socket"), method, path, agent: false, headers });
  const reply = new Promise<{ status: number; reason: string; body: string }>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", async (incoming) =>
      resolve({ status: incoming.statusCode ?? 0, reason: incoming.statusMessage ?? "", body: await text(incoming) }),
    );
  });
  for (const part of Array.isArray(body) ? body : []) outgoing.write(part);
  outgoing.end(Array.isArray(body) ? undefined : body);
  return reply;
}

const files = () => {
  const directory = join(root, ACCOUNT, NAMESPACE, "values");
  return existsSync(directory) ? readdirSync(directory) : [];
};
const incoming = () => {
  const directory = join(root, ACCOUNT, NAMESPACE, "incoming");
  return existsSync(directory) ? readdirSync(directory) : [];
};
const found = () => {
  const namespace = namespaces.find(ACCOUNT, NAMESPACE);
  if (!namespace) throw new Error("there is no namespace");
  return namespace;
};

test("a large value is a file, which is removed when it is replaced, unless a backup runs", async () => {
  const big = [Buffer.alloc(100_000, "x"), Buffer.alloc(1_000_000, "y")];
  expect((await send("PUT", "/k?urlencoded=true", big)).status).toBe(200);
  expect((await send("GET", "/k?urlencoded=true")).body).toBe(Buffer.concat(big).toString());
  expect(files()).toHaveLength(1);
  expect(incoming()).toEqual([]);
  await send("PUT", "/k?urlencoded=true", "small");
  const lock = collectLock(join(root, "collect.lock"));
  await lock.whileFree(async () => {
    await found().sweep(lock);
    expect(files()).toHaveLength(1);
  });
  await found().sweep(lock);
  expect(files()).toEqual([]);
  expect((await send("GET", "/k?urlencoded=true")).body).toBe("small");
});

test("a value whose sender goes away leaves nothing and changes nothing", async () => {
  await send("PUT", "/k?urlencoded=true", "before");
  const outgoing = request({
    socketPath: join(root, "socket"),
    method: "PUT",
    path: "/k?urlencoded=true",
    agent: false,
  });
  outgoing.on("error", () => {});
  outgoing.write(Buffer.alloc(500_000));
  await expect.poll(incoming).toHaveLength(1);
  outgoing.destroy();
  await expect.poll(incoming).toEqual([]);
  expect((await send("GET", "/k?urlencoded=true")).body).toBe("before");
});

test("what a killed process had not finished is gone when the namespace is opened again", async () => {
  await send("PUT", "/k?urlencoded=true", "v");
  const outgoing = request({
    socketPath: join(root, "socket"),
    method: "PUT",
    path: "/l?urlencoded=true",
    agent: false,
  });
  outgoing.on("error", () => {});
  outgoing.write(Buffer.alloc(500_000));
  await expect.poll(incoming).toHaveLength(1);
  const again = new KvNamespaces(root);
  expect(again.find(ACCOUNT, NAMESPACE)).toBeDefined();
  expect(incoming()).toEqual([]);
  again.close();
  outgoing.destroy();
});

test("an expired key is absent at once, and removed in time", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_800_000_000_000 });
  await send("PUT", "/k?urlencoded=true&expiration_ttl=60", "v");
  await send("PUT", "/l?urlencoded=true", "v");
  vi.setSystemTime(1_800_000_059_999);
  expect((await send("GET", "/k?urlencoded=true")).status).toBe(200);
  vi.setSystemTime(1_800_000_060_000);
  expect((await send("GET", "/k?urlencoded=true")).status).toBe(404);
  expect(JSON.parse((await send("GET", "/")).body)).toEqual({ keys: [{ name: "l" }], list_complete: true });
  expect(await found().rows.get(Buffer.from("k"))).toBeDefined();
  await found().sweep(collectLock(join(root, "collect.lock")));
  expect(await found().rows.get(Buffer.from("k"))).toBeUndefined();
});

test("of expiration and time to live, the time to live counts", async () => {
  const far = Math.floor(Date.now() / 1000) + 100_000;
  await send("PUT", `/k?urlencoded=true&expiration=${far}&expiration_ttl=60`, "v");
  const { keys } = JSON.parse((await send("GET", "/")).body) as { keys: { expiration: number }[] };
  expect(keys[0]?.expiration).toBeLessThan(far);
});

test.each([
  ["GET", "/%zz?urlencoded=true", 400, "Could not URL-decode the key name."],
  ["GET", "/..?urlencoded=true", 400, 'Illegal key name "..". Please use a different name.'],
  ["GET", "/?key_count_limit=0", 400, "Invalid key_count_limit of 0. Please specify an integer greater than 0."],
  ["GET", "/k?urlencoded=true&cache_ttl=x", 400, "Invalid cache_ttl of x. Please specify an integer."],
  [
    "PUT",
    "/k?urlencoded=true&expiration_ttl=0",
    400,
    "Invalid expiration_ttl of 0. Please specify integer greater than 0.",
  ],
  ["POST", "/bulk/other", 404, "This is not part of KV."],
  ["PATCH", "/k?urlencoded=true", 405, "This is not part of KV."],
])("%s %s is refused with %i %s", async (method, path, status, reason) => {
  expect(await send(method, path)).toMatchObject({ status, reason });
});

test("metadata that is no JSON or too long is refused, and the connection goes on", async () => {
  expect(await send("PUT", "/k?urlencoded=true", "v", { [METADATA_HEADER]: "{" })).toMatchObject({ status: 400 });
  const long = JSON.stringify("x".repeat(1023));
  expect(await send("PUT", "/k?urlencoded=true", "v", { [METADATA_HEADER]: long })).toMatchObject({
    status: 413,
    reason: "Metadata length of 1025 exceeds limit of 1024.",
  });
});

test("a full disk and a broken store are said in the status line", () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const full = Object.assign(new Error("database or disk is full"), { code: "ERR_SQLITE_ERROR", errcode: 13 });
  expect(refusalOf(full)).toMatchObject({
    status: 507,
    message: "The disk of the KV store is full. Nothing was stored.",
  });
  expect(refusalOf(Object.assign(new Error(""), { code: "ENOSPC" })).status).toBe(507);
  expect(refusalOf(new Error("disk I/O error"))).toMatchObject({
    status: 503,
    message: "The KV store is not available: disk I/O error",
  });
  log.mockRestore();
});

test("a namespace that is deleted is gone for those who have it open", async () => {
  await send("PUT", "/k?urlencoded=true", "v");
  rmSync(join(root, ACCOUNT, NAMESPACE), { recursive: true });
  expect((await send("POST", "/close")).status).toBe(204);
  expect(await send("GET", "/k?urlencoded=true")).toMatchObject({
    status: 400,
    reason: expect.stringContaining("does not exist"),
  });
});
