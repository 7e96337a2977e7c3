import type { SiteRecord } from "../../domain/version.ts";
import { ApiError } from "../../lib/api.ts";
import type { Platform } from "../../store/platform.ts";
import { putAssetBlob } from "./asset-blobs.ts";
import { buildManifest } from "./build-manifest.ts";
import { type AssetFile, ManifestError } from "./manifest-format.ts";
import { assetUploads } from "./uploads.ts";

type Parts = Pick<Platform, "config" | "db" | "blobs" | "signingKey">;

/**
 * Makes the table of the files that a completion token stands for, and returns its key in the blob store.
 * The token may be redeemed again until it expires. Errors: 10021, in words for who uploads a version.
 */
export async function manifestOfUpload(
  parts: Parts,
  accountId: string,
  scriptName: string,
  token: string,
): Promise<string> {
  try {
    const uploads = assetUploads(parts);
    const announced = await uploads.redeem(accountId, scriptName, token);
    const stored = await uploads.store.find(accountId, [...new Set(announced.map(({ hash }) => hash))]);
    const files = announced.map(({ path, hash, size }): AssetFile => {
      const content = stored.get(hash);
      if (!content) throw invalid(`the file ${JSON.stringify(path.slice(0, 100))} is no longer stored`);
      return { path, hash, size, contentType: content.content_type ?? undefined };
    });
    return await putAssetBlob(parts, buildManifest(files));
  } catch (error) {
    if (error instanceof ManifestError) throw invalid(error.message);
    // The version's upload has a good API token: 401 would send its author looking for the wrong fault.
    if (error instanceof ApiError && error.status === 401)
      throw new ApiError(400, { code: 10021, message: error.message });
    throw error;
  }
}

/** Stores how a version's assets are served; returns the key. The same record has the same key. */
export function putSite(parts: Pick<Platform, "db" | "blobs">, site: SiteRecord): Promise<string> {
  return putAssetBlob(parts, Buffer.from(JSON.stringify(site)));
}

/** Throws when the blob store has lost it. */
export async function readSite({ blobs }: Pick<Platform, "blobs">, key: string): Promise<SiteRecord> {
  const bytes = await blobs.get(key);
  if (!bytes) throw new Error(`the blob store has lost the site ${key}`);
  return JSON.parse(Buffer.from(bytes).toString()) as SiteRecord;
}

function invalid(why: string): ApiError {
  return new ApiError(400, {
    code: 10021,
    message: `The uploaded assets cannot be used: ${why}. Start the deploy again.`,
  });
}
