import { expect, test } from "vitest";
import { toWorker } from "./config.ts";
import type { MovedProject, ProjectFiles, ShownEnvironment } from "./project.ts";

const date = { compatibility_date: "2026-01-01" };
const project = (more: Partial<MovedProject> = {}): MovedProject => ({
  name: "shop",
  production: date,
  preview: date,
  usesFunctions: false,
  routes: undefined,
  crons: [],
  consumers: [],
  domains: [],
  workerRoutes: [],
  settings: {},
  ownSettings: {},
  databases: new Map([["d", "orders"]]),
  classes: [],
  ...more,
});
const files = (more: Partial<ProjectFiles> = {}): ProjectFiles => ({
  directory: "dist",
  worker: undefined,
  hasFunctions: false,
  notFoundPages: [],
  hasRoutesFile: false,
  headers: "",
  ignored: "",
  before: {},
  ...more,
});
const withCode = (more: Partial<MovedProject> = {}) => project({ usesFunctions: true, ...more });
const config = (moved: MovedProject, has: Partial<ProjectFiles> = {}) => toWorker(moved, files(has)).config;
const notes = (moved: MovedProject, has: Partial<ProjectFiles> = {}) => toWorker(moved, files(has)).notes.join("\n");

test("files alone: a single page, or the nearest 404 page", () => {
  expect(config(project())).toEqual({
    name: "shop",
    compatibility_date: "2026-01-01",
    workers_dev: true,
    preview_urls: true,
    assets: { directory: "dist", not_found_handling: "single-page-application" },
  });
  const top = { notFoundPages: ["404.html", "docs/404.html"] };
  expect(config(project(), top)).toMatchObject({ assets: { not_found_handling: "404-page" } });
  expect(notes(project(), top)).not.toContain("404.html");
  expect(notes(project(), { notFoundPages: ["docs/404.html"] })).toContain("docs/404.html is no longer shown");
});

test("functions/ are compiled by the build, with the project's compatibility settings, and come before the files", () => {
  const production = { ...date, compatibility_flags: ["nodejs_compat"] };
  expect(config(withCode({ production }))).toMatchObject({
    main: "build/index.js",
    build: {
      command:
        "npx wrangler pages functions build --outdir=build --build-output-directory=dist --sourcemap " +
        "--compatibility-date=2026-01-01 --compatibility-flag=nodejs_compat",
      watch_dir: "functions",
    },
    assets: { binding: "ASSETS", run_worker_first: true },
  });
  expect(notes(withCode())).toContain("here is no functions/");
  expect(notes(withCode(), { hasFunctions: true })).not.toContain("no functions/");
});

test.each([
  ["_worker.js", "dist/_worker.js"],
  ["_worker.js/index.js", "dist/_worker.js/index.js"],
])("%s is the entry, and no asset", (worker, main) => {
  const moved = toWorker(withCode(), files({ worker, hasRoutesFile: true, ignored: "*.map" }));
  expect(moved.config).toMatchObject({ main, assets: { run_worker_first: true } });
  expect(moved.config).not.toHaveProperty("build");
  expect(moved.files[".assetsignore"]).toBe("*.map\n_worker.js\n_routes.json\n");
  // Once it is written, nothing is added to it.
  const again = toWorker(
    withCode(),
    files({ worker, hasRoutesFile: true, ignored: moved.files[".assetsignore"] ?? "" }),
  );
  expect(again.files).not.toHaveProperty(".assetsignore");
});

test("what the wrangler file says besides stays, in its order; what it says of previews holds", () => {
  const before = {
    $schema: "s",
    vars: {},
    upload_source_maps: true,
    pages_build_output_dir: "dist",
    env: {
      preview: {
        vars: { A: "2" },
        durable_objects: { bindings: [{ name: "O", class_name: "Own", script_name: "shop" }] },
      },
    },
  };
  const production: ShownEnvironment = { ...date, env_vars: { A: { type: "plain_text", value: "1" } } };
  const made = config(project({ production }), { before });
  expect(Object.keys(made).slice(0, 4)).toEqual(["$schema", "vars", "upload_source_maps", "env"]);
  expect(made).toMatchObject({
    vars: { A: "1" },
    env: {
      preview: {
        vars: { A: "2" },
        durable_objects: { bindings: [{ name: "O", class_name: "Own" }] },
        migrations: [{ tag: "previews", new_sqlite_classes: ["Own"] }],
      },
    },
  });
});

