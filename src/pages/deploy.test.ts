import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SiteRecord } from "../domain/version.ts";
import { wranglerHash } from "../products/assets/testing-upload.ts";
import type { Answer } from "../workers/testing.ts";
import { contentsOf, type DeployOptions, type PagesApi, pagesApi, uploadToken } from "./testing.ts";

let pages: PagesApi;

beforeAll(async () => {
  pages = await pagesApi();
  await pages.create("shop");
});
afterAll(() => pages.api.end());

const record = (id: string) => {
  const found = pages.api.platform.runtime.records.get(id);
  if (!found) throw new Error(`no version ${id}`);
  return found;
};
const site = async (id: string): Promise<SiteRecord> => {
  const bytes = await pages.api.platform.blobs.get(record(id).assets?.site ?? "");
  return JSON.parse(Buffer.from(bytes ?? []).toString());
};
const bindings = (id: string) =>
  Object.fromEntries(
    record(id).bindings.map((binding) => [binding.name, binding.type === "plain_text" ? binding.text : binding.type]),
  );
const worker = {
  "index.js": ["export default {}", "application/javascript+module"],
} satisfies DeployOptions["modules"];

async function deployed(name: string, options: DeployOptions = {}): Promise<Answer["result"]> {
  const answer = await pages.deploy(name, options);
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.errors));
  return answer.result;
}

/** The last line of the log of a deployment that must have failed: what the client shows. */
async function failed(name: string, options: DeployOptions): Promise<string> {
  const { id, latest_stage, aliases } = await deployed(name, options);
  expect([latest_stage.name, latest_stage.status, aliases]).toEqual(["deploy", "failure", null]);
  const { result } = await pages.call("GET", `/${name}/deployments/${id}/history/logs?size=10000000`);
  return result.data[result.total - 1].line;
}

describe("an upload of files", () => {
  const files = { "/index.html": "<h1>Home</h1>", "/a.bin": "abc" };
  const call = (path: string, jwt: string, body: unknown) =>
    pages.api.call("POST", `//pages/assets/${path}`, body, { authorization: `Bearer ${jwt}` });

  test("needs those alone that are not there, whoever uploaded them", async () => {
    const jwt = await uploadToken(pages.call, "shop");
    const hashes = Object.entries(files).map(([path, content]) => wranglerHash(path, content));
    expect((await call("check-missing", jwt, { hashes })).result).toEqual(hashes);
    expect((await call("upload", jwt, contentsOf(files).slice(0, 1))).status).toBe(200);
    expect((await call("check-missing", jwt, { hashes })).result).toEqual(hashes.slice(1));
    // Twice is no mistake, and neither is twice in one call.
    const again = contentsOf(files);
    expect((await call("upload", jwt, [...again, ...again])).status).toBe(200);
    expect((await call("check-missing", jwt, { hashes })).result).toEqual([]);
    expect((await call("upsert-hashes", jwt, { hashes })).status).toBe(200);
  });

  test("shows a token whose payload the client reads", async () => {
    const [, payload = ""] = (await uploadToken(pages.call, "shop")).split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64").toString());
    expect(claims).toMatchObject({ max_file_count_allowed: 100_000, exp: expect.any(Number) });
  });

  test.each([
    ["", 8000013],
    ["nothing", 8000013],
  ])("is refused with another token: %j", async (jwt, code) => {
    expect((await call("check-missing", jwt, { hashes: [] })).code).toBe(code);
    expect((await call("upload", jwt, [])).code).toBe(code);
  });

  test("is refused when it makes no sense", async () => {
    const jwt = await uploadToken(pages.call, "shop");
    expect((await call("check-missing", jwt, { hashes: ["../../x"] })).code).toBe(10021);
    expect((await call("upload", jwt, [{ key: "../../x", value: "" }])).code).toBe(10307);
    expect((await call("upload", jwt, { key: "x" })).code).toBe(8000103);
    expect((await call("upload", jwt, [{ key: "x" }])).code).toBe(8000103);
  });

  test("must have come before the deployment", async () => {
    const form = new FormData();
    form.set("manifest", JSON.stringify({ "/x.html": wranglerHash("/x.html", "never uploaded") }));
    const answer = await pages.call("POST", "/shop/deployments", form);
    expect(answer.code).toBe(10021);
    expect(answer.errors[0]?.message).toContain("/x.html");
  });
});

