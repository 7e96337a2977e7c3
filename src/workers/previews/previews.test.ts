import { afterEach, beforeEach, expect, test } from "vitest";
import { MAX_PREVIEWS } from "../limits.ts";
import { type TestApi, testApi } from "../testing.ts";
import { endUnusedPreviews } from "./expire.ts";

const DAY_MS = 86_400_000;

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
  await api.deploy("app");
  await api.call("POST", "/scripts/app/subdomain", { enabled: true });
});
afterEach(() => api.end());

const previews = "/workers/app/previews";
const make = (name: string) => api.call("POST", previews, { name });
const records = () => [...api.platform.runtime.records.values()];

/** As the client uploads: JSON in `metadata`, every module in a part called `files`. */
function deploy(preview: string, metadata: Record<string, unknown> = {}, files: Record<string, string> = {}) {
  const form = new FormData();
  form.set("metadata", JSON.stringify({ main_module: "index.js", compatibility_date: "2026-01-01", ...metadata }));
  const modules = { "index.js": "export default {}", ...files };
  for (const [name, content] of Object.entries(modules)) {
    form.append("files", new File([content], name, { type: "application/javascript+module" }));
  }
  return api.call("POST", `${previews}/${encodeURIComponent(preview)}/deployments`, form);
}

test("a preview is made, deployed to and found by name, id and slug", async () => {
  expect((await api.call("GET", `${previews}/x`)).code).toBe(10025);
  const { result: made } = await make("feature/Login");
  expect(made).toMatchObject({ name: "feature/Login", slug: "feature-login", worker_name: "app" });
  expect(made.urls).toEqual(["https://feature-login-app.dev.localhost:8787"]);
  expect((await api.call("GET", `${previews}/feature%2FLogin/deployments/latest`)).code).toBe(10222);

  const { status, result } = await deploy("feature/Login", { env: { WHO: { type: "plain_text", text: "preview" } } });
  expect([status, result.preview_name, result.env]).toEqual([
    200,
    "feature/Login",
    { WHO: { type: "plain_text", text: "preview" } },
  ]);
  expect(result.urls).toEqual([`https://${result.id.slice(0, 8)}-app.dev.localhost:8787`]);
  for (const identifier of ["feature%2FLogin", made.id, "feature-login"]) {
    expect((await api.call("GET", `${previews}/${identifier}/deployments/latest`)).result.id).toBe(result.id);
  }
  // What is deployed has not changed, and the preview is no Worker.
  expect((await api.call("GET", "/scripts")).result.map(({ id }: { id: string }) => id)).toEqual(["app"]);
  expect((await api.call("GET", "/scripts/app/versions")).result.items).toHaveLength(1);
});

test("a preview has the Worker's base configuration, unless its own says otherwise or it wants none", async () => {
  const env = {
    KEY: { type: "secret_text", text: "b4se-s3cret" },
    WHO: { type: "plain_text", text: "base" },
  };
  const patched = await api.call("PATCH", "/workers/app", { previews_base_config: { env } });
  expect(patched.result.previews_base_config.env).toEqual({ KEY: { type: "secret_text" }, WHO: env.WHO });
  const { settings_json } = await api.platform.db
    .selectFrom("scripts")
    .select("settings_json")
    .where("name", "=", "app")
    .executeTakeFirstOrThrow();
  expect(settings_json).not.toContain("b4se-s3cret");

  await make("one");
  await deploy("one", { env: { WHO: { type: "plain_text", text: "own" } } });
  const bindings = records().at(-1)!.bindings;
  expect(bindings.map(({ name, type }) => [name, type])).toEqual([
    ["KEY", "secret_text"],
    ["WHO", "plain_text"],
  ]);
  expect(bindings[1]).toMatchObject({ text: "own" });

  await api.call("POST", `${previews}?ignore_base_config=true`, { name: "bare" });
  await deploy("bare");
  expect(records().at(-1)?.bindings).toEqual([]);

  await api.call("PATCH", "/workers/app", { previews_base_config: { env: { KEY: null } } });
  const { result } = await api.call("GET", "/workers/app");
  expect(result.previews_base_config).toEqual({ env: { WHO: env.WHO } });
});

