import { securePortSuffix } from "../../domain/config.ts";
import { describeBinding } from "../../products/index.ts";
import type { Platform } from "../../store/platform.ts";
import type { NamedPreviewRow, ScriptRow } from "../../store/schema.ts";
import { previewUrlSuffix } from "../urls.ts";
import type { StoredVersion } from "../versions.ts";

/** Digits of a deployment's id in its host name. */
const ID_DIGITS = 8;

/** A preview as the client reads it (`wrangler-api.md` 3.3). */
export async function presentPreview(
  platform: Platform,
  worker: ScriptRow,
  preview: NamedPreviewRow,
): Promise<Record<string, unknown>> {
  return {
    id: preview.id,
    name: preview.name,
    slug: preview.slug,
    worker_name: worker.name,
    urls: await urlsOf(platform, worker, preview.slug),
    created_on: preview.created_on,
    updated_on: preview.updated_on,
    ...(JSON.parse(preview.settings_json) as Record<string, unknown>),
  };
}

/** One of its deployments: secrets by name and type. */
export async function presentPreviewDeployment(
  platform: Platform,
  worker: ScriptRow,
  preview: NamedPreviewRow,
  { script, version }: { script: ScriptRow; version: StoredVersion },
): Promise<Record<string, unknown>> {
  const { row, record, annotations } = version;
  return {
    id: row.id,
    preview_id: preview.id,
    preview_name: preview.name,
    urls: await urlsOf(platform, worker, row.id.slice(0, ID_DIGITS)),
    created_on: row.created_on,
    migration_tag: script.migration_tag ?? undefined,
    compatibility_date: record.compatibilityDate,
    compatibility_flags: record.compatibilityFlags,
    annotations,
    env: Object.fromEntries(
      record.bindings.map((binding) => {
        const { name, ...shown } = describeBinding(binding);
        return [String(name), shown];
      }),
    ),
  };
}

/** Below the account's subdomain and below custom domains that have previews; none where previews are off. */
async function urlsOf(platform: Platform, worker: ScriptRow, label: string): Promise<string[]> {
  const domains = await platform.db
    .selectFrom("custom_domains")
    .select("hostname")
    .where("script_id", "=", worker.id)
    .where("previews_enabled", "=", 1)
    .orderBy("hostname")
    .execute();
  return [
    ...(worker.previews_enabled === 1 ? [`https://${label}${await previewUrlSuffix(platform, worker)}`] : []),
    ...domains.map(({ hostname }) => `https://${label}.${hostname}${securePortSuffix(platform.config)}`),
  ];
}
