import { z } from "zod";
import { parseJson } from "../lib/parse-json.ts";
import { exportsSchema } from "../products/durable-objects/declared-exports.ts";
import { migrationsSchema } from "../products/durable-objects/migrations.ts";
import { invalidUpload, unreadableBody } from "./errors.ts";
import { MAX_ANNOTATION_LENGTH, MAX_CPU_MS, MAX_METADATA_BYTES, MAX_TAGS, MAX_TAIL_CONSUMERS } from "./limits.ts";
import { protectionChoices } from "./protection/store.ts";

/** Annotations of a version or deployment. Null and absent values are dropped. */
export const annotationsSchema = z
  .record(z.string().max(100), z.string().max(MAX_ANNOTATION_LENGTH).nullish())
  .transform((given) =>
    Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] != null)),
  );

/** `header:<name>`; names of headers mean the same in every case. */
const affinityHeader = z
  .string()
  .max(100)
  .toLowerCase()
  .regex(/^header:[!#$%&'*+.^_`|~0-9a-z-]+$/)
  .transform((rule) => rule as `header:${string}`);

/** Who is told of invocations. */
export const tracingSettings = {
  logpush: z.boolean().nullish(),
  tail_consumers: z
    .array(z.looseObject({ service: z.string(), environment: z.string().optional() }))
    .max(MAX_TAIL_CONSUMERS)
    .nullish(),
  observability: z.looseObject({ enabled: z.boolean().optional() }).nullish(),
};

/** Script settings that are not versioned (`workers-semantics.md` 3.1). */
const scriptSettings = {
  ...tracingSettings,
  tags: z.array(z.string()).max(MAX_TAGS).nullish(),
  // Ours: whose Durable Objects and workflows a version that is not deployed sees.
  preview_state: z.enum(["own", "production"]).nullish(),
  // Ours: what keeps a visitor on one version of a split.
  version_affinity: z
    .union([z.enum(["cookie", "ip"]), affinityHeader], { error: 'must be "cookie", "ip" or "header:<name>"' })
    .nullish(),
  // Ours: which addresses need an access token.
  protection: z.enum(protectionChoices).nullish(),
};

/** Settings that belong to a version. */
const versionSettings = {
  compatibility_date: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, "must have the form YYYY-MM-DD")
    .optional(),
  compatibility_flags: z.array(z.string()).optional(),
  limits: z
    .looseObject({
      cpu_ms: z.int().min(1).max(MAX_CPU_MS).nullish(),
      subrequests: z.int().min(1).nullish(),
    })
    .nullish(),
  placement: z.looseObject({ mode: z.string().optional() }).nullish(),
  usage_model: z.string().nullish(),
  annotations: annotationsSchema.optional(),
  bindings: z.array(z.unknown()).optional(),
  // `config` is checked by the product, with all its rules.
  assets: z.looseObject({ jwt: z.string().nullish(), config: z.looseObject({}).nullish() }).nullish(),
};

/** `metadata` of an upload (`wrangler-api.md` 2.7). Keys that are not named here are kept as they are. */
export const metadataSchema = z.looseObject({
  ...scriptSettings,
  ...versionSettings,
  main_module: z.string().optional(),
  body_part: z.string().optional(),
  keep_bindings: z.array(z.string()).nullish(),
  keep_assets: z.boolean().nullish(),
  migrations: migrationsSchema.nullish(),
  exports: exportsSchema.nullish(),
});
export type Metadata = z.infer<typeof metadataSchema>;

/** Body of `PATCH settings`: as an upload, without the code. */
export const settingsSchema = z.looseObject({ ...scriptSettings, ...versionSettings });
export type SettingsPatch = z.infer<typeof settingsSchema>;

/** Body of `PATCH script-settings`. */
export const scriptSettingsSchema = z.looseObject(scriptSettings);
export type ScriptSettingsPatch = z.infer<typeof scriptSettingsSchema>;

/** Parses the text of a form's JSON part; error 10026 when it is not JSON, 10021 when it does not fit. */
export function parseJsonPart<T>(part: string, text: string, schema: z.ZodType<T>): T {
  if (text.length > MAX_METADATA_BYTES)
    throw unreadableBody(`the part "${part}" is larger than ${MAX_METADATA_BYTES} bytes.`);
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw unreadableBody(`the part "${part}" is not JSON: ${(error as Error).message}.`);
  }
  return parseWith(part, json, schema);
}

/** Applies a schema; the error names the first field that does not fit. */
export function parseWith<T>(part: string, json: unknown, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.join(".");
  throw invalidUpload(`The ${part} is not valid${path ? ` at "${path}"` : ""}: ${issue?.message ?? "unknown reason"}.`);
}
