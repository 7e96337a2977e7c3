/** A project's environment as bindings of a version, and back from those that a wrangler file gave. */
import type { Binding } from "../domain/version.ts";
import type { RegisteredClass } from "../products/durable-objects/lifecycle.ts";
import { type BindingMap, bindingMaps, type Environment, type Variable } from "./environment.ts";
import { invalidRequest } from "./errors.ts";

/** A binding in the form of an upload's metadata. */
export type RawBinding = Record<string, unknown> & { name: string };

/** Type of the binding, and its fields: those of the map to those of the metadata. */
export const mapForms: Record<Exclude<BindingMap, "bindings">, { type: string; fields: Record<string, string> }> = {
  ai_bindings: { type: "ai", fields: { project_id: "project_id" } },
  analytics_engine_datasets: { type: "analytics_engine", fields: { dataset: "dataset" } },
  browsers: { type: "browser", fields: {} },
  d1_databases: { type: "d1", fields: { id: "id" } },
  durable_object_namespaces: {
    type: "durable_object_namespace",
    fields: {
      class_name: "class_name",
      service: "script_name",
      environment: "environment",
      namespace_id: "namespace_id",
    },
  },
  hyperdrive_bindings: { type: "hyperdrive", fields: { id: "id" } },
  kv_namespaces: { type: "kv_namespace", fields: { namespace_id: "namespace_id" } },
  mtls_certificates: { type: "mtls_certificate", fields: { certificate_id: "certificate_id" } },
  queue_producers: { type: "queue", fields: { name: "queue_name" } },
  r2_buckets: { type: "r2_bucket", fields: { name: "bucket_name", jurisdiction: "jurisdiction" } },
  services: {
    type: "service",
    fields: { service: "service", environment: "environment", entrypoint: "entrypoint" },
  },
  vectorize_bindings: { type: "vectorize", fields: { index_name: "index_name" } },
};

/** What names of an environment's bindings mean. */
export interface BindingContext {
  /** The project's own name, by which a wrangler file may name its classes, and that of its script. */
  project: string;
  script: string;
  /** Durable Object classes of the account. */
  classes: RegisteredClass[];
  /** Names of the account's scripts. */
  scripts: ReadonlySet<string>;
  /** Variables that the environment's own go before. */
  given: Record<string, string>;
}

export interface EnvironmentBindings {
  /** What an upload would say. */
  raws: RawBinding[];
  /** Secrets as they are stored, which `inherit` entries of `raws` name. */
  secrets: Binding[];
  /** Durable Object classes of the project itself that bindings name. */
  ownClasses: string[];
}

/** The name under which code finds the deployment's own files. */
const ASSETS = "ASSETS";

export function bindingsOf(environment: Environment, context: BindingContext): EnvironmentBindings {
  const variables = Object.entries(environment.env_vars ?? {});
  const raws: RawBinding[] = variables.map(([name, variable]) =>
    variable.type === "secret_text" ? { name, type: "inherit" } : { name, type: "plain_text", text: variable.value },
  );
  const ownClasses = new Set<string>();
  for (const raw of rawBindings(environment)) {
    const resolved = raw.type === "durable_object_namespace" ? namespaceBinding(raw, context) : raw;
    if (resolved.type === "durable_object_namespace" && resolved.script_name === undefined)
      ownClasses.add(String(resolved.class_name));
    raws.push(resolved);
  }
  const taken = new Set(raws.map(({ name }) => name));
  if (!taken.has(ASSETS)) raws.push({ name: ASSETS, type: "assets" });
  for (const [name, text] of Object.entries(context.given)) {
    if (!taken.has(name)) raws.push({ name, type: "plain_text", text });
  }
  return { raws, secrets: variables.flatMap(secret), ownClasses: [...ownClasses] };
}

/** What the maps of an environment bind, in the form of an upload. Error 8000103 for a field that is not known. */
export function rawBindings(environment: { [Map in BindingMap]?: Environment[Map] | null }): RawBinding[] {
  return bindingMaps.flatMap((map) =>
    Object.entries(environment[map] ?? {}).map(([name, entry]) =>
      map === "bindings" ? { ...entry, name } : formed(map, name, entry),
    ),
  );
}

