import { z } from "zod";
import type { ApiRequest } from "../../lib/api.ts";
import { uploadBlobs } from "../../products/assets/asset-blobs.ts";
import type { Platform } from "../../store/platform.ts";
import type { NamedPreviewRow, ScriptRow } from "../../store/schema.ts";
import { type Change, changeScript } from "../change.ts";
import { createVersion } from "../create-version.ts";
import { invalidUpload } from "../errors.ts";
import { annotationsSchema, type Metadata, metadataSchema, parseJsonPart } from "../metadata.ts";
import { findScript } from "../scripts.ts";
import { patchedBindings } from "../secrets.ts";
import type { NewVersion } from "../store-version.ts";
import { refuseUnavailable } from "../unsupported.ts";
import { readPreviewForm, type Upload } from "../upload-form.ts";
import { draftOf } from "../uploads.ts";
import { draftOfVersion, uploadedCode } from "../version-draft.ts";
import { findVersion, newestVersion, type StoredVersion } from "../versions.ts";
import { baseEnv, envSchema } from "./base-config.ts";
import { noPreviewDeployment } from "./errors.ts";

const previewMetadata = metadataSchema.extend({ env: envSchema.optional() });

export const deploymentPatchSchema = z.looseObject({
  env: z.record(z.string().min(1), z.looseObject({ type: z.string(), text: z.string() }).nullable()).optional(),
  annotations: annotationsSchema.optional(),
});

/** What `wrangler preview` uploads: a new version of the preview's script, at once all of it. */
export async function deployPreview(
  { raw, platform }: ApiRequest<Platform, unknown>,
  change: Change,
  worker: ScriptRow,
  preview: NamedPreviewRow,
): Promise<NewVersion> {
  const base = preview.ignores_base === 1 ? {} : baseEnv(platform, worker);
  const upload = await readPreviewForm(raw, uploadBlobs(platform), async (form) => {
    const { env = {}, ...metadata } = parseJsonPart("metadata", await text(form.get("metadata")), previewMetadata);
    const bindings = Object.entries({ ...base, ...env }).map(([name, raw]) => ({ ...raw, name }));
    return { ...metadata, bindings: bindings.map((binding) => outward(binding, worker.name)) };
  });
  refuseUnavailable(upload.metadata);
  const { metadata, parts } = withAssetRules(upload, await ruleFiles(platform, upload));
  return ofPreview(change, preview, async (own, script) => {
    const code = uploadedCode({ metadata, parts });
    const options = { deploy: true, strict: false, assetsOf: worker.name };
    const draft = await draftOf(own, script, { metadata, parts }, code, options);
    const settings = JSON.parse(preview.settings_json) as Record<string, unknown>;
    return createVersion(own, script, draft, { triggeredBy: "preview", deploy: true, kind: "preview", settings });
  });
}

/** Sets and removes secrets (null) in a new deployment of the preview. Errors: 10032 when it has none to change. */
export function patchPreview(
  change: Change,
  preview: NamedPreviewRow,
  patch: z.infer<typeof deploymentPatchSchema>,
): Promise<NewVersion> {
  return ofPreview(change, preview, async (own, script) => {
    const newest = script && (await newestVersion(change.platform, script));
    if (!newest) throw noPreviewDeployment(preview.name, 10032);
    const bindings = (await patchedBindings(own, newest, patch.env ?? {})) ?? newest.record.bindings;
    const draft = await draftOfVersion(change.platform, own.scriptName, newest, {
      resolvedBindings: bindings,
      annotations: patch.annotations ?? {},
    });
    return createVersion(own, script, draft, { triggeredBy: "secret", deploy: true });
  });
}

/** A deployment of the preview, by id or as `latest`; error 10222 when there is none. */
export async function requirePreviewDeployment(
  change: Change,
  preview: NamedPreviewRow,
  id: string,
): Promise<{ script: ScriptRow; version: StoredVersion }> {
  const script = await findScript(change.platform, change.accountId, preview.script_name);
  const version =
    script &&
    (await (id === "latest" ? newestVersion(change.platform, script) : findVersion(change.platform, script, id)));
  if (!script || !version) throw noPreviewDeployment(preview.name, 10222);
  return { script, version };
}

/** Changes of one preview follow each other. */
function ofPreview(
  change: Change,
  preview: NamedPreviewRow,
  task: (own: Change, script: ScriptRow | undefined) => Promise<NewVersion>,
): Promise<NewVersion> {
  const own = { ...change, scriptName: preview.script_name };
  return changeScript(own, async () => {
    const created = await task(own, await findScript(change.platform, change.accountId, own.scriptName));
    await change.platform.db
      .updateTable("named_previews")
      .set({ updated_on: new Date().toISOString() })
      .where("id", "=", preview.id)
      .execute();
    return created;
  });
}

/** Workflows are the deployed Worker's, whose instances a preview may start (`workers-semantics.md` 3.7). */
function outward(binding: Record<string, unknown>, worker: string): Record<string, unknown> {
  return binding.type === "workflow" && !binding.script_name ? { ...binding, script_name: worker } : binding;
}

const RULE_FILES = ["_headers", "_redirects"] as const;

/** Texts of `_headers` and `_redirects`, which come among the modules here. */
async function ruleFiles(platform: Platform, { parts }: Upload): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of RULE_FILES) {
    const part = parts.find((one) => one.name === name);
    const bytes = part && (await platform.blobs.get(part.blob));
    if (bytes) found[name] = Buffer.from(bytes).toString();
  }
  return found;
}

function withAssetRules({ metadata, parts }: Upload, rules: Record<string, string>): Upload {
  if (Object.keys(rules).length === 0) return { metadata, parts };
  const assets: Metadata["assets"] = { ...metadata.assets, config: { ...metadata.assets?.config, ...rules } };
  return { metadata: { ...metadata, assets }, parts: parts.filter(({ name }) => !Object.hasOwn(rules, name)) };
}

async function text(part: File | string | null): Promise<string> {
  if (part === null) throw invalidUpload('The upload has no part named "metadata".');
  return typeof part === "string" ? part : part.text();
}
