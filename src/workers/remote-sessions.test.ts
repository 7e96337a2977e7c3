import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { route } from "../lib/api.ts";
import type { Platform } from "../store/platform.ts";
import { MAX_SESSIONS, SESSION_LIFE_MS } from "./limits.ts";
import { endExpiredSessions, newSessionToken, openRemoteSession } from "./remote-sessions.ts";
import { type TestApi, testApi, uploadForm } from "./testing.ts";

/** The room above adds live logs to it. */
const uploads = route<Platform>({
  method: "POST",
  path: "/accounts/:account/workers/scripts/:script/edge-preview",
  scope: "edit",
  summary: "",
  handle: async (request) => ({ preview_token: await (await openRemoteSession(request)).deploy() }),
});

let api: TestApi;
beforeEach(async () => {
  api = await testApi({ FREEHOLD_HTTPS_PORT: "443" }, [uploads]);
});
afterEach(() => api.end());

const open = async (path = "/subdomain/edge-preview") => (await api.call("GET", path)).result.token as string;

/** As the client uploads: with the part that says which hosts it means. */
function upload(token: string, metadata: Record<string, unknown> = {}, worker = "hello") {
  const form = uploadForm({ keep_bindings: ["plain_text", "json", "secret_text"], ...metadata });
  form.set("wrangler-session-config", JSON.stringify({ workers_dev: true, minimal_mode: true }));
  return api.call("POST", `/scripts/${worker}/edge-preview`, form, { "cf-preview-upload-config-token": token });
}

const sessionScripts = () => api.platform.db.selectFrom("scripts").selectAll().where("kind", "=", "session").execute();
const records = () => [...api.platform.runtime.records.values()];

test("an upload runs in a script of its own, whose requests show a token", async () => {
  const { status, result } = await upload(await open("/scripts/hello/subdomain/edge-preview"));
  expect([status, Object.keys(result)]).toEqual([200, ["preview_token"]]);
  const [script] = await sessionScripts();
  const session = await api.platform.db.selectFrom("remote_sessions").selectAll().executeTakeFirstOrThrow();
  expect(session).toMatchObject({
    script_name: script?.name,
    worker_name: "hello",
    token_hash: createHash("sha256").update(result.preview_token).digest("hex"),
  });
  expect((await api.call("GET", "/scripts")).result).toEqual([]);
});

test("a second upload changes the code and keeps the token", async () => {
  const token = await open();
  const first = await upload(token);
  const second = await upload(token, { compatibility_date: "2026-02-01" });
  expect(second.result).toEqual(first.result);
  expect(await sessionScripts()).toHaveLength(1);
  expect(records().at(-1)?.compatibilityDate).toBe("2026-02-01");
});

test("secrets and variables are the deployed Worker's", async () => {
  const secret = { type: "secret_text", name: "KEY", text: "s3cret" };
  await api.deploy("hello", { bindings: [secret, { type: "plain_text", name: "A", text: "deployed" }] });
  await upload(await open(), { bindings: [{ type: "plain_text", name: "A", text: "edited" }] });
  const { bindings } = records().at(-1)!;
  expect(bindings.map(({ name, type }) => [name, type])).toEqual([
    ["A", "plain_text"],
    ["KEY", "secret_text"],
  ]);
  expect(bindings[0]).toMatchObject({ text: "edited" });
});

test("classes that the code binds as its own come into being, with data of their own", async () => {
  api.platform.runtime.validation = {
    ok: true,
    startupTimeMs: 1,
    exports: [
      { name: "default", kind: "object", handlers: ["fetch"] },
      { name: "Room", kind: "durable-object", handlers: [] },
    ],
  };
  const bindings = [{ type: "durable_object_namespace", name: "ROOM", class_name: "Room" }];
  await api.deploy("hello", { bindings, migrations: { new_tag: "v1", new_sqlite_classes: ["Room"] } });
  const token = await open();
  expect((await upload(token, { bindings })).status).toBe(200);
  // A binding may name the Worker itself, and a second upload has the classes already.
  expect((await upload(token, { bindings: [{ ...bindings[0], script_name: "hello" }] })).status).toBe(200);
  const namespaces = records().map(({ objects }) => objects?.map(({ namespaceId }) => namespaceId));
  expect(namespaces[1]).toEqual(namespaces[2]);
  expect(namespaces[1]).not.toEqual(namespaces[0]);
});

test("raw bindings are kept as such", async () => {
  const { platform } = api;
  const namespace = { id: "b".repeat(32), account_id: platform.account.id, title: "t", created_on: "2026-01-01" };
  await platform.db.insertInto("kv_namespaces").values(namespace).execute();
  await upload(await open(), {
    bindings: [{ type: "kv_namespace", name: "KV", namespace_id: namespace.id, raw: true }],
  });
  expect(records().at(-1)?.bindings).toEqual([
    { type: "kv_namespace", name: "KV", namespaceId: namespace.id, raw: true },
  ]);
});

test("a token that is none, has expired or is another account's is told apart from other mistakes", async () => {
  const { platform } = api;
  const old = newSessionToken(platform, platform.account.id, Date.now() - SESSION_LIFE_MS);
  const foreign = newSessionToken(platform, "b".repeat(32));
  for (const token of ["", "x.y.z", old, foreign]) expect((await upload(token)).code).toBe(10049);
  expect((await upload(await open(), {}, "Bad Name")).code).toBe(10016);
});

test("sessions end with their time, and with all that they had", async () => {
  await upload(await open());
  const by = api.platform.actor;
  await endExpiredSessions(api.platform, by);
  expect(await sessionScripts()).toHaveLength(1);
  await endExpiredSessions(api.platform, by, Date.now() + SESSION_LIFE_MS + 1000);
  expect(await sessionScripts()).toEqual([]);
  expect(records()).toEqual([]);
  expect(await api.platform.db.selectFrom("remote_sessions").selectAll().execute()).toEqual([]);
});

test("the oldest session ends when there are too many", async () => {
  await upload(await open());
  const [first] = await sessionScripts();
  const rows = Array.from({ length: MAX_SESSIONS - 1 }, (_, index) => ({
    script_name: `remote-session--${index}`,
    account_id: api.platform.account.id,
    token_hash: String(index),
    worker_name: "a",
    created_on: "2999-01-01",
    expires_on: "2999-01-01",
  }));
  await api.platform.db.insertInto("remote_sessions").values(rows).execute();
  await upload(await open());
  const names = (await sessionScripts()).map(({ name }) => name);
  expect(names).toHaveLength(1);
  expect(names).not.toContain(first?.name);
});

test("without port 443 the refusal says what to do", async () => {
  const other = await testApi();
  const { errors } = await other.call("GET", "/subdomain/edge-preview");
  expect(errors[0]?.message).toContain("FREEHOLD_HTTPS_PORT=443");
  await other.end();
});
