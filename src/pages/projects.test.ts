import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newestCompatibilityDate } from "../workerd/newest-date.ts";
import { type PagesApi, pagesApi } from "./testing.ts";

let pages: PagesApi;

beforeAll(async () => {
  pages = await pagesApi();
});
afterAll(() => pages.api.end());

const today = newestCompatibilityDate();
const configs = async (name: string) => (await pages.call("GET", `/${name}`)).result.deployment_configs;

describe("a project", () => {
  test("is made with the compatibility date of the day, and read", async () => {
    const { result } = await pages.create("shop");
    expect(result).toMatchObject({
      name: "shop",
      subdomain: "shop.pages.localhost:8787",
      domains: ["shop.pages.localhost:8787"],
      production_branch: "main",
      production_script_name: "pages-worker--shop",
      build_config: {},
      canonical_deployment: null,
      latest_deployment: null,
      uses_functions: false,
    });
    expect(result.source).toBeUndefined();
    expect(result.deployment_configs.preview).toEqual({
      build_image_major_version: 3,
      compatibility_flags: [],
      compatibility_date: today,
      fail_open: true,
      always_use_latest_compatibility_date: false,
      usage_model: "standard",
      env_vars: null,
    });
    expect((await pages.call("GET", "/shop")).result).toEqual(result);
    expect(pages.api.platform.runtime.published).toBeGreaterThan(0);
  });

  test("may have the name of a Worker, and is not among the Workers", async () => {
    await pages.api.deploy("both");
    expect((await pages.create("both")).status).toBe(200);
    const { result } = await pages.api.call("GET", "/scripts");
    expect(result.map(({ id }: { id: string }) => id)).toEqual(["both"]);
  });

  test("of another account takes another label", async () => {
    const { db } = pages.api.platform;
    await db
      .insertInto("accounts")
      .values({ id: "b".repeat(32), name: "Other", subdomain: "other", created_on: today })
      .execute();
    const body = { name: "shop", production_branch: "main" };
    const { result } = await pages.api.call("POST", `//accounts/${"b".repeat(32)}/pages/projects`, body);
    expect(result.subdomain).toMatch(/^shop-[a-z0-9]{3}\.pages\.localhost:8787$/);
  });

  test.each([
    [8000100, { name: "shop" }],
    [8000101, { name: "Shop" }],
    [8000101, { name: "shop-" }],
    [8000101, { name: "a.b" }],
    [8000101, { name: "a".repeat(59) }],
    [8000103, { name: "x", production_branch: "" }],
  ])("is refused with %d: %o", async (code, more) => {
    expect((await pages.create("", more)).code).toBe(code);
  });

  test("that is not there is said so with the code that the client knows", async () => {
    for (const [method, path] of [
      ["GET", "/none"],
      ["DELETE", "/none"],
      ["GET", "/none/deployments"],
      ["GET", "/none/upload-token"],
    ] as const)
      expect((await pages.call(method, path)).code, path).toBe(8000007);
    expect((await pages.call("PATCH", "/none", { production_branch: "x" })).code).toBe(8000007);
  });

  test("is listed in pages, which end", async () => {
    await pages.create("listed");
    const first = await pages.call("GET", "?per_page=2&page=1");
    expect(first.result.map(({ name }: { name: string }) => name)).toEqual(["listed", "both"]);
    expect(first.resultInfo).toMatchObject({ total_count: 3 });
    expect((await pages.call("GET", "?per_page=2&page=2")).result).toHaveLength(1);
    expect((await pages.call("GET", "?per_page=2&page=3")).result).toEqual([]);
  });

  test("is deleted with its script", async () => {
    await pages.create("gone");
    await pages.deploy("gone");
    expect((await pages.call("DELETE", "/gone")).status).toBe(200);
    expect((await pages.call("GET", "/gone")).code).toBe(8000007);
    const { db } = pages.api.platform;
    const left = await db.selectFrom("scripts").select("name").where("name", "like", "%gone").execute();
    expect(left).toEqual([]);
    expect((await pages.create("gone")).status).toBe(200);
  });
});

