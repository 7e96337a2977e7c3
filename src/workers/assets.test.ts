import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LaunchRecord, SiteRecord } from "../domain/version.ts";
import { Manifest } from "../products/assets/manifest.ts";
import { type Modules, type TestApi, testApi, uploadForm } from "./testing.ts";
import { assetsOnly, deploySite, uploadAssets } from "./testing-assets.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
});
afterEach(() => api.end());

const files = { "/index.html": "<h1>hi</h1>", "/ü [%5B].txt": "text" };
const modules: Modules = {
  "index.js": ["export default { fetch() { return new Response('') } }", "application/javascript+module"],
};
const assetsBinding = { type: "assets", name: "ASSETS" };

const newest = async (script = "s") => (await api.call("GET", `/scripts/${script}/versions`)).result.items[0];

async function record(versionId: string): Promise<LaunchRecord> {
  const written = api.platform.runtime.records.get(versionId);
  if (!written) throw new Error(`no launch record ${versionId}`);
  return written;
}

/** How the newest version's assets are served. */
async function site(): Promise<SiteRecord> {
  const { assets } = await record((await newest()).id);
  const bytes = await api.platform.blobs.get(assets?.site ?? "");
  return JSON.parse(Buffer.from(bytes ?? []).toString());
}

describe("assets alone", () => {
  it("make a version that is never started", async () => {
    const answer = await deploySite(api, "s", files);
    expect(answer).toMatchObject({ status: 200, result: { has_assets: true, has_modules: false } });
    const { runtime } = api.platform;
    expect([runtime.validated, runtime.prepared]).toEqual([[], []]);
    expect(await record(answer.result.deployment_id)).toMatchObject({ mainModule: "", modules: [], exports: [] });
    expect(await site()).toMatchObject({
      accountId: api.platform.account.id,
      htmlHandling: "auto-trailing-slash",
      notFoundHandling: "none",
      runWorkerFirst: false,
      hasWorker: false,
      compatibilityDate: "2026-01-01",
      mode: "workers",
    });
  });

  it("have a table of the files, each with its type", async () => {
    const jwt = await uploadAssets(api, "s", files, { "/ü [%5B].txt": "application/null" });
    await api.call("PUT", "/scripts/s", assetsOnly({ jwt }));
    const manifest = new Manifest(Buffer.from((await api.platform.blobs.get((await site()).manifest)) ?? []));
    expect([...manifest.files()].map(({ path, size, contentType }) => [path, size, contentType])).toEqual([
      ["/index.html", 11, "text/html; charset=utf-8"],
      ["/ü [%5B].txt", 4, undefined],
    ]);
  });

  it("can be uploaded, deployed later and downloaded", async () => {
    await deploySite(api, "s", files);
    const jwt = await uploadAssets(api, "s", { ...files, "/new.html": "new" });
    const { result } = await api.call("POST", "/scripts/s/versions", assetsOnly({ jwt }));
    const versions = [{ version_id: result.id, percentage: 100 }];
    const deployed = await api.call("POST", "/scripts/s/deployments", { strategy: "percentage", versions });
    expect(deployed.status).toBe(200);
    expect(api.platform.runtime.prepared).toEqual([]);
    expect((await api.call("GET", "/scripts/s/content/v2")).status).toBe(200);
  });

  it("have no use for bindings", async () => {
    const jwt = await uploadAssets(api, "s", files);
    const answer = await api.call("PUT", "/scripts/s", assetsOnly({ jwt }, { bindings: [assetsBinding] }));
    expect([answer.code, answer.errors[0]?.message]).toEqual([10021, expect.stringContaining("ASSETS")]);
  });

  it("keep the secrets that the script had", async () => {
    await api.deploy("s", { bindings: [{ type: "secret_text", name: "KEY", text: "k" }] });
    await deploySite(api, "s", files);
    expect((await newest()).resources.bindings).toEqual([{ type: "secret_text", name: "KEY" }]);
  });
});

