/** The sockets of bindings' back-ends, and the platform's own way to databases, with databases that only tell what they were asked. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TailSessions } from "../observe/live/sessions.ts";
import type { DatabaseCaller } from "../products/d1/backend.ts";
import { failureReply, type HostReply, type HostRequest } from "../products/d1/host-protocol.ts";
import { KvNamespaces } from "../products/kv/namespaces.ts";
import { Queues } from "../products/queues/queues.ts";
import { Buckets } from "../products/r2/buckets.ts";
import type { Backends } from "./backends.ts";
import { ProductsApi } from "./products-api.ts";
import { testBackends } from "./testing-backends.ts";

const ACCOUNT = "b".repeat(32);
const DATABASE = "11111111-2222-4333-8444-555555555555";

let directory: string;
let asked: { accountId: string; request: HostRequest; timeoutMs: number | undefined }[];
let reply: HostReply;
let kv: KvNamespaces;
let queues: Queues;
let buckets: Buckets;
let backends: Backends;
let api: ProductsApi;

const databases: DatabaseCaller = {
  run(accountId, request, done, timeoutMs) {
    asked.push({ accountId, request, timeoutMs });
    setImmediate(done, reply);
  },
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "fh-back-"));
  asked = [];
  reply = { ok: true, bookmark: "mark", payload: Buffer.from('{"success":true}') };
  kv = new KvNamespaces(join(directory, "kv"));
  queues = new Queues(join(directory, "queues"));
  buckets = new Buckets(join(directory, "r2"));
  const record = {
    accountId: ACCOUNT,
    bindings: [
      { type: "d1", name: "DB", databaseId: DATABASE },
      { type: "plain_text", name: "TEXT", text: "x" },
    ],
  };
  await writeFile(join(directory, "v1.json"), JSON.stringify(record));
  backends = testBackends(directory, { databases, kv, buckets, queues });
  await backends.attach({
    instanceId: "i1",
    versionId: "v1",
    accountId: ACCOUNT,
    directory,
    links: [],
    backends: { socket: "backends.sock" },
  });
  api = new ProductsApi({
    databases,
    caches: { purge: async () => 0 },
    kv,
    buckets,
    queues,
    deliveryFailure: () => undefined,
    analytics: { query: () => {} },
    logs: { query: () => {} },
    tails: new TailSessions({ changed: async () => [] }),
    logpush: { status: () => ({}), write: async () => {} },
  });
  await api.listen(join(directory, "services.sock"));
});

afterEach(async () => {
  await Promise.all([backends.detachAll(), api.close()]);
  kv.close();
  await queues.close();
  buckets.close();
  await rm(directory, { recursive: true });
});

async function post(socket: string, path: string, body: string | string[], headers: Record<string, string> = {}) {
  const outgoing = request({ socketPath: join(directory, socket), path, method: "POST", agent: false, headers });
  const answered = new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      outgoing.once("error", reject);
      outgoing.once("response", async (incoming) =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: await text(incoming) }),
      );
    },
  );
  if (typeof body === "string") outgoing.end(body);
  else {
    // Without a length, so in chunks.
    for (const part of body) outgoing.write(part);
    outgoing.end();
  }
  return answered;
}

const binding = { "freehold-binding": "DB" };

test("a request goes to the database that the calling version has bound", async () => {
  const answer = await post("backends.sock", "/query?resultsFormat=ROWS_AND_COLUMNS", '{"sql":"SELECT 1"}', binding);
  expect(answer).toMatchObject({ status: 200, body: '{"success":true}' });
  expect(answer.headers["x-cf-d1-session-commit-token"]).toBeUndefined();
  expect(asked).toMatchObject([{ accountId: ACCOUNT, request: { databaseId: DATABASE, kind: 1, flags: 0 } }]);
  expect(asked[0]?.request.payload.toString()).toBe('{"sql":"SELECT 1"}');
});

test("a body in chunks is put together", async () => {
  const parts = ['{"sql":"SELECT', ` ${"1 ".repeat(100_000)}`, '"}'];
  expect(await post("backends.sock", "/execute?resultsFormat=NONE", parts, binding)).toMatchObject({ status: 200 });
  expect(asked[0]?.request).toMatchObject({ flags: 1 });
  expect(asked[0]?.request.payload.toString()).toBe(parts.join(""));
});

test("only a session gets a bookmark", async () => {
  const session = { ...binding, "x-cf-d1-session-commit-token": "first-primary" };
  const { headers } = await post("backends.sock", "/query", "{}", session);
  expect(headers["x-cf-d1-session-commit-token"]).toBe("mark");
});

test("a failure is an answer that says so", async () => {
  reply = failureReply({ code: "sql", message: "no such table: t: SQLITE_ERROR" });
  const answer = await post("backends.sock", "/query", "{}", binding);
  expect(answer).toMatchObject({ status: 200, body: '{"success":false,"error":"no such table: t: SQLITE_ERROR"}' });
});

test.each([
  ["a binding of another kind", "/query", { "freehold-binding": "TEXT" }],
  ["an unknown binding", "/query", { "freehold-binding": "OTHER" }],
  ["no binding", "/query", {}],
  ["dump(), which is no more", "/dump", binding],
])("%s: 404", async (_name, path, headers) => {
  expect(await post("backends.sock", path, "{}", headers as Record<string, string>)).toMatchObject({ status: 404 });
  expect(asked).toEqual([]);
});

test("a body beyond the limit: 413", async () => {
  const headers = { ...binding, "content-length": String(65 * 1024 * 1024) };
  expect(await post("backends.sock", "/query", "", headers).catch((error: Error) => error)).toMatchObject({
    status: 413,
  });
  expect(asked).toEqual([]);
});

test("the platform's own operations", async () => {
  const answer = await post("services.sock", `/d1/${ACCOUNT}/${DATABASE}/batch`, '{"statements":[]}');
  expect(answer).toMatchObject({ status: 200, body: '{"success":true}' });
  expect(asked).toMatchObject([
    { accountId: ACCOUNT, request: { databaseId: DATABASE, kind: 2 }, timeoutMs: undefined },
  ]);
  expect(JSON.parse(asked[0]?.request.payload.toString() ?? "")).toEqual({
    operation: "batch",
    request: { statements: [] },
  });
  await post("services.sock", `/d1/${ACCOUNT}/${DATABASE}/import`, '{"file":"x.sql"}');
  expect(asked[1]?.timeoutMs).toBeGreaterThan(60_000);
  reply = failureReply({ code: "bad-bookmark", message: "the bookmark is malformed" });
  expect(await post("services.sock", `/d1/${ACCOUNT}/${DATABASE}/restore`, '{"bookmark":"x"}')).toMatchObject({
    status: 400,
    body: '{"error":{"code":"bad-bookmark","message":"the bookmark is malformed"}}',
  });
});

test.each([
  `/d1/${ACCOUNT}/../batch`,
  `/d1/${ACCOUNT}/${DATABASE}/toString`,
  `/d1/${"A".repeat(32)}/${DATABASE}/batch`,
  `/d1/${ACCOUNT}/${DATABASE}x/batch`,
  "/",
])("%s is not found", async (path) => {
  expect(await post("services.sock", path, "{}")).toMatchObject({ status: 404 });
  expect(asked).toEqual([]);
});
