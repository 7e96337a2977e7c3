import { afterEach, beforeEach, expect, test } from "vitest";
import { type TestApi, testApi, uploadForm } from "./testing.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
});
afterEach(() => api.end());

const esm = "application/javascript+module";

test("what the client reads before and after a deploy", async () => {
  const missing = await api.call("GET", "/services/w");
  expect(missing).toMatchObject({ status: 404, code: 10007 });
  const put = await api.call(
    "PUT",
    "/scripts/w?excludeScript=true&bindings_inherit=strict",
    uploadForm({ compatibility_flags: ["nodejs_compat"], placement: { mode: "smart" }, limits: { cpu_ms: 50 } }),
  );
  expect(put.result).toMatchObject({
    id: "w",
    startup_time_ms: 3,
    handlers: ["fetch"],
    has_modules: true,
    deployment_id: expect.any(String),
    etag: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(put.result).not.toHaveProperty("script");
  const { result } = await api.call("GET", "/services/w");
  expect(result).toMatchObject({
    id: "w",
    default_environment: {
      environment: "production",
      script: {
        tag: put.result.tag,
        tags: null,
        last_deployed_from: "wrangler",
        compatibility_date: "2026-01-01",
        compatibility_flags: ["nodejs_compat"],
        placement_mode: "smart",
        limits: { cpu_ms: 50 },
      },
    },
  });
  expect((await api.call("GET", "/services/w/environments/production")).result).toEqual(result.default_environment);
  expect((await api.call("GET", "/services/w/environments/dev")).code).toBe(10092);
  expect((await api.call("GET", "/scripts")).result).toMatchObject([{ id: "w", tag: put.result.tag }]);
  const version = await api.call("GET", `/scripts/w/versions/${put.result.deployment_id}`);
  expect(version.result).toMatchObject({
    number: 1,
    metadata: { source: "wrangler", author_id: "test-token", author_email: "test@localhost", has_preview: false },
    resources: {
      script: { handlers: ["fetch"], last_deployed_from: "wrangler", placement_mode: "smart" },
      script_runtime: { compatibility_date: "2026-01-01", usage_model: "standard", limits: { cpu_ms: 50 } },
    },
    startup_time_ms: 3,
  });
});

test("a deploy from elsewhere says so", async () => {
  await api.call("PUT", "/scripts/w", uploadForm(), { "user-agent": "curl/8" });
  const { result } = await api.call("GET", "/services/w");
  expect(result.default_environment.script.last_deployed_from).toBe("api");
});

test.each(["Upper", "-dash", "dot.ted", "a".repeat(64), "ümlaut"])("refuses the name %s", async (name) => {
  const answer = await api.call("PUT", `/scripts/${encodeURIComponent(name)}`, uploadForm());
  expect(answer.code).toBe(10016);
});

test("code that does not start is refused with what the runtime says, and nothing is kept", async () => {
  const { runtime, db } = api.platform;
  runtime.validation = { ok: false, code: 10021, message: "Uncaught Error: boom\n  at index.js:1:7" };
  const answer = await api.call("PUT", "/scripts/w", uploadForm());
  expect(answer).toMatchObject({ status: 400, code: 10021 });
  expect(answer.errors[0]?.message).toBe("Uncaught Error: boom\n  at index.js:1:7");
  runtime.validation = { ok: false, code: 10068, message: "The uploaded script has no registered event handlers." };
  expect((await api.call("PUT", "/scripts/w", uploadForm())).code).toBe(10068);
  expect(runtime.records.size).toBe(0);
  expect(await db.selectFrom("scripts").selectAll().execute()).toEqual([]);
  runtime.validation = {
    ok: true,
    exports: [{ name: "Admin", kind: "worker-entrypoint", handlers: [] }],
    startupTimeMs: 1,
  };
  expect((await api.call("PUT", "/scripts/w", uploadForm())).result.named_handlers).toEqual([
    { name: "Admin", handlers: [] },
  ]);
});

test("the launch record is there before the database knows the version", async () => {
  const { runtime, db } = api.platform;
  const write = runtime.writeLaunchRecord.bind(runtime);
  const known: number[] = [];
  runtime.writeLaunchRecord = async (record) => {
    known.push((await db.selectFrom("versions").selectAll().execute()).length);
    await write(record);
  };
  const id = await api.deploy("w");
  expect(known).toEqual([0]);
  expect(runtime.records.get(id)).toMatchObject({
    versionId: id,
    scriptName: "w",
    limits: { cpuMs: 30_000, memoryMb: 128 },
    exports: [{ name: "default" }],
  });
});

test("code downloads as it was uploaded, without source maps", async () => {
  const first = await api.deploy(
    "w",
    {},
    {
      "index.js": ["import './a.txt'", esm],
      "./a.txt": ["first", "text/plain"],
      "index.js.map": ["{}", "application/source-map"],
    },
  );
  await api.deploy("w", {}, { "index.js": ["second", esm] });
  const download = async (path: string) => (await api.call("GET", path)).response as Response;
  const response = await download(`/scripts/w/content/v2?version=${first}`);
  expect(response.headers.get("cf-entrypoint")).toBe("index.js");
  const form = await response.formData();
  const parts = [...form].map(([name, part]) => [name, part instanceof File ? part.type : "none"]);
  expect(parts).toEqual([
    ["index.js", esm],
    ["./a.txt", "text/plain"],
  ]);
  expect(await (form.get("./a.txt") as File).text()).toBe("first");
  for (const path of ["/scripts/w", "/scripts/w/content", "/services/w/environments/production/content/v2"]) {
    expect(await ((await (await download(path)).formData()).get("index.js") as File).text()).toBe("second");
  }
  expect((await api.call("GET", "/scripts/none/content/v2")).code).toBe(10007);
});

test("a service worker downloads as text", async () => {
  await api.deploy(
    "w",
    { main_module: undefined, body_part: "s.js" },
    { "s.js": ["addEventListener", "application/javascript"] },
  );
  const { response } = await api.call("GET", "/scripts/w/content/v2");
  expect(response?.headers.get("content-type")).toBe("application/javascript");
  expect(await response?.text()).toBe("addEventListener");
});

test("a Worker that others use is deleted only by force", async () => {
  await api.deploy("target");
  const bindings = [{ type: "service", name: "T", service: "target" }];
  await api.deploy("caller", { bindings });
  await api.deploy("former", { bindings });
  await api.deploy("former");
  await api.deploy("planning");
  await api.upload("planning", { bindings });
  expect((await api.call("GET", "/scripts/target/references")).result).toMatchObject({
    services: { incoming: [{ service: "caller", environment: "production" }], outgoing: [], pages_function: false },
    durable_objects: [],
    dispatch_outbounds: [],
  });
  expect((await api.call("GET", "/scripts/caller/references")).result.services.outgoing).toMatchObject([
    { service: "target" },
  ]);
  const refused = await api.call("DELETE", "/services/target?force=false");
  expect(refused).toMatchObject({ status: 409, code: 10064 });
  expect(refused.errors[0]?.message).toContain("caller binds it");
  expect((await api.call("DELETE", "/services/target?force=true")).status).toBe(200);
  expect((await api.call("GET", "/scripts/target/secrets")).code).toBe(10007);
});

test("delete removes versions and runners, and the name is free again", async () => {
  const { runtime, db } = api.platform;
  const ids = [await api.deploy("w"), await api.upload("w", { annotations: { "workers/alias": "a" } })];
  const published = runtime.published;
  await api.call("DELETE", "/scripts/w");
  expect(runtime.published).toBe(published + 1);
  expect(runtime.retired).toEqual(ids);
  expect([...runtime.records.keys()]).toEqual([]);
  for (const table of ["scripts", "versions", "deployments", "deployment_versions", "aliases"] as const) {
    expect(await db.selectFrom(table).selectAll().execute(), table).toEqual([]);
  }
  expect((await api.call("DELETE", "/scripts/w")).code).toBe(10007);
  await api.deploy("w");
  expect((await api.call("GET", "/scripts/w/versions")).result.items[0].number).toBe(1);
});

test("host names answer when asked to; previews follow unless they are named", async () => {
  await api.deploy("w");
  const get = async () => (await api.call("GET", "/scripts/w/subdomain")).result;
  const post = async (body: unknown) => (await api.call("POST", "/scripts/w/subdomain", body)).result;
  expect(await get()).toEqual({ enabled: false, previews_enabled: false });
  const published = api.platform.runtime.published;
  expect(await post({ enabled: true })).toEqual({ enabled: true, previews_enabled: true });
  expect(api.platform.runtime.published).toBe(published + 1);
  expect(await post({ enabled: true, previews_enabled: false })).toEqual({ enabled: true, previews_enabled: false });
  expect(await post({ enabled: false, previews_enabled: true })).toEqual({ enabled: false, previews_enabled: true });
  expect(await get()).toEqual({ enabled: false, previews_enabled: true });
  const { result } = await api.call("GET", "/workers/w");
  expect(result.subdomain).toEqual({
    enabled: false,
    previews_enabled: true,
    preview_url_suffix: "-w.dev.localhost:8787",
  });
  expect((await api.call("GET", "/scripts/w/versions")).result.items[0].metadata.has_preview).toBe(true);
  await api.call("DELETE", "/scripts/w/subdomain");
  expect((await api.call("GET", "/services/w/environments/production/subdomain")).result).toEqual({
    enabled: false,
    previews_enabled: false,
  });
});

test("products that are still to come say so", async () => {
  const account = `//accounts/${api.platform.account.id}`;
  const script = `${account}/workers/dispatch/namespaces/n/scripts/s`;
  expect((await api.call("GET", script)).errors[0]?.message).toMatch(/^Dispatch namespaces are not available yet/);
});