describe("assets with a Worker", () => {
  it("are started, and bound by name", async () => {
    const metadata = { bindings: [assetsBinding] };
    const config = { run_worker_first: ["/api/*"], not_found_handling: "single-page-application" };
    const answer = await deploySite(api, "s", files, { modules, metadata, config });
    expect(answer).toMatchObject({ status: 200, result: { has_assets: true, has_modules: true } });
    expect(api.platform.runtime.prepared).toEqual([answer.result.deployment_id]);
    expect(await site()).toMatchObject({ hasWorker: true, runWorkerFirst: ["/api/*"] });
    const { result } = await api.call("GET", "/scripts/s/settings");
    expect(result.bindings).toEqual([assetsBinding]);
    expect(result.assets.config).toMatchObject({ run_worker_first: ["/api/*"] });
  });

  it("stay when secrets and settings change, which the site follows", async () => {
    await deploySite(api, "s", files, { modules, metadata: { bindings: [assetsBinding] } });
    const before = await site();
    await api.call("PUT", "/scripts/s/secrets", { name: "A", text: "1", type: "secret_text" });
    expect(await site()).toEqual(before);
    const settings = new FormData();
    settings.set("settings", JSON.stringify({ compatibility_date: "2025-01-01" }));
    expect((await api.call("PATCH", "/scripts/s/settings", settings)).status).toBe(200);
    expect(await site()).toEqual({ ...before, compatibilityDate: "2025-01-01" });
  });

  it("can be configured anew without an upload", async () => {
    const _headers = "/*\n  X-A: b\n";
    await deploySite(api, "s", files, { modules, config: { html_handling: "none", _headers } });
    const settings = new FormData();
    settings.set("settings", JSON.stringify({ assets: { config: { not_found_handling: "404-page" } } }));
    const answer = await api.call("PATCH", "/scripts/s/settings", settings);
    expect(answer.result.assets.config).toMatchObject({ html_handling: "none", not_found_handling: "404-page" });
    expect(await site()).toMatchObject({ htmlHandling: "none", notFoundHandling: "404-page", headers: _headers });
  });

  it("go with an upload that does not mention them, unless it keeps them", async () => {
    await deploySite(api, "s", files, { modules, config: { html_handling: "none" } });
    const before = await site();
    await api.upload("s", { keep_assets: true });
    expect(await site()).toEqual(before);
    await api.upload("s", { keep_assets: true, assets: { config: { html_handling: "drop-trailing-slash" } } });
    expect(await site()).toEqual({ ...before, htmlHandling: "drop-trailing-slash" });
    const id = await api.upload("s");
    expect((await record(id)).assets).toBeUndefined();
    // There are none to keep: older clients always ask.
    const after = await api.upload("s", { keep_assets: true });
    expect((await record(after)).assets).toBeUndefined();
  });
});

describe("an upload is refused", () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ["whose binding has no assets", { bindings: [assetsBinding] }, /needs static assets/],
    ["with assets but no token", { assets: { config: {} } }, /without a "jwt"/],
    ["with a token that is none", { assets: { jwt: "x" } }, /token is not valid/],
  ])("%s", async (_, metadata, message) => {
    const answer = await api.call("PUT", "/scripts/s", uploadForm(metadata));
    expect([answer.status, answer.code]).toEqual([400, 10021]);
    expect(answer.errors[0]?.message).toMatch(message);
  });

  it.each<[string, object, RegExp]>([
    ["an unknown html_handling", { html_handling: "auto" }, /html_handling/],
    ["an unknown not_found_handling", { not_found_handling: "spa" }, /not_found_handling/],
    ["rules that are not paths", { run_worker_first: ["api/*"] }, /must start with/],
    ["nothing to run first", { run_worker_first: true }, /needs a Worker/],
  ])("with %s", async (_, config, message) => {
    const answer = await deploySite(api, "s", files, { config });
    expect(answer.code).toBe(10021);
    expect(answer.errors[0]?.message).toMatch(message);
  });

  it("without code and without assets to keep", async () => {
    const form = new FormData();
    form.set("metadata", JSON.stringify({ keep_assets: true }));
    expect((await api.call("PUT", "/scripts/s", form)).errors[0]?.message).toContain("names no entry");
  });
});

it("tells of rules that do nothing", async () => {
  const config = { _headers: "/none\n", _redirects: "/a /b 999\n" };
  const { messages } = await deploySite(api, "s", files, { config });
  expect(messages).toEqual([
    expect.stringMatching(/^_headers:1 .*does nothing/),
    expect.stringMatching(/^_redirects:1/),
  ]);
  const jwt = await uploadAssets(api, "s", files);
  const version = await api.call("POST", "/scripts/s/versions", assetsOnly({ jwt, config }));
  expect(version.messages).toEqual(messages);
  expect((await newest()).resources.script_runtime.assets.warnings).toEqual(messages);
});