describe("a deployment of files", () => {
  test("to the production branch is what production serves", async () => {
    const result = await deployed("shop");
    const short = result.id.slice(0, 8);
    expect(result).toMatchObject({
      short_id: short,
      project_name: "shop",
      environment: "production",
      url: `https://${short}.shop.pages.localhost:8787`,
      aliases: ["https://main.shop.pages.localhost:8787"],
      production_branch: "main",
      latest_stage: { name: "deploy", status: "success" },
      deployment_trigger: { type: "ad_hoc", metadata: { branch: "main" } },
      uses_functions: false,
      is_skipped: false,
    });
    expect(result.stages.map(({ name }: { name: string }) => name)).toEqual([
      "queued",
      "initialize",
      "clone_repo",
      "build",
      "deploy",
    ]);
    const project = (await pages.call("GET", "/shop")).result;
    expect(project.canonical_deployment.id).toBe(result.id);
    expect(project.latest_deployment.id).toBe(result.id);
    // For the client, which prints an alias only if it ends so.
    const aliases = ["https://main.shop.pages.localhost:8787/#.pages.dev"];
    expect((await pages.call("GET", `/shop/deployments/${result.id}`)).result).toEqual({
      ...result,
      aliases,
      function_routes: null,
    });
  });

  test("is served as Pages serves, without code", async () => {
    const parts = { _headers: "/*\n  X-A: b", _redirects: "/old /new 301\n/x /y 999" };
    const { id } = await deployed("shop", { parts });
    expect(await site(id)).toMatchObject({
      mode: "pages",
      htmlHandling: "pages",
      notFoundHandling: "pages",
      runWorkerFirst: false,
      hasWorker: false,
      headers: parts._headers,
      redirects: parts._redirects,
    });
    expect(record(id)).toMatchObject({ modules: [], bindings: [], scriptName: "pages-worker--shop" });
    const { result } = await pages.call("GET", `/shop/deployments/${id}/history/logs?size=10000000`);
    expect(result.total).toBe(result.data.length);
    expect(result.data.map(({ line }: { line: string }) => line).join("\n")).toMatch(/_redirects.*999|999/);
  });

  test("to another branch is a preview, and production stays", async () => {
    const before = (await pages.call("GET", "/shop")).result.canonical_deployment.id;
    const result = await deployed("shop", { branch: "feature/Ünder_score" });
    expect(result.environment).toBe("preview");
    expect(result.aliases).toEqual(["https://feature--nder-score.shop.pages.localhost:8787"]);
    const project = (await pages.call("GET", "/shop")).result;
    expect(project.canonical_deployment.id).toBe(before);
    expect(project.latest_deployment.id).toBe(result.id);
  });

  test("without a branch is production's", async () => {
    expect((await deployed("shop", { branch: "" })).environment).toBe("production");
  });
});

describe("aliases", () => {
  const alias = async (branch: string) =>
    (await deployed("shop", { branch })).aliases[0].split(".")[0].slice("https://".length);

  test.each([
    ["dev", "dev"],
    ["release/1.2", "release-1-2"],
    ["--x--", "x"],
    ["a".repeat(40), "a".repeat(28)],
    [`${"a".repeat(27)}/b`, "a".repeat(27)],
  ])("of the branch %s: %s", async (branch, expected) => {
    expect(await alias(branch)).toBe(expected);
    expect(await alias(branch)).toBe(expected);
  });

  test("move to the newest deployment of the branch", async () => {
    const first = await deployed("shop", { branch: "moving" });
    const second = await deployed("shop", { branch: "moving" });
    expect((await pages.call("GET", `/shop/deployments/${first.id}`)).result.aliases).toBeNull();
    expect(second.aliases).toEqual(first.aliases);
  });

  test("of two branches with one label differ", async () => {
    expect(await alias("same/name")).toBe("same-name");
    expect(await alias("same-name")).toMatch(/^same-name-[a-z0-9]{4}$/);
  });

  test("are made up for a branch without any letter", async () => {
    expect(await alias("✨")).toMatch(/^branch-[a-z0-9]{10}$/);
  });

  test("never take a deployment's short id", async () => {
    const { short_id } = await deployed("shop");
    expect(await alias(short_id)).toMatch(new RegExp(`^${short_id}-[a-z0-9]{4}$`));
  });
});

