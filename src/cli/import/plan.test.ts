import type { Project } from "cloudflare/resources/pages/projects/projects";
import { expect, test } from "vitest";
import { pagesApi } from "../../pages/testing.ts";
import { planImport } from "./plan.ts";
import type { RemoteEnvironment, RemoteProject, Source } from "./source.ts";
import type { Target } from "./target.ts";

const NEWEST = "2026-11-17";

function source(
  production: RemoteEnvironment = {},
  preview: RemoteEnvironment = {},
  more: Partial<Source> = {},
): Source {
  return {
    project: { name: "shop", production_branch: "main", deployment_configs: { production, preview } },
    domains: [],
    kv: new Map([["k1", "visits"]]),
    d1: new Map([["d1", "orders"]]),
    classes: new Map([["n1", { script: "rooms", className: "Room" }]]),
    unread: [],
    ...more,
  };
}

const target = (more: Partial<Target> = {}): Target => ({
  project: undefined,
  domains: new Set(),
  resources: { kv: new Map(), d1: new Map(), r2: new Map(), queue: new Map() },
  scripts: new Set(),
  classes: new Set(),
  ...more,
});

const plan = (from: Source, to = target()) => planImport(from, to, NEWEST);
const environments = (from: Source, to = target()) => plan(from, to).body(to.resources).deployment_configs;

test("settings and variables; of secrets the names, with the command to set them", () => {
  const production = {
    compatibility_date: "2026-01-01",
    compatibility_flags: ["nodejs_compat"],
    fail_open: false,
    limits: { cpu_ms: 50 },
    placement: {},
    usage_model: "standard",
    wrangler_config_hash: "abc",
    env_vars: { A: { type: "plain_text", value: "1" }, S: { type: "secret_text", value: "" }, GONE: null },
    ai_bindings: {},
  };
  const from = source(production, { env_vars: { T: { type: "secret_text" } } });
  expect(environments(from)).toEqual({
    production: {
      compatibility_date: "2026-01-01",
      compatibility_flags: ["nodejs_compat"],
      fail_open: false,
      limits: { cpu_ms: 50 },
      usage_model: "standard",
      env_vars: { A: { type: "plain_text", value: "1" } },
    },
    preview: {},
  });
  const { notes, changes } = plan(from);
  expect(notes).toEqual([
    expect.stringMatching(/production: the secret S .*secret put S --project-name shop$/),
    expect.stringMatching(/preview: the secret T .*secret put T --project-name shop --env preview$/),
  ]);
  expect(changes).toEqual([
    "the project shop is made",
    "production_branch",
    ...["compatibility_date", "compatibility_flags", "fail_open", "limits", "usage_model", "variable A"].map(
      (key) => `production: ${key}`,
    ),
  ]);
});

test("a date that this runtime does not have yet, and keys that nobody here knows, are told", () => {
  const from = source({ compatibility_date: "2030-01-01", new_things: { X: {} } });
  expect(environments(from)).toMatchObject({ production: { compatibility_date: NEWEST } });
  expect(plan(from).notes.join("\n")).toMatch(/instead of 2030-01-01(.|\n)*new_things is left out/);
});

test("resources are found by name, and made once when they are missing", () => {
  const bound = {
    kv_namespaces: { KV: { namespace_id: "k1" } },
    d1_databases: { DB: { id: "d1" } },
    r2_buckets: { R2: { name: "files", jurisdiction: "eu" } },
    queue_producers: { Q: { name: "letters" } },
  };
  const to = target();
  to.resources.r2.set("files", "files");
  const { missing, body, notes } = plan(source(bound, bound), to);
  expect(missing).toEqual([
    { kind: "d1", name: "orders" },
    { kind: "kv", name: "visits" },
    { kind: "queue", name: "letters" },
  ]);
  const jurisdiction = (name: string) =>
    `${name}: jurisdiction of the binding R2 (r2_buckets) is left out: "eu" means nothing here.`;
  expect(notes).toEqual([
    jurisdiction("production"),
    jurisdiction("preview"),
    "Data is not copied: what is made is empty.",
  ]);
  to.resources.kv.set("visits", "here-k");
  to.resources.d1.set("orders", "here-d");
  to.resources.queue.set("letters", "letters");
  const expected = {
    kv_namespaces: { KV: { namespace_id: "here-k" } },
    d1_databases: { DB: { id: "here-d" } },
    r2_buckets: { R2: { name: "files" } },
    queue_producers: { Q: { name: "letters" } },
  };
  expect(body(to.resources).deployment_configs).toEqual({ production: expected, preview: expected });
});