test("secrets are set and removed in new deployments, and inherited", async () => {
  await make("one");
  const latest = `${previews}/one/deployments/latest`;
  const patch = { env: { KEY: { type: "secret_text", text: "s3cret" } }, annotations: { "workers/message": "key" } };
  expect((await api.call("PATCH", latest, patch)).code).toBe(10032);
  const { result: first } = await deploy("one");
  const { result: second } = await api.call("PATCH", latest, patch);
  expect([second.env, second.annotations["workers/message"]]).toEqual([{ KEY: { type: "secret_text" } }, "key"]);
  expect(second.id).not.toBe(first.id);
  const { result: third } = await deploy("one", { env: { KEY: { type: "inherit" } } });
  expect(third.env).toEqual({ KEY: { type: "secret_text" } });
  expect((await api.call("PATCH", latest, { env: { KEY: null } })).result.env).toEqual({});
});

test("classes of a preview are its own", async () => {
  api.platform.runtime.validation = {
    ok: true,
    startupTimeMs: 1,
    exports: [
      { name: "default", kind: "object", handlers: ["fetch"] },
      { name: "Room", kind: "durable-object", handlers: [] },
    ],
  };
  const binding = { type: "durable_object_namespace", class_name: "Room" };
  const migrations = { new_tag: "v1", steps: [{ new_sqlite_classes: ["Room"] }] };
  await api.deploy("app", { bindings: [{ ...binding, name: "ROOM" }], migrations });
  await make("one");
  const { status, result } = await deploy("one", { env: { ROOM: binding }, migrations });
  expect([status, result.migration_tag]).toEqual([200, "v1"]);
  const ids = records().map(({ objects }) => objects?.[0]?.namespaceId);
  expect(new Set(ids.filter(Boolean)).size).toBe(2);
});

test("deleting a preview, or its Worker, takes all with it", async () => {
  await make("one");
  await deploy("one");
  await make("two");
  await deploy("two");
  expect((await api.call("DELETE", `${previews}/one`)).status).toBe(200);
  expect((await api.call("GET", `${previews}/one`)).code).toBe(10025);
  expect((await api.call("GET", previews)).result).toHaveLength(1);
  await api.call("DELETE", "/scripts/app");
  expect(await api.platform.db.selectFrom("scripts").selectAll().execute()).toEqual([]);
  expect(records()).toEqual([]);
});

test("previews that nobody deploys to end, and the oldest makes room", async () => {
  await make("old");
  await deploy("old");
  const { platform } = api;
  await endUnusedPreviews(platform, platform.actor, DAY_MS, Date.now() + DAY_MS / 2);
  await endUnusedPreviews(platform, platform.actor, 0, Date.now() + 100 * DAY_MS);
  expect((await api.call("GET", previews)).result).toHaveLength(1);
  await endUnusedPreviews(platform, platform.actor, DAY_MS, Date.now() + 2 * DAY_MS);
  expect((await api.call("GET", previews)).result).toEqual([]);
  expect(records()).toHaveLength(1);

  const worker = await platform.db.selectFrom("scripts").select("id").executeTakeFirstOrThrow();
  const rows = Array.from({ length: MAX_PREVIEWS }, (_, index) => ({
    id: String(index),
    script_id: worker.id,
    name: `n${index}`,
    slug: `n${index}`,
    script_name: `preview--${index}`,
    ignores_base: 0,
    settings_json: "{}",
    created_on: "2026-01-01",
    updated_on: `2026-01-01T00:00:00.${String(index).padStart(3, "0")}Z`,
  }));
  for (let start = 0; start < rows.length; start += 100) {
    await platform.db
      .insertInto("named_previews")
      .values(rows.slice(start, start + 100))
      .execute();
  }
  await make("new");
  expect((await api.call("GET", `${previews}/n0`)).code).toBe(10025);
  expect((await api.call("GET", `${previews}/n1`)).status).toBe(200);
});

test("names must be some, and are unique", async () => {
  expect((await make("")).code).toBe(10021);
  expect((await make("x\n")).code).toBe(10021);
  await make("one");
  expect((await make("one")).status).toBe(409);
});

test("a Worker can be made to hang previews on, and deployed to later", async () => {
  const body = { name: "later", subdomain: { enabled: true, previews_enabled: true } };
  expect((await api.call("POST", "/workers", body)).status).toBe(200);
  expect((await api.call("POST", "/workers", body)).status).toBe(409);
  expect((await api.call("GET", "/services/later")).status).toBe(200);
  expect((await api.call("GET", "/scripts/later/versions")).result.items).toEqual([]);
  await api.deploy("later");
  expect((await api.call("GET", "/scripts/later/versions")).result.items).toHaveLength(1);
});