describe("Functions", () => {
  test("run where _routes.json says, with the files as ASSETS", async () => {
    const parts = { "_routes.json": JSON.stringify({ version: 1, include: ["/api/*"], exclude: ["/api/static/*"] }) };
    const result = await deployed("shop", { modules: worker, parts });
    expect(result.uses_functions).toBe(true);
    expect(await site(result.id)).toMatchObject({
      hasWorker: true,
      functionRoutes: { include: ["/api/*"], exclude: ["/api/static/*"] },
    });
    expect(bindings(result.id)).toEqual({
      ASSETS: "assets",
      CF_PAGES: "1",
      CF_PAGES_BRANCH: "main",
      CF_PAGES_COMMIT_SHA: "",
      CF_PAGES_URL: `https://${result.short_id}.shop.pages.localhost:8787`,
    });
  });

  test("run everywhere without one", async () => {
    const { id } = await deployed("shop", { modules: worker });
    expect(await site(id)).toMatchObject({ functionRoutes: { include: ["/*"], exclude: [] } });
  });

  test("fail open, or closed where the environment of the deployment says so", async () => {
    const deployAs = async (fail_open: boolean, branch: string) => {
      await pages.call("PATCH", "/shop", { deployment_configs: { production: { fail_open } } });
      return site((await deployed("shop", { modules: worker, branch })).id);
    };
    expect(await deployAs(false, "main")).toHaveProperty("failClosed", true);
    expect(await deployAs(false, "other")).not.toHaveProperty("failClosed");
    expect(await deployAs(true, "main")).not.toHaveProperty("failClosed");
  });

  test("of old clients come as one module", async () => {
    const { id } = await deployed("shop", { parts: { "_worker.js": "export default {}" } });
    expect(record(id)).toMatchObject({ mainModule: "_worker.js", modules: [{ type: "esm" }] });
  });

  test.each([
    ["_routes.json", "{}", 8000103],
    ["_routes.json", JSON.stringify({ version: 1, include: [], exclude: [] }), 8000103],
    ["functions-filepath-routing-config.json", "{", 8000103],
    ["_worker.bundle", "no form", 8000103],
    ["_worker.js", "both", 8000103],
  ])("are refused with a bad %s", async (name, text, code) => {
    const answer = await pages.deploy("shop", {
      modules: worker,
      parts: name === "_worker.bundle" ? {} : { [name]: text },
    });
    if (name !== "_worker.bundle") return expect(answer.code).toBe(code);
    expect((await pages.deploy("shop", { parts: { [name]: text } })).code).toBe(code);
  });

  test("that do not start make a failed deployment with the runtime's own words, and nothing is served otherwise", async () => {
    const { runtime } = pages.api.platform;
    const { validation } = runtime;
    const before = (await pages.call("GET", "/shop")).result.canonical_deployment.id;
    runtime.validation = { ok: false, code: 10021, message: "Uncaught SyntaxError" };
    expect(await failed("shop", { modules: worker })).toBe("Error: Uncaught SyntaxError [code: 10021]");
    runtime.validation = validation;
    const { canonical_deployment, latest_deployment } = (await pages.call("GET", "/shop")).result;
    expect(canonical_deployment.id).toBe(before);
    expect(latest_deployment.latest_stage).toMatchObject({ name: "deploy", status: "failure" });
    const one = `/shop/deployments/${latest_deployment.id}`;
    expect((await pages.call("POST", `${one}/rollback`)).code).toBe(8000106);
    expect((await pages.call("DELETE", one)).status).toBe(200);
  });

  test("that the platform could not try make no deployment", async () => {
    const { runtime } = pages.api.platform;
    const { validate } = runtime;
    const before = (await pages.call("GET", "/shop")).result.latest_deployment.id;
    runtime.validate = () => Promise.reject(new Error("the supervisor does not answer"));
    await expect(pages.deploy("shop", { modules: worker })).rejects.toThrow("supervisor");
    runtime.validate = validate;
    expect((await pages.call("GET", "/shop")).result.latest_deployment.id).toBe(before);
  });
});

