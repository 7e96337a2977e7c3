/** What the other platform says of a project, with the names of what it binds. */
import { isObject } from "../../lib/is-object.ts";
import { CommandError } from "../command.ts";
import { besideOf, isFreehold } from "./beside.ts";
import { listRemote, type RemoteAccount, RemoteRefusal, readRemote } from "./remote.ts";

type Entries = Record<string, Record<string, unknown> | null> | null | undefined;

/** An environment as an API shows it; of the original it may have keys that nobody here knows. */
export type RemoteEnvironment = Record<string, unknown> & {
  env_vars?: Record<string, { type: string; value?: string } | null> | null;
};

export interface RemoteProject {
  [key: string]: unknown;
  name: string;
  production_branch: string;
  /** Of another Freehold: the script that owns the classes of the project itself. */
  production_script_name?: string;
  build_config?: Record<string, unknown> | null;
  source?: { type: string; config?: Record<string, unknown> } | null;
  deployment_configs: { production?: RemoteEnvironment | null; preview?: RemoteEnvironment | null };
}

export interface Source {
  project: RemoteProject;
  /** Custom domains. Of another Freehold some may show a branch. */
  domains: {
    name: string;
    branch?: string;
    status?: string;
    verification_data?: { error_message?: string } | null;
    validation_data?: { error_message?: string } | null;
  }[];
  /** Names of KV namespaces and D1 databases by id; those that could not be read are not there. */
  kv: ReadonlyMap<string, string>;
  d1: ReadonlyMap<string, string>;
  /** Durable Object classes by the namespace's id. */
  classes: ReadonlyMap<string, { script: string; className: string }>;
  /** What could not be read, or stays there, for people. */
  unread: string[];
}

export function projectsOf(remote: RemoteAccount): Promise<RemoteProject[]> {
  return listRemote(remote, "/pages/projects", "its Pages projects", 10);
}

export async function sourceOf(remote: RemoteAccount, name: string): Promise<Source> {
  const at = `/pages/projects/${encodeURIComponent(name)}`;
  const project = await readRemote<RemoteProject>(remote, at, `the Pages project "${name}"`);
  const domains = await readRemote<Source["domains"]>(remote, `${at}/domains`, `the domains of "${name}"`);
  if (!isObject(project) || project.name !== name || !Array.isArray(domains) || !domains.every(isObject))
    throw new CommandError(
      `${new URL(remote.baseUrl).host} did not describe the project "${name}" as an API of Pages does.`,
    );
  project.deployment_configs ??= {};
  const { production, preview } = project.deployment_configs;
  const bound = (map: string, field: string) => [
    ...new Set([production, preview].flatMap((one) => valuesOf(one?.[map] as Entries, field))),
  ];
  const unread: string[] = [];
  /** Names are for the mapping alone: a token that may not read them is no reason to stop. */
  const optional = async <T>(read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof RemoteRefusal) || ![403, 404].includes(error.status)) throw error;
      unread.push(error.message);
      return undefined;
    }
  };
  const named = async (ids: string[], path: string, field: string, what: string) => {
    const names = new Map<string, string>();
    for (const id of ids) {
      const one = await optional(() =>
        readRemote<Record<string, string>>(remote, `${path}/${encodeURIComponent(id)}`, `${what} ${id}`),
      );
      const found = one?.[field];
      if (found) names.set(id, found);
    }
    return names;
  };
  if (isFreehold(project)) unread.push(...(await besideOf(remote, project, optional)));
  const objects = bound("durable_object_namespaces", "namespace_id");
  const namespaces =
    objects.length === 0
      ? []
      : await optional(() =>
          listRemote<{ id: string; script?: string; class?: string }>(
            remote,
            "/workers/durable_objects/namespaces",
            "its Durable Object namespaces",
            20,
          ),
        );
  return {
    project,
    domains: domains.map(({ branch, ...domain }) =>
      branch === undefined || branch === project.production_branch ? domain : { ...domain, branch },
    ),
    kv: await named(bound("kv_namespaces", "namespace_id"), "/storage/kv/namespaces", "title", "the KV namespace"),
    d1: await named(bound("d1_databases", "id"), "/d1/database", "name", "the D1 database"),
    classes: new Map(
      (namespaces ?? []).flatMap(({ id, script, class: className }) =>
        script && className ? [[id, { script, className }] as const] : [],
      ),
    ),
    unread,
  };
}

function valuesOf(entries: Entries, field: string): string[] {
  return Object.values(entries ?? {}).flatMap((entry) => (typeof entry?.[field] === "string" ? [entry[field]] : []));
}
