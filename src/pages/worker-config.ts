/** A Pages project as a Worker with assets (`pages-and-builds.md` 19.2). */
import type { FunctionRoutes } from "../products/assets/routes-json.ts";
import type { Environment } from "./environment.ts";
import { scriptOfProject } from "./names.ts";

/** What the API shows of a project, as far as it matters here. */
export interface ShownProject {
  name: string;
  build_config: { destination_dir?: string };
  deployment_configs: Record<
    "production" | "preview",
    Omit<Environment, "env_vars"> & { env_vars?: ShownVariables | null }
  >;
  /** The deployment that production has; the project's own flag is of the newest one, which may be a preview. */
  canonical_deployment?: { uses_functions: boolean } | null;
  uses_functions: boolean;
}
type ShownVariables = Record<string, { type: string; value: string }>;

/** What is in the project's directory. */
export interface ProjectFiles {
  /** The deployed directory has a `404.html` at its top. */
  hasNotFoundPage: boolean;
  /** The deployed directory has a `_worker.js`. */
  hasWorker: boolean;
  /** `_routes.json` of the deployed directory. */
  routes: FunctionRoutes | undefined;
  /** Cron triggers of the project. */
  crons: string[];
}

export interface WorkerConfig {
  /** `wrangler.jsonc`. */
  config: Record<string, unknown>;
  /** Lines of `.assetsignore`. */
  ignored: string[];
  /** What a person has to do besides. */
  notes: string[];
}

/** Where `wrangler pages functions build --outdir=build` puts the code of `functions/`. */
const BUILT = "./build/index.js";

export function workerConfig(project: ShownProject, files: ProjectFiles): WorkerConfig {
  const directory = project.build_config.destination_dir ?? "./dist";
  const { production, preview } = project.deployment_configs;
  const hasCode = files.hasWorker || (project.canonical_deployment ?? project).uses_functions;
  const notes: string[] = [];
  if (hasCode && !files.hasWorker)
    notes.push("Compile functions/ before each deploy: npx wrangler pages functions build --outdir=build");
  const own = ownClasses(production);
  const main = files.hasWorker ? `${directory.replace(/\/$/, "")}/_worker.js` : BUILT;
  const config = {
    name: project.name,
    ...(hasCode && { main }),
    compatibility_date: production.compatibility_date,
    ...(production.compatibility_flags && { compatibility_flags: production.compatibility_flags }),
    ...(production.limits && { limits: production.limits }),
    ...(production.placement && { placement: production.placement }),
    workers_dev: true,
    preview_urls: true,
    assets: {
      directory,
      ...(hasCode && { binding: "ASSETS", run_worker_first: workerFirst(files.routes) }),
      not_found_handling: files.hasNotFoundPage ? "404-page" : "single-page-application",
    },
    ...(files.crons.length > 0 && { triggers: { crons: files.crons } }),
    ...bindings(production, notes, ""),
    // The objects and their data move with the class.
    ...(own.length > 0 && {
      migrations: [
        {
          tag: "from-pages",
          transferred_classes: own.map((name) => ({
            from: name,
            from_script: scriptOfProject(project.name),
            to: name,
          })),
        },
      ],
    }),
    env: { preview: bindings(preview, notes, " --env preview") },
  };
  const ignored = files.hasWorker ? ["_worker.js", "_routes.json"] : files.routes ? ["_routes.json"] : [];
  return { config, ignored, notes };
}

/** A directory's rule takes the directory itself in `_routes.json`, and not in `run_worker_first`. */
function workerFirst(routes: FunctionRoutes | undefined): boolean | string[] {
  if (!routes || (routes.include.includes("/*") && routes.exclude.length === 0)) return true;
  const twins = (rule: string) => (rule.endsWith("/*") && rule !== "/*" ? [rule.slice(0, -2), rule] : [rule]);
  return [...routes.include.flatMap(twins), ...routes.exclude.flatMap(twins).map((rule) => `!${rule}`)];
}

function ownClasses(environment: ShownProject["deployment_configs"]["production"]): string[] {
  const entries = Object.values(environment.durable_object_namespaces ?? {});
  return [...new Set(entries.flatMap(({ class_name, service }) => (service || !class_name ? [] : String(class_name))))];
}

/** A wrangler file's words for the bindings. What has none becomes a note. */
function bindings(
  environment: ShownProject["deployment_configs"]["production"],
  notes: string[],
  option: string,
): Record<string, unknown> {
  const variables = Object.entries(environment.env_vars ?? {});
  for (const [name, { type }] of variables)
    if (type === "secret_text")
      notes.push(`Set the secret again, its value is not shown: npx wrangler secret put ${name}${option}`);
  const vars: Record<string, unknown> = Object.fromEntries(
    variables.filter(([, { type }]) => type !== "secret_text").map(([name, { value }]) => [name, value]),
  );
  const list = (map: keyof Environment, words: (name: string, entry: Record<string, unknown>) => object) =>
    Object.entries((environment[map] ?? {}) as Record<string, Record<string, unknown>>).map(([name, entry]) =>
      words(name, entry),
    );
  const result: Record<string, unknown[]> = {
    kv_namespaces: list("kv_namespaces", (binding, { namespace_id }) => ({ binding, id: namespace_id })),
    d1_databases: list("d1_databases", (binding, { id }) => ({ binding, database_name: binding, database_id: id })),
    r2_buckets: list("r2_buckets", (binding, { name }) => ({ binding, bucket_name: name })),
    services: list("services", (binding, entry) => ({ binding, ...entry })),
    analytics_engine_datasets: list("analytics_engine_datasets", (binding, entry) => ({ binding, ...entry })),
    hyperdrive: list("hyperdrive_bindings", (binding, { id }) => ({ binding, id })),
    vectorize: list("vectorize_bindings", (binding, entry) => ({ binding, ...entry })),
    ratelimits: [],
  };
  const producers = list("queue_producers", (binding, { name }) => ({ binding, queue: name }));
  const objects = list("durable_object_namespaces", (name, { class_name, service }) => ({
    name,
    class_name,
    ...(service ? { script_name: service } : {}),
  }));
  for (const [name, { type, ...entry }] of Object.entries(environment.bindings ?? {})) {
    if (type === "json") vars[name] = entry.json;
    else if (type === "ratelimit") result.ratelimits?.push({ name, ...entry });
    else notes.push(`Write the binding ${name} (${String(type)}) into the file by hand.`);
  }
  for (const map of ["ai_bindings", "browsers", "mtls_certificates"] as const)
    for (const name of Object.keys(environment[map] ?? {}))
      notes.push(`Write the binding ${name} (${map}) into the file by hand.`);
  return {
    ...(Object.keys(vars).length > 0 && { vars }),
    ...Object.fromEntries(Object.entries(result).filter(([, entries]) => entries.length > 0)),
    ...(producers.length > 0 && { queues: { producers } }),
    ...(objects.length > 0 && { durable_objects: { bindings: objects } }),
  };
}