function secret([name, variable]: [string, Variable]): Binding[] {
  return variable.type === "secret_text" ? [{ type: "secret_text", name, text: variable.value }] : [];
}

function formed(map: Exclude<BindingMap, "bindings">, name: string, entry: Record<string, unknown>): RawBinding {
  const { type, fields } = mapForms[map];
  const raw: RawBinding = { name, type };
  for (const [key, value] of Object.entries(entry)) {
    const field = fields[key];
    if (field === undefined)
      throw invalidRequest(
        `"${map}.${name}" has the field "${key}", which is not known. It may have: ${Object.keys(fields).join(", ") || "none"}.`,
      );
    if (value !== null && value !== undefined && value !== "") raw[field] = value;
  }
  return raw;
}

/** By the namespace's id, or by class and script. No script, and the project's own name, mean the project itself. */
function namespaceBinding(raw: RawBinding, context: BindingContext): RawBinding {
  const { namespace_id, script_name, environment: _, ...rest } = raw;
  if (rest.class_name === undefined && typeof namespace_id === "string") {
    const known = context.classes.find((one) => one.namespaceId === namespace_id);
    if (!known)
      throw invalidRequest(
        `The binding "${raw.name}" names the Durable Object namespace "${namespace_id.slice(0, 80)}", which the account does not have.`,
      );
    const other = known.scriptName === context.script ? {} : { script_name: known.scriptName };
    return { ...rest, class_name: known.className, ...other };
  }
  const isOwn =
    script_name === undefined ||
    script_name === context.script ||
    (script_name === context.project && !context.scripts.has(context.project));
  return isOwn ? { ...rest } : { ...rest, script_name };
}

/**
 * The environment after a deployment with a wrangler file: the file says all that it can say. Secrets stay, and so do bindings
 * that a Pages file has no words for.
 */
export function environmentOfFile(
  before: Environment,
  raws: readonly unknown[],
  settings: Pick<
    Environment,
    "compatibility_date" | "compatibility_flags" | "limits" | "placement" | "wrangler_config_hash"
  >,
): Environment {
  const after: Environment = { ...settings };
  for (const kept of ["fail_open", "usage_model", "build_image_major_version", "rollout"] as const) {
    if (before[kept] !== undefined) Object.assign(after, { [kept]: before[kept] });
  }
  const variables = Object.entries(before.env_vars ?? {}).filter(([, { type }]) => type === "secret_text");
  after.env_vars = Object.fromEntries(variables);
  const wordless = Object.entries(before.bindings ?? {}).filter(([, { type }]) => !fileTypes.has(String(type)));
  after.bindings = Object.fromEntries(wordless);
  for (const raw of raws as RawBinding[]) addToEnvironment(after, raw);
  return after;
}

/** Types of binding that a Pages file can express. */
const fileTypes = new Set([
  ...Object.values(mapForms).map(({ type }) => type),
  "plain_text",
  "json",
  "version_metadata",
]);

function addToEnvironment(environment: Environment, raw: RawBinding): void {
  const { name, type, ...rest } = raw;
  // It would be stored and shown as it is.
  if (type === "secret_text")
    throw invalidRequest(
      `"${name}" is a secret, which no file has. Set it with \`wrangler pages secret put ${name}\`.`,
    );
  if (type === "plain_text") {
    environment.env_vars = { ...environment.env_vars, [name]: { type, value: String(rest.text) } };
    return;
  }
  const [map, form] = Object.entries(mapForms).find(([, one]) => one.type === type) ?? [];
  const fields = Object.fromEntries(Object.entries(form?.fields ?? {}).map(([from, to]) => [to, from]));
  // What a map has no field for is kept in the form of the upload.
  const fits = map !== undefined && Object.keys(rest).every((field) => fields[field] !== undefined);
  const key = fits ? (map as BindingMap) : "bindings";
  const entry = fits
    ? Object.fromEntries(Object.entries(rest).map(([field, value]) => [fields[field], value]))
    : { type, ...rest };
  environment[key] = { ...environment[key], [name]: entry };
}
