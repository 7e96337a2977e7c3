/** What this platform has of what a project binds. */
import { ApiRefusal, callApi, listApi } from "../api-client.ts";
import type { WranglerEnv } from "../wrangler-env.ts";
import type { RemoteProject } from "./source.ts";

/** Kinds of resources that are made when they are missing. */
export type Resource = "kv" | "d1" | "r2" | "queue";

export interface Target {
  /** The project as it is here; undefined: there is none. */
  project: RemoteProject | undefined;
  domains: ReadonlySet<string>;
  /** What bindings name them by: ids by names, or names. */
  resources: Record<Resource, Map<string, string>>;
  scripts: ReadonlySet<string>;
  /** Durable Object classes as `<script>/<class>`. */
  classes: ReadonlySet<string>;
}

export async function targetOf(env: WranglerEnv, name: string): Promise<Target> {
  const get = async <T>(path: string) => (await callApi(env, "GET", path)) as T;
  const at = `/pages/projects/${encodeURIComponent(name)}`;
  const project = await get<RemoteProject>(at).catch((error: unknown) => {
    if (error instanceof ApiRefusal && error.status === 404) return undefined;
    throw error;
  });
  const domains = project ? await get<{ name: string }[]>(`${at}/domains`) : [];
  const kv = await listApi<{ id: string; title: string }>(env, "/storage/kv/namespaces");
  const d1 = await listApi<{ uuid: string; name: string }>(env, "/d1/database");
  const { buckets } = await get<{ buckets: { name: string }[] }>("/r2/buckets?per_page=1000");
  const queues = await listApi<{ queue_name: string }>(env, "/queues");
  const scripts = await get<{ id: string }[]>("/workers/scripts");
  const classes = await listApi<{ script: string; class: string }>(env, "/workers/durable_objects/namespaces");
  return {
    project,
    domains: new Set(domains.map((domain) => domain.name)),
    resources: {
      kv: new Map(kv.map(({ id, title }) => [title, id])),
      d1: new Map(d1.map(({ uuid, name: title }) => [title, uuid])),
      r2: new Map(buckets.map((bucket) => [bucket.name, bucket.name])),
      queue: new Map(queues.map(({ queue_name }) => [queue_name, queue_name])),
    },
    scripts: new Set(scripts.map(({ id }) => id)),
    classes: new Set(classes.map(({ script, class: className }) => `${script}/${className}`)),
  };
}

/** Makes what is missing; answers what bindings name it by. */
export async function make(env: WranglerEnv, kind: Resource, name: string): Promise<string> {
  const post = async (path: string, body: unknown) =>
    (await callApi(env, "POST", path, body)) as Record<string, string>;
  switch (kind) {
    case "kv":
      return (await post("/storage/kv/namespaces", { title: name })).id ?? "";
    case "d1":
      return (await post("/d1/database", { name })).uuid ?? "";
    case "r2":
      await post("/r2/buckets", { name });
      return name;
    case "queue":
      await post("/queues", { queue_name: name });
      return name;
  }
}
