/** Static assets of versions to be: from the metadata of an upload, or from the version before. */
import type { Binding, SiteRecord } from "../domain/version.ts";
import { parseAssetConfig } from "../products/assets/config.ts";
import { formatDiagnostic } from "../products/assets/diagnostics.ts";
import { manifestOfUpload, putSite, readSite } from "../products/assets/version-site.ts";
import type { Platform } from "../store/platform.ts";
import { assetsBindingWithoutAssets, assetsWithoutToken, bindingsWithoutCode } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import type { VersionDraft } from "./version-draft.ts";
import type { ShownAssets, StoredVersion } from "./versions.ts";

/** How a version's assets will be served; what the code and its compatibility add is added when the version is made. */
export type SiteDraft = Omit<SiteRecord, "hasWorker" | "compatibilityDate" | "compatibilityFlags">;

export interface DraftAssets {
  site: SiteDraft;
  shown: ShownAssets;
}

interface UploadContext {
  platform: Platform;
  accountId: string;
  scriptName: string;
  /** The newest version: what `keep_assets` means. */
  previous: StoredVersion | undefined;
  hasWorker: boolean;
}

/** The assets that an upload asks for; undefined when it has none. Errors: 10021. */
export async function assetsOfUpload(
  { assets, keep_assets }: Pick<Metadata, "assets" | "keep_assets">,
  { platform, accountId, scriptName, previous, hasWorker }: UploadContext,
): Promise<DraftAssets | undefined> {
  if (assets?.jwt) {
    const { config, diagnostics } = parseAssetConfig(assets.config, hasWorker);
    const manifest = await manifestOfUpload(platform, accountId, scriptName, assets.jwt);
    const site: SiteDraft = { accountId, manifest, mode: "workers", ...config };
    return { site, shown: { config: shownConfig(site), diagnostics: diagnostics.map(formatDiagnostic) } };
  }
  if (!keep_assets) {
    if (assets) throw assetsWithoutToken();
    return undefined;
  }
  const kept = previous && (await assetsOfVersion(platform, previous));
  return kept && configured(kept, assets?.config, hasWorker);
}

/** The assets of a version that is there; undefined when it has none. */
export async function assetsOfVersion(
  platform: Platform,
  { record, metadata }: StoredVersion,
): Promise<DraftAssets | undefined> {
  if (!record.assets) return undefined;
  const {
    hasWorker: _,
    compatibilityDate: __,
    compatibilityFlags: ___,
    ...site
  } = await readSite(platform, record.assets.site);
  return { site, shown: metadata.assets ?? { config: shownConfig(site), diagnostics: [] } };
}

/** The same files under a changed configuration: what it does not name stays. Errors: 10021. */
export function configured(
  { site }: DraftAssets,
  change: Record<string, unknown> | null | undefined,
  hasWorker: boolean,
): DraftAssets {
  const merged = { ...shownConfig(site), _headers: site.headers, _redirects: site.redirects, ...change };
  const { config, diagnostics } = parseAssetConfig(merged, hasWorker);
  const { basePath: _, ...before } = site;
  const changed = { ...before, ...config };
  return { site: changed, shown: { config: shownConfig(changed), diagnostics: diagnostics.map(formatDiagnostic) } };
}

function shownConfig({ htmlHandling, notFoundHandling, runWorkerFirst, basePath }: SiteDraft): Record<string, unknown> {
  return {
    html_handling: htmlHandling,
    not_found_handling: notFoundHandling,
    run_worker_first: runWorkerFirst,
    ...(basePath !== undefined && { base_path: basePath }),
  };
}

/** Stores how the draft's assets are served; the key. */
export function storeDraftSite(platform: Platform, { site }: DraftAssets, draft: VersionDraft): Promise<string> {
  const { modules, compatibilityDate, compatibilityFlags } = draft;
  return putSite(platform, { ...site, hasWorker: modules.length > 0, compatibilityDate, compatibilityFlags });
}

/** Refuses bindings that nothing stands behind or nobody can use. Errors: 10021. */
export function checkAssetsAndBindings(draft: Pick<VersionDraft, "assets" | "modules" | "bindings">): void {
  const { assets, modules, bindings } = draft;
  const bound = bindings.find(({ type }) => type === "assets");
  if (bound && !assets) throw assetsBindingWithoutAssets(bound.name);
  if (modules.length > 0) return;
  // Secrets stay for the day when there is code again.
  const useless = bindings.filter(({ type }: Binding) => type !== "secret_text").map(({ name }) => name);
  if (useless.length > 0) throw bindingsWithoutCode(useless);
}
