import { expect, test } from "vitest";
import { type ProjectFiles, type ShownProject, workerConfig } from "./worker-config.ts";

const project = (production: object = {}, preview: object = {}, uses_functions = false): ShownProject => ({
  name: "shop",
  build_config: { destination_dir: "dist" },
  deployment_configs: {
    production: { compatibility_date: "2026-01-01", ...production },
    preview: { compatibility_date: "2026-01-01", ...preview },
  },
  uses_functions,
});
const files: ProjectFiles = { hasNotFoundPage: false, hasWorker: false, routes: undefined, crons: [] };

test("files alone: a single page, or the nearest 404 page", () => {
  expect(workerConfig(project(), files)).toEqual({
    config: {
      name: "shop",
      compatibility_date: "2026-01-01",
      workers_dev: true,
      preview_urls: true,
      assets: { directory: "dist", not_found_handling: "single-page-application" },
      env: { preview: {} },
    },
    ignored: [],
    notes: [],
  });
  const { config } = workerConfig(project(), { ...files, hasNotFoundPage: true });
  expect(config.assets).toMatchObject({ not_found_handling: "404-page" });
});

test("whether there are Functions is what production says, not a newer preview", () => {
  const shown = { ...project({}, {}, false), canonical_deployment: { uses_functions: true } };
  expect(workerConfig(shown, files).config).toMatchObject({ main: "./build/index.js" });
  const withoutCode = { ...project({}, {}, true), canonical_deployment: { uses_functions: false } };
  expect(workerConfig(withoutCode, files).config).not.toHaveProperty("main");
});

test("Functions are compiled and come first, where _routes.json says so", () => {
  const { config, notes } = workerConfig(project({}, {}, true), files);
  expect(config).toMatchObject({ main: "./build/index.js", assets: { binding: "ASSETS", run_worker_first: true } });
  expect(notes).toEqual([expect.stringContaining("functions build")]);
  const routes = { include: ["/api/*", "/x"], exclude: ["/api/docs/*", "/api/a"] };
  const routed = workerConfig(project({}, {}, true), { ...files, routes });
  expect(routed.config.assets).toMatchObject({
    run_worker_first: ["/api", "/api/*", "/x", "!/api/docs", "!/api/docs/*", "!/api/a"],
  });
  expect(routed.ignored).toEqual(["_routes.json"]);
});

test("_worker.js is the entry, and no asset", () => {
  const { config, ignored, notes } = workerConfig(project({}, {}, true), {
    ...files,
    hasWorker: true,
    crons: ["* * * * *"],
  });
  expect(config).toMatchObject({ main: "dist/_worker.js", triggers: { crons: ["* * * * *"] } });
  expect([ignored, notes]).toEqual([["_worker.js", "_routes.json"], []]);
});

test("bindings of both environments, in the words of the file", () => {
  const production = {
    env_vars: { A: { type: "plain_text", value: "1" }, S: { type: "secret_text", value: "" } },
    kv_namespaces: { KV: { namespace_id: "k" } },
    d1_databases: { DB: { id: "d" } },
    r2_buckets: { R2: { name: "r" } },
    queue_producers: { Q: { name: "q" } },
    services: { API: { service: "api", entrypoint: "E" } },
    durable_object_namespaces: { OWN: { class_name: "Own" }, OTHER: { class_name: "Other", service: "other" } },
    bindings: {
      J: { type: "json", json: [1] },
      LIMIT: { type: "ratelimit", namespace_id: "1" },
      W: { type: "workflow" },
    },
  };
  const { config, notes } = workerConfig(
    project(production, { env_vars: { A: { type: "plain_text", value: "2" } } }),
    files,
  );
  expect(config).toMatchObject({
    vars: { A: "1", J: [1] },
    kv_namespaces: [{ binding: "KV", id: "k" }],
    d1_databases: [{ binding: "DB", database_name: "DB", database_id: "d" }],
    r2_buckets: [{ binding: "R2", bucket_name: "r" }],
    queues: { producers: [{ binding: "Q", queue: "q" }] },
    services: [{ binding: "API", service: "api", entrypoint: "E" }],
    durable_objects: {
      bindings: [
        { name: "OWN", class_name: "Own" },
        { name: "OTHER", class_name: "Other", script_name: "other" },
      ],
    },
    ratelimits: [{ name: "LIMIT", namespace_id: "1" }],
    migrations: [
      { tag: "from-pages", transferred_classes: [{ from: "Own", from_script: "pages-worker--shop", to: "Own" }] },
    ],
    env: { preview: { vars: { A: "2" } } },
  });
  expect(notes).toEqual([expect.stringContaining("secret put S"), expect.stringContaining("W (workflow)")]);
});