test("bindings of what is not here are left out, by name", () => {
  const bound = {
    kv_namespaces: { LOST: { namespace_id: "unread" } },
    services: { API: { service: "api", environment: "production", entrypoint: "E" } },
    durable_object_namespaces: { ROOMS: { namespace_id: "n1" }, LOST_ROOMS: { namespace_id: "n2" } },
    analytics_engine_datasets: { DATA: { dataset: "d" } },
    vectorize_bindings: { V: { index_name: "i" } },
    bindings: { LIMIT: { type: "ratelimit", namespace_id: "1" }, MAIL: { type: "send_email" } },
  };
  const none = plan(source(bound));
  expect(none.body(target().resources).deployment_configs).toMatchObject({
    production: { analytics_engine_datasets: { DATA: { dataset: "d" } }, bindings: { LIMIT: { type: "ratelimit" } } },
  });
  expect(none.notes.map((note) => /the binding (\w+) /.exec(note)?.[1]).toSorted()).toEqual([
    "API",
    "LOST",
    "LOST_ROOMS",
    "MAIL",
    "ROOMS",
    "V",
  ]);
  const with_ = target({ scripts: new Set(["api"]), classes: new Set(["rooms/Room"]) });
  expect(environments(source(bound), with_)).toMatchObject({
    production: {
      services: { API: { service: "api", entrypoint: "E" } },
      durable_object_namespaces: { ROOMS: { class_name: "Room", service: "rooms" } },
    },
  });
});

test("of another Freehold: a class of the project itself comes along, settings of its running are told of", () => {
  const from = source({
    durable_object_namespaces: { COUNTER: { class_name: "Counter" }, ROOMS: { namespace_id: "own" } },
    rollout: { percentage: 10 },
  });
  from.classes = new Map([["own", { script: "pages-worker--shop", className: "Room" }]]);
  Object.assign(from.project, { production_script_name: "pages-worker--shop", observability: { enabled: true } });
  expect(environments(from)).toMatchObject({
    production: { durable_object_namespaces: { COUNTER: { class_name: "Counter" }, ROOMS: { class_name: "Room" } } },
  });
  expect(plan(from).notes).toEqual([
    "production: rollout is left out: set it here again.",
    "observability of the project is left out: set it here again.",
  ]);
});

test("what is here already changes nothing; what differs is named", () => {
  const production = {
    fail_open: true,
    env_vars: { A: { type: "plain_text", value: "1" }, S: { type: "secret_text", value: "" } },
    r2_buckets: { R2: { name: "files" } },
  };
  const from = source(production, {}, { domains: [{ name: "www.example.com" }] });
  from.project.build_config = { build_command: "npm run build", web_analytics_tag: null, root_dir: "" };
  from.project.source = { type: "github", config: { owner: "kim", repo_name: "shop", pr_comments_enabled: true } };
  const to = target({
    project: {
      ...from.project,
      build_config: { build_command: "npm run build", destination_dir: "dist" },
      deployment_configs: { production: { usage_model: "standard", ...production }, preview: {} },
    },
    domains: new Set(["www.example.com"]),
  });
  to.resources.r2.set("files", "files");
  const nothing = plan(from, to);
  expect([nothing.missing, nothing.changes, nothing.domains, nothing.notes]).toEqual([[], [], [], []]);

  from.project.production_branch = "trunk";
  from.project.deployment_configs.production = { env_vars: { A: { type: "plain_text", value: "2" } } };
  const some = plan({ ...from, domains: ["www.example.com", "shop.example.com"].map((name) => ({ name })) }, to);
  expect([some.changes, some.domains]).toEqual([["production_branch", "production: variable A"], ["shop.example.com"]]);
  const branch = plan({ ...from, domains: [{ name: "dev.example.com", branch: "dev" }] }, to);
  expect([branch.domains, branch.notes]).toEqual([[], [expect.stringContaining('shows the branch "dev"')]]);
  expect(some.notes).toEqual([expect.stringContaining("Let shop.example.com lead to this machine")]);
});

