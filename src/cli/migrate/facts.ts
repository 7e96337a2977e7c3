/** What the platform knows of a project that becomes a Worker. */
import { scriptOfProject } from "../../pages/names.ts";
import type { MovedProject, ShownEnvironment } from "../../pages/to-worker/project.ts";
import type { FunctionRoutes } from "../../products/assets/routes-json.ts";
import { callApi, listApi } from "../api-client.ts";
import type { WranglerEnv } from "../wrangler-env.ts";

interface ShownProject {
  name: string;
  build_config: { destination_dir?: string };
  production_branch: string;
  deployment_configs: Record<"production" | "preview", ShownEnvironment>;
  /** The deployment that production has; the project's own flag is of the newest one, which may be a preview. */
  canonical_deployment?: { id: string; uses_functions: boolean } | null;
  uses_functions: boolean;
}

interface ShownQueue {
  queue_name: string;
  consumers: { type: string; script?: string; dead_letter_queue?: string; settings: Record<string, unknown> }[];
}

export interface Facts {
  project: MovedProject;
  /** The directory that was deployed, if a wrangler file or the build's settings said it. */
  directory: string | undefined;
}

/** Throws CommandError when there is no such project. */
export async function factsOf(env: WranglerEnv, name: string): Promise<Facts> {
  const get = async <T>(path: string) => (await callApi(env, "GET", path)) as T;
  const at = `/pages/projects/${encodeURIComponent(name)}`;
  const shown = await get<ShownProject>(at);
  const script = scriptOfProject(shown.name);
  const of = `/workers/scripts/${script}`;
  const live = shown.canonical_deployment;
  const [deployment, schedules, settings, routes, domains, queues, databases, classes] = [
    live && (await get<{ function_routes: FunctionRoutes | null }>(`${at}/deployments/${live.id}`)),
    await get<{ schedules: { cron: string }[] }>(`${of}/schedules`),
    await get<Record<string, unknown>>(`${of}/script-settings`),
    await get<{ pattern: string }[]>(`${of}/routes`),
    await get<{ name: string; zone_tag: string; branch: string }[]>(`${at}/domains`),
    await listApi<ShownQueue>(env, "/queues"),
    await listApi<{ uuid: string; name: string }>(env, "/d1/database"),
    await listApi<{ id: string; class: string; script: string }>(env, "/workers/durable_objects/namespaces"),
  ];
  const { production, preview } = shown.deployment_configs;
  return {
    directory: shown.build_config.destination_dir,
    project: {
      name: shown.name,
      production,
      preview,
      usesFunctions: (live ?? shown).uses_functions,
      routes: deployment?.function_routes ?? undefined,
      crons: schedules.schedules.map(({ cron }) => cron),
      consumers: queues.flatMap((queue) => consumersOf(queue, script)),
      domains: domains.map(({ name: host, zone_tag, branch }) => ({
        name: host,
        zoned: zone_tag !== "",
        branch: branch === shown.production_branch ? undefined : branch,
      })),
      workerRoutes: routes.map(({ pattern }) => pattern),
      settings: settingsOf(settings),
      ownSettings: ownSettingsOf(settings),
      databases: new Map(databases.map(({ uuid, name: title }) => [uuid, title])),
      classes: classes.map(({ id, class: className, script: owner }) => ({ id, className, script: owner })),
    },
  };
}

function consumersOf({ queue_name, consumers }: ShownQueue, script: string): MovedProject["consumers"] {
  return consumers
    .filter((consumer) => consumer.script === script)
    .map(
      ({
        dead_letter_queue,
        settings: { batch_size, max_wait_time_ms, max_retries, max_concurrency, retry_delay },
      }) => {
        const said = {
          max_batch_size: batch_size,
          max_batch_timeout: typeof max_wait_time_ms === "number" ? max_wait_time_ms / 1000 : undefined,
          max_retries,
          max_concurrency,
          retry_delay,
          dead_letter_queue,
        };
        const given = Object.entries(said).filter(([, value]) => value !== undefined && value !== null);
        return { queue: queue_name, ...Object.fromEntries(given) };
      },
    );
}

function settingsOf({ logpush, observability, tail_consumers }: Record<string, unknown>): Record<string, unknown> {
  return {
    ...(logpush === true && { logpush }),
    ...(observability ? { observability } : {}),
    ...(Array.isArray(tail_consumers) && tail_consumers.length > 0 && { tail_consumers }),
  };
}

/** Settings that are ours alone. */
function ownSettingsOf(settings: Record<string, unknown>): Record<string, unknown> {
  const names = ["protection", "preview_state", "version_affinity"];
  return Object.fromEntries(names.filter((name) => settings[name] != null).map((name) => [name, settings[name]]));
}
