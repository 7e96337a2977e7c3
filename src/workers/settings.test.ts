import { afterEach, beforeEach, expect, test } from "vitest";
import { type TestApi, testApi, uploadForm } from "./testing.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
});
afterEach(() => api.end());

/** Deploys a script that can be a Tail Worker. */
async function deployTail(name: string): Promise<void> {
  const { runtime } = api.platform;
  const { validation } = runtime;
  const exports = [{ name: "default", kind: "object" as const, handlers: ["tail"] }];
  runtime.validation = { ok: true, exports, startupTimeMs: 1 };
  await api.deploy(name);
  runtime.validation = validation;
}

const settings = async () => (await api.call("GET", "/scripts/w/settings")).result;
const patch = (body: unknown) => api.call("PATCH", "/scripts/w/settings", body);
const versionCount = async () => (await api.call("GET", "/scripts/w/versions")).resultInfo?.total_count;

test("settings that are not versioned are stored and read back, and make no version", async () => {
  await deployTail("t");
  await api.deploy("w", { logpush: true, tail_consumers: [{ service: "t" }], observability: { enabled: true } });
  const before = { logpush: true, tail_consumers: [{ service: "t" }], observability: { enabled: true } };
  expect(await settings()).toMatchObject({ ...before, tags: [] });
  const answer = await api.call("PATCH", "/scripts/w/script-settings", {
    logpush: false,
    observability: { enabled: false },
    tags: ["cf:service=w"],
  });
  const after = {
    logpush: false,
    tail_consumers: [{ service: "t" }],
    observability: { enabled: false },
    tags: ["cf:service=w"],
  };
  expect(answer.result).toEqual(after);
  expect((await api.call("GET", "/scripts/w/script-settings")).result).toEqual(after);
  expect((await api.call("GET", "/services/w")).result.default_environment.script.tags).toEqual(["cf:service=w"]);
  expect((await api.call("GET", "/tails/by-consumer/t")).result).toEqual([
    { producer: { service: "w", environment: "production" } },
  ]);
  // The next upload leaves alone what it does not name.
  await api.deploy("w");
  expect((await api.call("GET", "/scripts/w/script-settings")).result).toEqual(after);
  await api.call("PATCH", "/scripts/w/script-settings", { tail_consumers: null });
  expect((await settings()).tail_consumers).toBeNull();
  expect(await versionCount()).toBe(2);
});

test("bindings to what was deleted are not among the settings, so that clients make it anew", async () => {
  const { db, account } = api.platform;
  const id = "7".repeat(32);
  await db.insertInto("kv_namespaces").values({ id, account_id: account.id, title: "t", created_on: "" }).execute();
  const kv = { type: "kv_namespace", name: "KV", namespace_id: id };
  await api.deploy("w", { bindings: [kv, { type: "plain_text", name: "V", text: "1" }] });
  expect((await settings()).bindings).toContainEqual(kv);
  await db.deleteFrom("kv_namespaces").execute();
  expect((await settings()).bindings).toEqual([{ type: "plain_text", name: "V", text: "1" }]);
});

test("versioned settings make a version and deploy it", async () => {
  await api.deploy("w", { placement: { mode: "smart" }, limits: { cpu_ms: 50 } });
  const { result } = await patch({
    bindings: [{ type: "plain_text", name: "V", text: "1" }],
    compatibility_date: "2026-02-02",
    limits: { cpu_ms: 100 },
    logpush: true,
  });
  expect(result).toMatchObject({
    bindings: [{ type: "plain_text", name: "V", text: "1" }],
    compatibility_date: "2026-02-02",
    limits: { cpu_ms: 100 },
    placement: { mode: "smart" },
    logpush: true,
  });
  const { deployments } = (await api.call("GET", "/scripts/w/deployments")).result;
  const [version] = (await api.call("GET", "/scripts/w/versions")).result.items;
  expect(deployments[0].versions).toEqual([{ version_id: version.id, percentage: 100 }]);
  expect(api.platform.runtime.records.get(version.id)?.limits).toEqual({ cpuMs: 100, memoryMb: 128 });
  await patch({ limits: null, placement: null });
  expect(await settings()).toMatchObject({ placement: {} });
  expect(await settings()).not.toHaveProperty("limits");
  expect([...api.platform.runtime.records.values()].at(-1)?.limits.cpuMs).toBe(30_000);
});

test("older clients set secrets through a form; name and type alone keep a binding", async () => {
  const bindings = [
    { type: "plain_text", name: "V", text: "1" },
    { type: "secret_text", name: "S", text: "old" },
    { type: "secret_text", name: "GONE", text: "x" },
  ];
  await api.deploy("w", { bindings });
  const form = new FormData();
  const kept = [
    { type: "plain_text", name: "V" },
    { type: "secret_text", name: "S" },
  ];
  form.set("settings", JSON.stringify({ bindings: [...kept, { type: "secret_text", name: "T", text: "new" }] }));
  expect((await patch(form)).status).toBe(200);
  const { bindings: stored = [] } = [...api.platform.runtime.records.values()].at(-1) ?? {};
  expect(stored.map(({ name }) => name)).toEqual(["V", "S", "T"]);
  expect(stored[1]).toEqual({ type: "secret_text", name: "S", text: api.platform.seal("old") });
});