/** As the original's SDK says it. */
const hosted: Project = {
  id: "7b162ea7-7367-4d67-bcde-1160995d5",
  name: "shop",
  subdomain: "shop.pages.dev",
  domains: ["shop.pages.dev", "www.example.com"],
  created_on: "2024-01-01T00:00:00Z",
  production_branch: "main",
  production_script_name: "pages-worker--1-production",
  preview_script_name: "pages-worker--1-preview",
  framework: "astro",
  framework_version: "5",
  uses_functions: true,
  canonical_deployment: null,
  latest_deployment: null,
  build_config: {
    build_command: "npm run build",
    destination_dir: "dist",
    web_analytics_tag: "t",
    web_analytics_token: "k",
  },
  source: {
    type: "github",
    config: {
      ...{ owner: "kim", owner_id: "1", repo_name: "shop", repo_id: "2", production_branch: "main" },
      ...{ pr_comments_enabled: true, deployments_enabled: true, production_deployments_enabled: true },
      ...{ preview_deployment_setting: "all", preview_branch_includes: ["*"], preview_branch_excludes: [] },
      ...{ path_includes: ["*"], path_excludes: [] },
    },
  },
  deployment_configs: {
    production: {
      ...{ always_use_latest_compatibility_date: false, build_image_major_version: 3, fail_open: true },
      ...{ compatibility_date: "2025-01-01", compatibility_flags: ["nodejs_compat"], usage_model: "standard" },
      env_vars: { A: { type: "plain_text", value: "1" }, S: { type: "secret_text", value: "" } },
      limits: { cpu_ms: 50 },
      placement: { mode: "smart" },
      services: { API: { service: "api", environment: "staging" } },
      browsers: { B: {} },
      wrangler_config_hash: "abc",
    },
    preview: {
      ...{ always_use_latest_compatibility_date: false, build_image_major_version: 3, fail_open: true },
      ...{ compatibility_date: "2025-01-01", compatibility_flags: [], usage_model: "standard", env_vars: null },
    },
  },
};

test("what the original says of a project is carried or told of, and a second run changes nothing", async () => {
  const pages = await pagesApi();
  try {
    const from = source();
    from.project = { ...structuredClone(hosted), name: "shop", beta_thing: { on: true } } as unknown as RemoteProject;
    Object.assign(from.project.build_config ?? {}, { node_version: "22" });
    Object.assign(from.project.deployment_configs.production?.limits ?? {}, { subrequests: 5 });
    from.domains = [
      { name: "www.example.com", status: "active" },
      { name: "new.example.com", status: "pending", verification_data: { error_message: "CNAME record not set" } },
    ];
    const to = target({ scripts: new Set(["api"]) });
    const first = plan(from, to);
    expect(first.domains).toEqual(["www.example.com", "new.example.com"]);
    for (const told of [
      /production\.limits: subrequests is left out/,
      /the secret S has to be set/,
      /environment of the binding API \(services\) is left out: "staging"/,
      /the binding B \(browsers\) is left out/,
      /Web analytics is left out/,
      /the project: beta_thing is left out/,
      /build_config: node_version is left out/,
      /new\.example\.com does not serve there \(pending: CNAME record not set\)/,
    ])
      expect(first.notes.filter((note) => told.test(note))).toHaveLength(1);
    expect(first.notes.filter((note) => !note.startsWith("Let "))).toHaveLength(8);

    const { api, call } = pages;
    await api.deploy("api");
    const made = await call("POST", "", { name: "shop", ...first.body(to.resources) });
    expect(made.errors).toEqual([]);
    const again = plan(from, { ...to, project: made.result, domains: new Set(first.domains) });
    expect([again.missing, again.changes, again.domains]).toEqual([[], [], []]);
  } finally {
    await pages.api.end();
  }
});

test("a repository without a name is told of, and does not keep the project from coming", () => {
  const from = source();
  from.project.source = { type: "gitlab", config: { owner: "", repo_name: "" } };
  expect(plan(from).body(target().resources)).not.toHaveProperty("source");
  expect(plan(from).notes).toEqual([expect.stringContaining("repository is left out")]);
});
