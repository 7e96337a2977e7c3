/** Rows as the API shows them (`wrangler-api.md` 2.2, 3.2). */
import type { LaunchRecord } from "../domain/version.ts";
import { describeBinding } from "../products/index.ts";
import type { ScriptRow } from "../store/schema.ts";
import type { Deployment } from "./deployments.ts";
import { ENVIRONMENT } from "./limits.ts";
import { scriptSettings } from "./scripts.ts";
import { hasCode, oldestDeployableNumber, type StoredVersion, type VersionMetadata } from "./versions.ts";

const USAGE_MODEL = "standard";

/** A script with facts of its newest version. */
export function presentScript(script: ScriptRow, newest: StoredVersion | undefined): Record<string, unknown> {
  const { tags, logpush, tail_consumers, observability } = scriptSettings(script);
  return {
    id: script.name,
    tag: script.tag,
    tags: tags ?? null,
    created_on: script.created_on,
    modified_on: script.modified_on,
    last_deployed_from: script.last_deployed_from,
    migration_tag: script.migration_tag ?? undefined,
    usage_model: USAGE_MODEL,
    logpush: logpush ?? false,
    tail_consumers: tail_consumers ?? null,
    observability,
    has_assets: newest?.record.assets !== undefined,
    ...(newest && {
      etag: newest.row.etag,
      has_modules: newest.record.format === "modules" && hasCode(newest.record),
      ...presentHandlers(newest.record),
      ...presentRuntime(newest),
      ...presentPlacement(newest),
    }),
  };
}

/** A script as the service it is, with its one environment. */
export function presentService(script: ScriptRow, newest: StoredVersion | undefined): Record<string, unknown> {
  const environment = presentEnvironment(script, newest);
  return {
    id: script.name,
    created_on: script.created_on,
    modified_on: script.modified_on,
    usage_model: USAGE_MODEL,
    default_environment: environment,
    environments: [environment],
  };
}

export function presentEnvironment(script: ScriptRow, newest: StoredVersion | undefined): Record<string, unknown> {
  return {
    environment: ENVIRONMENT,
    created_on: script.created_on,
    modified_on: script.modified_on,
    script: presentScript(script, newest),
  };
}

export function presentVersion(script: ScriptRow, version: StoredVersion): Record<string, unknown> {
  const { row, record, annotations } = version;
  return {
    id: row.id,
    number: row.number,
    metadata: {
      created_on: row.created_on,
      modified_on: row.created_on,
      source: row.source,
      author_id: row.author_id,
      author_email: row.author_email,
      has_preview: script.previews_enabled === 1 && row.number >= oldestDeployableNumber(script),
    },
    annotations,
    resources: {
      bindings: record.bindings.map(describeBinding),
      script: {
        etag: row.etag,
        ...presentHandlers(record),
        last_deployed_from: row.source,
        ...presentPlacement(version),
      },
      script_runtime: presentRuntime(version),
    },
    startup_time_ms: row.startup_time_ms,
  };
}

/** What whoever uploaded the version should know: rules of its assets that do nothing. */
export function messagesOf({ metadata }: StoredVersion): string[] {
  return metadata.assets?.diagnostics ?? [];
}

export function presentDeployment({ row, shares }: Deployment): Record<string, unknown> {
  return {
    id: row.id,
    source: row.source,
    strategy: "percentage",
    author_email: row.author_email,
    created_on: row.created_on,
    annotations: JSON.parse(row.annotations_json),
    versions: shares.map(({ versionId, percentage }) => ({ version_id: versionId, percentage })),
  };
}

/** Settings of a script and of its newest version together, as `GET settings` shows them. */
export function presentSettings(script: ScriptRow, newest: StoredVersion | undefined): Record<string, unknown> {
  const { tags, logpush, tail_consumers, observability } = scriptSettings(script);
  return {
    bindings: newest?.record.bindings.map(describeBinding) ?? [],
    tags: tags ?? [],
    logpush: logpush ?? false,
    tail_consumers: tail_consumers ?? null,
    observability,
    migration_tag: script.migration_tag ?? undefined,
    usage_model: USAGE_MODEL,
    annotations: newest?.annotations,
    ...(newest && { ...presentRuntime(newest), placement: newest.metadata.placement ?? {} }),
  };
}

export function presentScriptSettings(script: ScriptRow): Record<string, unknown> {
  const { tags, logpush, tail_consumers, observability, preview_state, version_affinity, protection } =
    scriptSettings(script);
  return {
    logpush: logpush ?? false,
    tail_consumers: tail_consumers ?? null,
    observability,
    tags: tags ?? null,
    preview_state,
    version_affinity,
    protection,
  };
}

function presentHandlers({ exports }: LaunchRecord): Record<string, unknown> {
  const named = exports.filter(({ name }) => name !== "default");
  return {
    handlers: exports.find(({ name }) => name === "default")?.handlers ?? [],
    named_handlers: named.map(({ name, handlers }) => ({ name, handlers })),
  };
}

function presentRuntime({ record, metadata }: StoredVersion): Record<string, unknown> {
  return {
    compatibility_date: record.compatibilityDate,
    compatibility_flags: record.compatibilityFlags,
    usage_model: USAGE_MODEL,
    limits: metadata.limits,
    assets: presentAssets(metadata),
    exports: metadata.exports,
  };
}

function presentAssets({ assets }: VersionMetadata): Record<string, unknown> | undefined {
  return assets && { config: assets.config, ...(assets.diagnostics.length > 0 && { warnings: assets.diagnostics }) };
}

function presentPlacement({ metadata }: StoredVersion): Record<string, unknown> {
  return { placement: metadata.placement, placement_mode: metadata.placement?.mode };
}