describe("an environment", () => {
  const configured = { A: { type: "plain_text", value: "of production" }, S: { type: "secret_text", value: "hush" } };

  beforeAll(async () => {
    await pages.create("env", {
      deployment_configs: {
        production: {
          env_vars: configured,
          compatibility_date: "2026-01-01",
          compatibility_flags: ["nodejs_compat"],
          limits: { cpu_ms: 20 },
        },
        preview: { env_vars: { A: { value: "of previews" }, CF_PAGES_BRANCH: { value: "mine" } } },
      },
    });
  });

  test("is frozen into the deployment", async () => {
    const { id, env_vars } = await deployed("env", { modules: worker });
    expect(bindings(id)).toMatchObject({ A: "of production", S: "secret_text" });
    expect(record(id)).toMatchObject({
      compatibilityDate: "2026-01-01",
      compatibilityFlags: ["nodejs_compat"],
      limits: { cpuMs: 20 },
    });
    expect(env_vars).toEqual({
      A: { type: "plain_text", value: "of production" },
      S: { type: "secret_text", value: "" },
    });
    const secret = record(id).bindings.find(({ name }) => name === "S");
    expect(secret).toMatchObject({ text: pages.api.platform.seal("hush") });
  });

  test("is the branch's; its own variables go before those that are given", async () => {
    const { id } = await deployed("env", { modules: worker, branch: "x" });
    expect(bindings(id)).toMatchObject({ A: "of previews", CF_PAGES_BRANCH: "mine" });
    expect(bindings(id).S).toBeUndefined();
  });

  test("changes with the next deployment, and a retry is one", async () => {
    const first = await deployed("env", { modules: worker, parts: { _headers: "/*\n  X-A: b" } });
    await pages.call("PATCH", "/env", {
      deployment_configs: { production: { env_vars: { A: { value: "changed" } } } },
    });
    expect(bindings(first.id).A).toBe("of production");
    const { result } = await pages.call("POST", `/env/deployments/${first.id}/retry`);
    expect(result.id).not.toBe(first.id);
    expect(bindings(result.id).A).toBe("changed");
    expect(record(result.id).modules).toEqual(record(first.id).modules);
    expect((await site(result.id)).headers).toBe("/*\n  X-A: b");
    expect((await pages.call("GET", "/env")).result.canonical_deployment.id).toBe(result.id);
  });

  test("has the bindings of a Worker", async () => {
    const bindings = {
      LIMIT: { type: "ratelimit", namespace_id: "1", simple: { limit: 5, period: 10 } },
      META: { type: "version_metadata" },
      J: { type: "json", json: { a: 1 } },
    };
    await pages.call("PATCH", "/env", { deployment_configs: { preview: { bindings } } });
    const { id } = await deployed("env", { modules: worker, branch: "y" });
    expect(record(id).bindings.map(({ name }) => name)).toEqual(expect.arrayContaining(["LIMIT", "META", "J"]));
    await pages.call("PATCH", "/env", { deployment_configs: { preview: { bindings: null } } });
  });

  test.each([
    [{ kv_namespaces: { KV: { namespace_id: "none" } } }, 10041],
    [{ vectorize_bindings: { V: { index_name: "none" } } }, 10021],
    [{ services: { S: { service: "none" } } }, 10143],
    [{ kv_namespaces: { KV: { title: "x" } } }, 8000103],
    [{ durable_object_namespaces: { DO: { namespace_id: "none" } } }, 8000103],
    [{ durable_object_namespaces: { DO: { class_name: "A", service: "none" } } }, 10061],
  ])("that cannot be fails the deployment that uses it: %o", async (preview, code) => {
    await pages.call("PATCH", "/env", { deployment_configs: { preview } });
    expect(await failed("env", { modules: worker, branch: "z" })).toContain(`[code: ${code}]`);
    const none = Object.fromEntries(Object.keys(preview).map((key) => [key, null]));
    await pages.call("PATCH", "/env", { deployment_configs: { preview: none } });
  });
});