describe("what an environment has", () => {
  test("is merged, name by name; null takes away; the other environment stays", async () => {
    await pages.create("merge", { deployment_configs: { production: { env_vars: { A: { value: "1" } } } } });
    const patch = (production: unknown) => pages.call("PATCH", "/merge", { deployment_configs: { production } });
    await patch({
      env_vars: { B: { type: "secret_text", value: "hidden" } },
      kv_namespaces: { KV: { namespace_id: "x" } },
    });
    await patch({ compatibility_flags: ["nodejs_compat"], limits: { cpu_ms: 10 }, fail_open: false });
    expect(await configs("merge")).toMatchObject({
      production: {
        compatibility_date: today,
        compatibility_flags: ["nodejs_compat"],
        limits: { cpu_ms: 10 },
        fail_open: false,
        env_vars: { A: { type: "plain_text", value: "1" }, B: { type: "secret_text", value: "" } },
        kv_namespaces: { KV: { namespace_id: "x" } },
      },
      preview: { env_vars: null, fail_open: true },
    });
    await patch({ env_vars: { A: null }, kv_namespaces: { KV: null }, limits: null });
    const { production } = await configs("merge");
    expect(production.env_vars).toEqual({ B: { type: "secret_text", value: "" } });
    expect(production.kv_namespaces).toBeUndefined();
    expect(production.limits).toBeUndefined();
  });

  test("keeps a secret that comes back as it was shown, with all else of the project", async () => {
    const before = (await pages.call("GET", "/merge")).result;
    const kept = async () => {
      const { settings_json } = await pages.api.platform.db
        .selectFrom("pages_projects")
        .select("settings_json")
        .where("name", "=", "merge")
        .executeTakeFirstOrThrow();
      return JSON.parse(settings_json).environments.production.env_vars.B;
    };
    const secret = await kept();
    expect((await pages.call("PATCH", "/merge", before)).errors).toEqual([]);
    expect(await kept()).toEqual(secret);
    await pages.call("PATCH", "/merge", {
      deployment_configs: { production: { env_vars: { B: { type: "secret_text", value: "another" } } } },
    });
    expect(await kept()).not.toEqual(secret);
  });

  test("is sealed where it is secret", async () => {
    const { db } = pages.api.platform;
    const { settings_json } = await db
      .selectFrom("pages_projects")
      .select("settings_json")
      .where("name", "=", "merge")
      .executeTakeFirstOrThrow();
    expect(settings_json).not.toContain("hidden");
    expect(settings_json).toContain("sealed:");
  });

  test("is refused where it would be shown", async () => {
    const bindings = { S: { type: "secret_text", text: "hidden" } };
    const change = pages.call("PATCH", "/merge", { deployment_configs: { production: { bindings } } });
    await expect(change).rejects.toThrow("env_vars");
  });

  test("may be sent back as it was read", async () => {
    const { result } = await pages.call("GET", "/merge");
    // Whoever sends secrets back without their values sets them.
    result.deployment_configs.production.env_vars = null;
    expect((await pages.call("PATCH", "/merge", result)).status).toBe(200);
  });

  test("is refused with unknown fields, by name", async () => {
    await expect(
      pages.call("PATCH", "/merge", { deployment_configs: { production: { kv_namespace: {} } } }),
    ).rejects.toThrow("kv_namespace");
    await expect(pages.call("PATCH", "/merge", { production_brunch: "x" })).rejects.toThrow("production_brunch");
  });
});

test("the production branch and the build configuration change; the name does not", async () => {
  await pages.create("changing", { build_config: { build_command: "npm run build", root_dir: "site" } });
  const body = { production_branch: "live", build_config: { root_dir: null, destination_dir: "dist" } };
  const { result } = await pages.call("PATCH", "/changing", body);
  expect(result).toMatchObject({
    production_branch: "live",
    build_config: { build_command: "npm run build", destination_dir: "dist" },
  });
  expect(result.build_config.root_dir).toBeUndefined();
  expect((await pages.call("PATCH", "/changing", { name: "other" })).code).toBe(8000103);
});

