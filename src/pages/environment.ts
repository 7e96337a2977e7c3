/** What each of a project's two environments has: the API's form, checked, patched and shown (`pages-and-builds.md` 1.3). */
import { z } from "zod";
import type { Sealed } from "../domain/version.ts";
import { MAX_CPU_MS } from "../workers/limits.ts";
import { rolloutSchema } from "./gradual.ts";

export type EnvironmentName = "production" | "preview";

/** A variable as it is stored. */
export type Variable = { type: "plain_text"; value: string } | { type: "secret_text"; value: Sealed };

type Entry = Record<string, unknown>;
type Entries = Record<string, Entry>;

/** Kinds of binding that have a map of their own, by the map's name. */
export const bindingMaps = [
  "ai_bindings",
  "analytics_engine_datasets",
  "browsers",
  "d1_databases",
  "durable_object_namespaces",
  "hyperdrive_bindings",
  "kv_namespaces",
  "mtls_certificates",
  "queue_producers",
  "r2_buckets",
  "services",
  "vectorize_bindings",
  // Ours: any binding of a Worker, in the form that uploads of Workers have.
  "bindings",
] as const;
export type BindingMap = (typeof bindingMaps)[number];

/** As it is stored: the API's form, with sealed secrets. */
export type Environment = { env_vars?: Record<string, Variable> } & { [Map in BindingMap]?: Entries } & Settings;

const settings = {
  compatibility_date: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, "must have the form YYYY-MM-DD")
    .nullish(),
  compatibility_flags: z.array(z.string()).nullish(),
  always_use_latest_compatibility_date: z.boolean().nullish(),
  build_image_major_version: z.int().nullish(),
  fail_open: z.boolean().nullish(),
  limits: z.strictObject({ cpu_ms: z.int().min(1).max(MAX_CPU_MS).nullish() }).nullish(),
  placement: z.looseObject({ mode: z.string().optional() }).nullish(),
  usage_model: z.string().nullish(),
  // Ours, of production alone.
  rollout: rolloutSchema.nullish(),
  wrangler_config_hash: z.string().max(64).nullish(),
};

const settingsSchema = z.object(settings);
type Settings = { [Name in keyof z.infer<typeof settingsSchema>]?: NonNullable<z.infer<typeof settingsSchema>[Name]> };

/** Shown where nobody said another (`pages-and-builds.md` 5.2). */
const BUILD_IMAGE_MAJOR_VERSION = 3;

const name = z.string().min(1).max(256);
const variable = z
  .strictObject({ type: z.enum(["plain_text", "secret_text"]).default("plain_text"), value: z.string() })
  .nullable();
/** What is here is stored and shown as it is. */
const entry = z
  .looseObject({})
  .refine(({ type }) => type !== "secret_text", "a secret stands in env_vars, where it is sealed");
const entries = z.record(name, entry.nullable()).nullish();

/** What a request says of one environment: null takes away, what is not named stays. */
export const environmentPatchSchema = z.strictObject({
  ...settings,
  env_vars: z.record(name, variable).nullish(),
  ...(Object.fromEntries(bindingMaps.map((map) => [map, entries])) as Record<BindingMap, typeof entries>),
});
export type EnvironmentPatch = z.infer<typeof environmentPatchSchema>;
/** A preview has nothing to take over. */
export const previewPatchSchema = environmentPatchSchema.omit({ rollout: true });

export const settingNames = Object.keys(settings) as (keyof Settings)[];

export function patchedEnvironment(
  before: Environment,
  patch: EnvironmentPatch,
  seal: (text: string) => Sealed,
): Environment {
  const after: Record<string, unknown> = { ...before };
  for (const setting of settingNames) put(after, setting, patch[setting]);
  for (const map of bindingMaps) put(after, map, patchedMap(before[map], patch[map]));
  const stored = (key: string, { type, value }: { type: Variable["type"]; value: string }): Variable => {
    if (type === "plain_text") return { type, value };
    const known = before.env_vars?.[key];
    // So it is shown: a client that sends all of it back means it to stay.
    return value === "" && known?.type === "secret_text" ? known : { type, value: seal(value) };
  };
  const variables = patch.env_vars && mapped(patch.env_vars, (value, key) => stored(key, value));
  put(after, "env_vars", patchedMap(before.env_vars, variables));
  return after as Environment;
}

function put(target: Record<string, unknown>, name: string, value: unknown): void {
  if (value === null) delete target[name];
  else if (value !== undefined) target[name] = value;
}

/** Null for the whole map empties it. */
function patchedMap<T>(
  before: Record<string, T> | undefined,
  patch: Record<string, T | null> | null | undefined,
): Record<string, T> | null | undefined {
  if (patch === null || patch === undefined) return patch;
  const merged = Object.entries({ ...before, ...patch }).filter((entry): entry is [string, T] => entry[1] !== null);
  return merged.length === 0 ? null : Object.fromEntries(merged);
}

function mapped<T, U>(
  record: Record<string, T | null>,
  change: (value: T, key: string) => U,
): Record<string, U | null> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, value === null ? null : change(value, key)]),
  );
}

/** As the API shows it: defaults filled in, secrets without their values. */
export function presentEnvironment(environment: Environment): Record<string, unknown> {
  const { env_vars, ...rest } = environment;
  return {
    fail_open: true,
    always_use_latest_compatibility_date: false,
    usage_model: "standard",
    build_image_major_version: BUILD_IMAGE_MAJOR_VERSION,
    compatibility_flags: [],
    ...rest,
    env_vars: env_vars ? presentVariables(env_vars) : null,
  };
}

export function presentVariables(variables: Record<string, Variable>): Record<string, unknown> {
  return mapped(variables, ({ type, value }) => ({ type, value: type === "secret_text" ? "" : value }));
}