describe("a wrangler file", () => {
  const file = { wrangler_config_hash: "f".repeat(64), pages_build_output_dir: "dist" };

  test("says all it can say; secrets and what it has no words for stay", async () => {
    const kept = { LIMIT: { type: "ratelimit", namespace_id: "1", simple: { limit: 5, period: 10 } } };
    await pages.create("filed", {
      deployment_configs: {
        production: { env_vars: { OLD: { value: "x" }, S: { type: "secret_text", value: "y" } }, bindings: kept },
      },
    });
    const metadata = {
      compatibility_date: "2026-02-02",
      bindings: [
        { type: "plain_text", name: "NEW", text: "of the file" },
        { type: "json", name: "J", json: [1] },
        { type: "version_metadata", name: "META" },
      ],
    };
    const { id } = await deployed("filed", { modules: worker, metadata, parts: file });
    expect(bindings(id)).toMatchObject({
      NEW: "of the file",
      J: "json",
      META: "version_metadata",
      S: "secret_text",
      LIMIT: "ratelimit",
    });
    expect(bindings(id).OLD).toBeUndefined();
    const { result } = await pages.call("GET", "/filed");
    expect(result.build_config.destination_dir).toBe("dist");
    expect(result.deployment_configs.production).toMatchObject({
      wrangler_config_hash: file.wrangler_config_hash,
      compatibility_date: "2026-02-02",
      env_vars: { NEW: { type: "plain_text", value: "of the file" }, S: { type: "secret_text", value: "" } },
      bindings: { ...kept, J: { type: "json", json: [1] }, META: { type: "version_metadata" } },
    });
    expect(result.deployment_configs.preview.wrangler_config_hash).toBeUndefined();
  });

  test("has no secrets, which everybody who may read would see", async () => {
    await pages.create("told");
    const metadata = { bindings: [{ type: "secret_text", name: "S", text: "hush" }] };
    expect((await pages.deploy("told", { modules: worker, metadata, parts: file })).code).toBe(8000103);
  });

  test("that cannot be changes nothing", async () => {
    const before = (await pages.call("GET", "/filed")).result.deployment_configs;
    const metadata = { bindings: [{ type: "kv_namespace", name: "KV", namespace_id: "none" }] };
    expect(await failed("filed", { modules: worker, metadata, parts: file })).toContain("[code: 10041]");
    expect((await pages.call("GET", "/filed")).result.deployment_configs).toEqual(before);
  });
});