describe("a repository", () => {
  const source = { type: "github", config: { owner: "me", repo_name: "site" } };
  const change = (body: unknown) => pages.call("PATCH", "/connected", body);

  test("is kept and shown, with what is not said as the original means it", async () => {
    const { result } = await pages.create("connected", { source });
    expect(result.source).toEqual({
      type: "github",
      config: {
        owner: "me",
        repo_name: "site",
        owner_id: "",
        repo_id: "",
        production_branch: "main",
        pr_comments_enabled: true,
        deployments_enabled: true,
        production_deployments_enabled: true,
        preview_deployment_setting: "all",
        preview_branch_includes: ["*"],
        preview_branch_excludes: [],
        path_includes: ["*"],
        path_excludes: [],
      },
    });
  });

  test("is changed where the change says something; its production branch is the project's", async () => {
    const config = { preview_deployment_setting: "none", production_branch: "live" };
    const { result } = await change({ source: { type: "github", config } });
    expect(result.source.config).toMatchObject({ ...source.config, ...config });
    expect(result.production_branch).toBe("live");
    expect((await change({ production_branch: "main" })).result.source.config.production_branch).toBe("main");
    expect((await change((await pages.call("GET", "/connected")).result)).result.source.config).toMatchObject({
      ...source.config,
      preview_deployment_setting: "none",
    });
  });

  test("is disconnected before another is connected", async () => {
    const other = { type: "github", config: { owner: "me", repo_name: "other" } };
    expect((await pages.call("POST", "/connected/source", source)).status).toBe(200);
    expect((await pages.call("POST", "/connected/source", other)).code).toBe(8000116);
    expect((await pages.call("DELETE", "/connected/source")).result.source).toBeUndefined();
    expect((await pages.call("DELETE", "/connected/source")).code).toBe(8000115);
    expect((await pages.call("POST", "/connected/source", other)).result.source.config.repo_name).toBe("other");
    expect((await change({ source: null })).result.source).toBeUndefined();
  });

  test("must have a name", async () => {
    expect((await pages.call("POST", "/connected/source", { type: "github" })).code).toBe(8000103);
  });

  test("is what a deployment without files would be built from", async () => {
    await pages.call("POST", "/connected/source", source);
    expect((await pages.call("POST", "/connected/deployments")).code).toBe(8000107);
  });
});

test("the build cache of a project is purged, and that of none is not", async () => {
  await pages.create("cached");
  expect(await pages.call("POST", "/cached/purge_build_cache")).toMatchObject({ status: 200, result: null });
  expect((await pages.call("POST", "/none/purge_build_cache")).code).toBe(8000007);
});

describe("who is told of a project's invocations", () => {
  const settings = { logpush: true, observability: { enabled: true, head_sampling_rate: 0.5 } };

  test("belongs to the project's script, is shown, and is published at once", async () => {
    const { result } = await pages.create("told", settings);
    expect(result).toMatchObject({ ...settings, tail_consumers: null });
    const { runtime } = pages.api.platform;
    const before = runtime.published;
    const patched = await pages.call("PATCH", "/told", { logpush: false, observability: null });
    expect(patched.result).toMatchObject({ logpush: false, tail_consumers: null });
    expect(patched.result.observability).toBeUndefined();
    expect(runtime.published).toBe(before + 1);
    expect((await pages.call("PATCH", "/told", { production_branch: "trunk" })).result.logpush).toBe(false);
    expect(runtime.published).toBe(before + 1);
    expect((await pages.api.call("GET", "/scripts/pages-worker--told/script-settings")).result).toMatchObject({
      logpush: false,
    });
  });

  test("Tail Workers have to be there", async () => {
    const consumers = { tail_consumers: [{ service: "nobody" }] };
    expect((await pages.create("bad", consumers)).code).toBe(100152);
    await pages.create("good");
    expect((await pages.call("PATCH", "/good", consumers)).code).toBe(100152);
    expect((await pages.call("GET", "/bad")).code).toBe(8000007);
  });
});