test("bindings, in the words of the file; what has no words, and secrets, are named", () => {
  const production: ShownEnvironment = {
    ...date,
    env_vars: { A: { type: "plain_text", value: "1" }, S: { type: "secret_text", value: "" } },
    kv_namespaces: { KV: { namespace_id: "k" } },
    d1_databases: { DB: { id: "d" } },
    r2_buckets: { R2: { name: "r", jurisdiction: "eu" } },
    queue_producers: { Q: { name: "q" } },
    services: { API: { service: "api", entrypoint: "E" } },
    browsers: { B: {} },
    ai_bindings: { AI: {} },
    bindings: {
      J: { type: "json", json: [1] },
      LIMIT: { type: "ratelimit", namespace_id: "1", simple: { limit: 1, period: 60 } },
      W: { type: "workflow", workflow_name: "w", class_name: "W" },
      V: { type: "version_metadata" },
      X: { type: "send_email" },
    },
  };
  const preview: ShownEnvironment = {
    ...date,
    env_vars: { A: { type: "plain_text", value: "2" } },
    limits: { cpu_ms: 5 },
  };
  expect(config(project({ production, preview }))).toMatchObject({
    vars: { A: "1", J: [1] },
    kv_namespaces: [{ binding: "KV", id: "k" }],
    d1_databases: [{ binding: "DB", database_name: "orders", database_id: "d" }],
    r2_buckets: [{ binding: "R2", bucket_name: "r", jurisdiction: "eu" }],
    queues: { producers: [{ binding: "Q", queue: "q" }] },
    services: [{ binding: "API", service: "api", entrypoint: "E" }],
    browser: { binding: "B" },
    ai: { binding: "AI" },
    ratelimits: [{ name: "LIMIT", namespace_id: "1", simple: { limit: 1, period: 60 } }],
    workflows: [{ binding: "W", name: "w", class_name: "W" }],
    version_metadata: { binding: "V" },
    env: { preview: { vars: { A: "2" }, limits: { cpu_ms: 5 } } },
  });
  const told = notes(project({ production, preview }));
  expect(told).toContain('npx wrangler secret put S --env=""\n');
  expect(told).toContain("npx wrangler workflows delete w");
  expect(told).not.toContain("rollout");
  const stepwise = project({ production: { ...production, rollout: { percentage: 5 } } });
  expect(notes(stepwise)).toContain("whatever the project's rollout says");
  expect(told).toContain("Write the binding X (send_email) into the file by hand.");
});

test("Durable Object classes of the project move with their data, those it only binds are new", () => {
  const classes = [
    { id: "1", className: "Own", script: "pages-worker--shop" },
    { id: "2", className: "Unbound", script: "pages-worker--shop" },
    { id: "3", className: "Other", script: "other" },
  ];
  const production: ShownEnvironment = {
    ...date,
    durable_object_namespaces: {
      OWN: { class_name: "Own" },
      BY_NAME: { class_name: "Fresh", service: "shop" },
      BY_ID: { namespace_id: "3" },
      LOST: { namespace_id: "4" },
    },
  };
  const moved = withCode({ production, classes, crons: ["* * * * *"], preview: production });
  expect(config(moved)).toMatchObject({
    durable_objects: {
      bindings: [
        { name: "OWN", class_name: "Own" },
        { name: "BY_NAME", class_name: "Fresh" },
        { name: "BY_ID", class_name: "Other", script_name: "other" },
      ],
    },
    migrations: [
      {
        tag: "from-pages",
        transferred_classes: ["Own", "Unbound"].map((name) => ({
          from: name,
          from_script: "pages-worker--shop",
          to: name,
        })),
        new_sqlite_classes: ["Fresh"],
      },
    ],
    // Inherited, they would take the same classes once more, and run the same cron again.
    env: {
      preview: { migrations: [{ tag: "previews", new_sqlite_classes: ["Own", "Fresh"] }], triggers: { crons: [] } },
    },
  });
  expect(notes(moved)).toContain("LOST (durable_object_namespace)");
});

test("triggers: crons, consumers and custom domains in zones; others are named", () => {
  const moved = withCode({
    crons: ["0 4 * * *"],
    consumers: [{ queue: "orders", max_batch_size: 5 }],
    domains: [
      { name: "a.example.com", zoned: true, branch: undefined },
      { name: "b.example.com", zoned: true, branch: "dev" },
      { name: "c.other.org", zoned: false, branch: undefined },
    ],
    workerRoutes: ["example.com/part/*"],
    settings: { logpush: true },
    ownSettings: { protection: "all" },
  });
  expect(config(moved)).toMatchObject({
    triggers: { crons: ["0 4 * * *"] },
    queues: { consumers: [{ queue: "orders", max_batch_size: 5 }] },
    routes: [{ pattern: "a.example.com", custom_domain: true }],
    logpush: true,
  });
  for (const named of [
    "consumer remove orders pages-worker--shop",
    'b.example.com shows the branch "dev"',
    "c.other.org",
    "example.com/part/*",
    'shop/script-settings with {"protection":"all"}',
  ])
    expect(notes(moved)).toContain(named);
});