describe("afterwards", () => {
  let first: Answer["result"];
  let second: Answer["result"];
  let preview: Answer["result"];
  const canonical = async () => (await pages.call("GET", "/after")).result.canonical_deployment.id;

  beforeAll(async () => {
    await pages.create("after");
    first = await deployed("after");
    preview = await deployed("after", { branch: "dev" });
    second = await deployed("after");
  });

  test("deployments are listed, newest first, by environment", async () => {
    const ids = async (query: string) =>
      (await pages.call("GET", `/after/deployments${query}`)).result.map(({ id }: { id: string }) => id);
    expect(await ids("?")).toEqual([second.id, preview.id, first.id]);
    expect(await ids("?env=production")).toEqual([second.id, first.id]);
    expect(await ids("?env=preview&per_page=1&page=2")).toEqual([]);
  });

  test("production rolls back, and on again; previews are no targets", async () => {
    expect((await pages.call("POST", `/after/deployments/${first.id}/rollback`)).result.id).toBe(first.id);
    expect(await canonical()).toBe(first.id);
    await pages.call("POST", `/after/deployments/${second.id}/rollback`);
    expect(await canonical()).toBe(second.id);
    expect((await pages.call("POST", `/after/deployments/${preview.id}/rollback`)).code).toBe(8000106);
  });

  test("what production serves cannot be deleted, what an alias shows only with force", async () => {
    const gone = (id: string, query = "") => pages.call("DELETE", `/after/deployments/${id}${query}`);
    expect((await gone(second.id, "?force=true")).code).toBe(8000105);
    expect((await gone(preview.id, "?force=false")).code).toBe(8000035);
    expect((await gone(preview.id, "?force=true")).status).toBe(200);
    expect((await gone(preview.id)).code).toBe(8000104);
    expect((await gone(first.id)).status).toBe(200);
    expect(pages.api.platform.runtime.records.has(first.id)).toBe(false);
    expect((await pages.call("GET", "/after/deployments")).result).toHaveLength(1);
    // The branch begins anew.
    expect((await deployed("after", { branch: "dev" })).aliases).toEqual(preview.aliases);
  });

  test("shares of production are changed as a Worker's", async () => {
    const third = await deployed("after");
    const versions = [
      { version_id: third.id, percentage: 10 },
      { version_id: second.id, percentage: 90 },
    ];
    const body = { strategy: "percentage", versions };
    expect((await pages.api.call("POST", "/scripts/pages-worker--after/deployments", body)).status).toBe(200);
    expect(await canonical()).toBe(second.id);
    expect((await pages.call("DELETE", `/after/deployments/${third.id}?force=true`)).code).toBe(8000105);
  });

  test("one whose files were removed is not deployed again, and it is said so", async () => {
    const gone = await deployed("after", { files: { "/index.html": "soon gone" }, branch: "gone" });
    await pages.api.platform.blobs.delete(record(gone.id).assets?.site ?? "");
    expect((await pages.call("POST", `/after/deployments/${gone.id}/retry`)).code).toBe(8000117);
  });

  test("what is no deployment is said so", async () => {
    for (const path of ["x", preview.id, "../../x"])
      expect((await pages.call("GET", `/after/deployments/${encodeURIComponent(path)}`)).code).toBe(8000104);
    expect((await pages.call("POST", "/after/deployments")).code).toBe(8000096);
  });
});