test("refused while the newest version is not deployed, but unversioned ones go through", async () => {
  await api.deploy("w");
  await api.upload("w");
  expect((await patch({ compatibility_date: "2026-02-02" })).code).toBe(10214);
  expect((await patch({ tags: ["a"] })).result.tags).toEqual(["a"]);
  expect((await patch({ migrations: { steps: [] } })).errors[0]?.message).toContain("migrations");
  expect((await api.call("PATCH", "/scripts/none/script-settings", {})).code).toBe(10007);
});

test("what an upload said besides is kept with the version", async () => {
  await api.deploy("w", {
    code_update_strategy: { mode: "immediate" },
    package_dependencies: [{ name: "hono" }],
    keep_assets: true,
  });
  const { metadata_json } = await api.platform.db
    .selectFrom("versions")
    .select("metadata_json")
    .executeTakeFirstOrThrow();
  expect(JSON.parse(metadata_json)).toEqual({
    extra: { code_update_strategy: { mode: "immediate" } },
  });
});

test("usage model is what it is", async () => {
  await api.deploy("w");
  expect((await api.call("GET", "/scripts/w/usage-model")).result).toEqual({ usage_model: "standard" });
  expect((await api.call("PUT", "/scripts/w/usage-model", { usage_model: "bundled" })).result).toEqual({
    usage_model: "standard",
  });
  expect((await api.call("GET", "/account-settings")).result.default_usage_model).toBe("standard");
});

test("a form without settings is refused", async () => {
  await api.deploy("w");
  expect((await patch(uploadForm())).errors[0]?.message).toContain('"settings"');
});

test("an affinity rule is no part of a version, is published, and is checked", async () => {
  await api.deploy("w");
  const script = (body: unknown) => api.call("PATCH", "/scripts/w/script-settings", body);
  const { published } = api.platform.runtime;
  expect((await script({ version_affinity: "header:X-User" })).result.version_affinity).toBe("header:x-user");
  expect((await script({ version_affinity: "cookie" })).result.version_affinity).toBe("cookie");
  expect(api.platform.runtime.published).toBe(published + 2);
  expect(await versionCount()).toBe(1);
  for (const bad of ["", "Cookie", "header:", "header:a b", "key"])
    await expect(script({ version_affinity: bad }), bad).rejects.toThrow("header:<name>");
  await api.deploy("w");
  expect((await api.call("GET", "/scripts/w/script-settings")).result.version_affinity).toBe("cookie");
  expect((await script({ version_affinity: null })).result.version_affinity).toBeUndefined();
});

test("who is told of invocations is published when it changes, and only then", async () => {
  await deployTail("t");
  await api.deploy("w");
  const script = (body: unknown) => api.call("PATCH", "/scripts/w/script-settings", body);
  const { published } = api.platform.runtime;
  await script({ tail_consumers: [{ service: "t" }] });
  await script({ tail_consumers: [{ service: "t" }], tags: ["x"] });
  await script({ observability: { enabled: true } });
  await script({ observability: { enabled: true }, logpush: false });
  expect(api.platform.runtime.published).toBe(published + 3);
});

test("a Tail Worker must be there and have the handler, and stays while it is one", async () => {
  await deployTail("t");
  await api.deploy("w");
  const consumers = (service: string, more = {}) => ({ tail_consumers: [{ service, ...more }] });
  const script = (body: unknown) => api.call("PATCH", "/scripts/w/script-settings", body);
  expect((await script(consumers("none"))).code).toBe(100152);
  expect((await script(consumers("t", { environment: "staging" }))).code).toBe(100152);
  await api.deploy("plain");
  expect((await script(consumers("plain"))).code).toBe(100153);
  await expect(api.deploy("w", consumers("none"))).rejects.toThrow("Deploy it first");
  await expect(api.deploy("w", { tail_consumers: Array(11).fill({ service: "t" }) })).rejects.toThrow("tail_consumers");
  // Its own next version may bring the handler.
  expect((await script(consumers("w"))).status).toBe(200);
  expect((await script(consumers("t", { environment: "production" }))).status).toBe(200);
  const refusal = await api.call("DELETE", "/scripts/t");
  expect([refusal.code, refusal.errors[0]?.message]).toEqual([10064, expect.stringContaining(": w.")]);
  expect((await api.call("DELETE", "/scripts/t?force=true")).status).toBe(200);
});
