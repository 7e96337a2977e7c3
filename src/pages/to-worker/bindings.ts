/** An environment in a wrangler file's words. */

import { PAGES_SCRIPT_PREFIX } from "../../workers/limits.ts";
import { type RawBinding, rawBindings } from "../bindings.ts";
import type { MovedProject, ShownEnvironment } from "./project.ts";

/** What there is to say of an environment. */
export interface Words {
  /** Keys of the file. */
  config: Record<string, unknown>;
  /** Names of secrets, whose values nobody shows. */
  secrets: string[];
  /** Durable Object classes of the project itself that are bound. */
  ownClasses: string[];
  /** Workflows of the project itself that are bound. */
  ownWorkflows: string[];
  /** Names and types of bindings that must be written by hand. */
  wordless: string[];
}

/** Where an entry stands in the file, and the entry. Null: there are no words for it. */
type Entry = [path: string, entry: unknown] | null;

export function wordsOf(project: MovedProject, environment: ShownEnvironment): Words {
  const words: Words = { config: {}, secrets: [], ownClasses: [], ownWorkflows: [], wordless: [] };
  const { env_vars, ...maps } = environment;
  for (const [name, { type, value }] of Object.entries(env_vars ?? {})) {
    if (type === "secret_text") words.secrets.push(name);
    else put(words.config, ["vars", name], value);
  }
  for (const raw of rawBindings(maps)) {
    const entry = entryOf(project, raw);
    if (!entry) {
      words.wordless.push(`${raw.name} (${String(raw.type)})`);
      continue;
    }
    const [path, said] = entry;
    put(words.config, path.split("."), said);
    const { class_name, script_name, name } = said as { class_name?: string; script_name?: string; name?: string };
    if (path === "workflows[]" && name && !script_name) words.ownWorkflows.push(name);
    if (path === "durable_objects.bindings[]" && class_name && !script_name) words.ownClasses.push(class_name);
  }
  return words;
}

function entryOf(project: MovedProject, { name, type, ...rest }: RawBinding): Entry {
  const binding = name;
  switch (type) {
    case "kv_namespace":
      return ["kv_namespaces[]", { binding, id: rest.namespace_id }];
    case "d1": {
      const id = rest.id ?? rest.database_id;
      return [
        "d1_databases[]",
        { binding, database_name: project.databases.get(String(id)) ?? binding, database_id: id },
      ];
    }
    case "r2_bucket":
    case "service":
    case "analytics_engine":
    case "hyperdrive":
    case "vectorize":
    case "mtls_certificate":
    case "secrets_store_secret":
    case "worker_loader":
      return [lists[type], { binding, ...rest }];
    case "queue": {
      const { queue_name, ...more } = rest;
      return ["queues.producers[]", { binding, queue: queue_name, ...more }];
    }
    case "durable_object_namespace":
      return objectEntry(project, name, rest);
    case "workflow": {
      const { workflow_name, ...more } = rest;
      return ["workflows[]", { binding, name: workflow_name, ...more }];
    }
    case "ratelimit":
      return ["ratelimits[]", { name, ...rest }];
    case "ai":
    case "browser":
    case "images":
    case "version_metadata":
      return [type, { binding }];
    case "json":
      return [`vars.${name}`, rest.json];
    case "plain_text":
      return [`vars.${name}`, rest.text];
    default:
      return null;
  }
}

const lists = {
  r2_bucket: "r2_buckets[]",
  service: "services[]",
  analytics_engine: "analytics_engine_datasets[]",
  hyperdrive: "hyperdrive[]",
  vectorize: "vectorize[]",
  mtls_certificate: "mtls_certificates[]",
  secrets_store_secret: "secrets_store_secrets[]",
  worker_loader: "worker_loaders[]",
};

/** By class, or by the namespace's id. The project's own classes become those of the Worker. */
function objectEntry(project: MovedProject, name: string, raw: Record<string, unknown>): Entry {
  const known = project.classes.find(({ id }) => id === raw.namespace_id);
  const class_name = raw.class_name ?? known?.className;
  const script_name = raw.script_name ?? (raw.class_name === undefined ? known?.script : undefined);
  if (class_name === undefined) return null;
  const own =
    script_name === undefined ||
    script_name === `${PAGES_SCRIPT_PREFIX}${project.name}` ||
    script_name === project.name;
  return ["durable_objects.bindings[]", { name, class_name, ...(!own && { script_name }) }];
}

/** `a.b` is a field of a field, `a[]` one more of a list. */
function put(target: Record<string, unknown>, [key = "", ...more]: string[], value: unknown): void {
  if (key.endsWith("[]")) {
    const list = key.slice(0, -2);
    target[list] = [...((target[list] as unknown[] | undefined) ?? []), value];
  } else if (more.length === 0) target[key] = value;
  else {
    const inner = { ...(target[key] as Record<string, unknown> | undefined) };
    put(inner, more, value);
    target[key] = inner;
  }
}
