/** Uploads of contents by their hashes alone, as Pages' client makes them (pages-and-builds.md 3.3): no list of files comes first. */
import type { Platform } from "../../store/platform.ts";
import { putAssetBlob } from "./asset-blobs.ts";
import { buildManifest } from "./build-manifest.ts";
import { errors } from "./errors.ts";
import type { AssetFile } from "./manifest-format.ts";
import type { Received } from "./store.ts";
import { checkManifest, HASH } from "./upload-session.ts";
import { assetUploads } from "./uploads.ts";

type Parts = Pick<Platform, "config" | "db" | "blobs" | "signingKey">;

/** A content as it was sent. */
export interface SentContent {
  hash: string;
  bytes: Buffer;
  /** Undefined: served without `Content-Type`. */
  contentType: string | undefined;
}

/** Those of the hashes whose content is not there. All of them are kept for as long as an upload may take. Errors: 10021. */
export async function missingHashes(parts: Parts, accountId: string, hashes: readonly string[]): Promise<string[]> {
  const uploads = assetUploads(parts);
  const wanted = [...new Set(hashes)];
  const wrong = wanted.find((hash) => !HASH.test(hash));
  if (wrong !== undefined) throw errors.badManifest(`${JSON.stringify(wrong.slice(0, 80))} is no hash`);
  const files = wanted.map((hash) => ({ path: hash, hash, size: 0 }));
  const { result } = await uploads.holding(accountId, files, async () => {
    const stored = await uploads.store.find(accountId, wanted);
    return wanted.filter((hash) => !stored.has(hash));
  });
  return result;
}

/** Stores contents, all or none; durable when it resolves. Errors: 10021 for one that is too large, 10307. */
export async function keepContents(parts: Parts, accountId: string, sent: readonly SentContent[]): Promise<void> {
  const { store, limits } = assetUploads(parts);
  const received: Received[] = [];
  await store.prepare(accountId);
  try {
    for (const { hash, bytes, contentType } of new Map(sent.map((one) => [one.hash, one])).values()) {
      if (!HASH.test(hash)) throw errors.badContent(hash.slice(0, 80), "its name must be 32 lower-case hex digits");
      if (bytes.length > limits.fileBytes) throw errors.fileTooLarge(hash, bytes.length, limits.fileBytes);
      const draft = store.draft(hash, bytes.length);
      received.push({ draft, contentType });
      await draft.write(bytes);
      draft.end();
      await draft.finish();
    }
    await store.keep(accountId, received);
  } catch (error) {
    for (const { draft } of received) await draft.discard();
    throw error;
  }
}

/** Makes the table of a site's files, path to hash; its key in the blob store. Errors: 10021, 10304. */
export async function manifestOfHashes(
  parts: Parts,
  accountId: string,
  hashes: Readonly<Record<string, string>>,
): Promise<string> {
  const { store, limits } = assetUploads(parts);
  const stored = await store.find(accountId, [...new Set(Object.values(hashes))]);
  const announced = Object.fromEntries(
    Object.entries(hashes).map(([path, hash]) => [path, { hash, size: stored.get(hash)?.size ?? 0 }]),
  );
  const files = checkManifest(announced, limits).map(({ path, hash, size }): AssetFile => {
    const content = stored.get(hash);
    if (!content) throw errors.badManifest(`the file ${JSON.stringify(path.slice(0, 100))} was not uploaded`);
    return { path, hash, size, contentType: content.content_type ?? undefined };
  });
  return putAssetBlob(parts, buildManifest(files));
}