describe("a project with a rollout", () => {
  const shares = async (name: string) => {
    const { result } = await pages.api.call("GET", `/scripts/pages-worker--${name}/deployments`);
    const [{ versions, annotations }] = result.deployments;
    return { plan: annotations["freehold/plan"], versions: versions as { version_id: string; percentage: number }[] };
  };
  const configured = (rollout: unknown) => ({ deployment_configs: { production: { rollout } } });

  test("gives a deployment its first share, and keeps it there until somebody moves on", async () => {
    await pages.create("gradual", configured({ percentage: 10 }));
    const first = await deployed("gradual");
    expect((await shares("gradual")).versions).toEqual([{ version_id: first.id, percentage: 100 }]);
    const second = await deployed("gradual");
    const split = [
      { version_id: second.id, percentage: 10 },
      { version_id: first.id, percentage: 90 },
    ];
    expect(await shares("gradual")).toEqual({ plan: undefined, versions: split });
    expect((await pages.call("GET", "/gradual")).result.canonical_deployment.id).toBe(first.id);
    const { result } = await pages.call("GET", `/gradual/deployments/${second.id}/history/logs`);
    expect(result.data[0].line).toBe("Production begins with 10 % of the requests.");
    // A preview is shown at once, and the next deployment starts from what most requests meet.
    expect((await deployed("gradual", { branch: "dev" })).aliases).not.toBeNull();
    const third = (await pages.call("POST", `/gradual/deployments/${second.id}/retry`)).result;
    expect((await shares("gradual")).versions).toEqual([
      { version_id: third.id, percentage: 10 },
      { version_id: first.id, percentage: 90 },
    ]);
  });

  test("lets a plan go on", async () => {
    const steps = [
      { percentage: 5, minutes: 10 },
      { percentage: 50, minutes: 10 },
    ];
    await pages.create("planned", configured({ steps, guard: { error_rate: {} } }));
    await deployed("planned");
    const { id } = await deployed("planned");
    const { plan, versions } = await shares("planned");
    expect(versions[0]).toEqual({ version_id: id, percentage: 5 });
    expect(plan).toBeDefined();
  });

  test("deploys new classes at once", async () => {
    const { runtime } = pages.api.platform;
    const { validation } = runtime;
    runtime.validation = {
      ok: true,
      startupTimeMs: 1,
      exports: [
        { name: "default", kind: "object", handlers: ["fetch"] },
        { name: "Counter", kind: "durable-object", handlers: [] },
      ],
    };
    await pages.create("classy", configured({ percentage: 10 }));
    await deployed("classy", { modules: worker });
    await pages.call("PATCH", "/classy", {
      deployment_configs: { production: { durable_object_namespaces: { COUNTER: { class_name: "Counter" } } } },
    });
    const { id } = await deployed("classy", { modules: worker });
    expect((await shares("classy")).versions).toEqual([{ version_id: id, percentage: 100 }]);
    runtime.validation = validation;
  });

  test("is production's, and makes sense", async () => {
    const preview = { deployment_configs: { preview: { rollout: { percentage: 10 } } } };
    await expect(pages.call("PATCH", "/gradual", preview)).rejects.toThrow("rollout");
    await expect(pages.call("PATCH", "/gradual", configured({ steps: [] }))).rejects.toThrow();
    await expect(pages.call("PATCH", "/gradual", configured({ percentage: 101 }))).rejects.toThrow();
  });
});

describe("a Durable Object class of the project itself", () => {
  const classes = (name: string) => ({ durable_object_namespaces: { COUNTER: { class_name: name } } });
  const exporting = (...names: string[]) => ({
    ok: true as const,
    startupTimeMs: 1,
    exports: [
      { name: "default", kind: "object" as const, handlers: ["fetch"] },
      ...names.map((name) => ({ name, kind: "durable-object" as const, handlers: [] })),
    ],
  });

  test("is made by the first deployment to production that binds it, and bound by previews then", async () => {
    const { runtime } = pages.api.platform;
    const { validation } = runtime;
    runtime.validation = exporting("Counter");
    await pages.create("objects", {
      deployment_configs: { production: classes("Counter"), preview: classes("Counter") },
    });
    expect(await failed("objects", { modules: worker, branch: "early" })).toContain("Counter");
    const { id } = await deployed("objects", { modules: worker });
    expect(record(id).objects).toMatchObject([{ className: "Counter", storage: "sqlite" }]);
    const again = await deployed("objects", { modules: worker });
    expect(record(again.id).objects).toEqual(record(id).objects);
    const preview = await deployed("objects", { modules: worker, branch: "late" });
    expect(bindings(preview.id).COUNTER).toBe("durable_object_namespace");
    runtime.validation = validation;
  });

  test("may be named by the project's name, which is what a wrangler file can say", async () => {
    const { runtime } = pages.api.platform;
    const { validation } = runtime;
    runtime.validation = exporting("Room");
    await pages.create("rooms");
    const metadata = {
      bindings: [{ type: "durable_object_namespace", name: "ROOM", class_name: "Room", script_name: "rooms" }],
    };
    const { id } = await deployed("rooms", {
      modules: worker,
      metadata,
      parts: { wrangler_config_hash: "e".repeat(64) },
    });
    expect(record(id).objects).toMatchObject([{ className: "Room" }]);
    expect(record(id).bindings.find(({ name }) => name === "ROOM")).not.toHaveProperty("scriptName");
    runtime.validation = validation;
  });
});
