import type { Platform } from "../../store/platform.ts";
import { bucketPath, callBuckets } from "./store-client.ts";

/** What the original's analytics say of a bucket: its size now (`r2StorageAdaptiveGroups`, one group). Nothing of one that is not there. */
export async function storageGroups(platform: Platform, accountId: string, name: string): Promise<unknown[]> {
  // Buckets with a jurisdiction are asked for by `<jurisdiction>_<name>`.
  const bare = name.slice(name.indexOf("_") + 1);
  try {
    const path = `${bucketPath(bare)}/totals`;
    const totals = await callBuckets<{ objects: number; bytes: number; uploads: number }>(
      platform,
      accountId,
      "GET",
      path,
    );
    const max = {
      objectCount: totals.objects,
      uploadCount: totals.uploads,
      payloadSize: totals.bytes,
      metadataSize: 0,
    };
    return [{ max, dimensions: { bucketName: bare, datetime: new Date().toISOString() } }];
  } catch {
    return [];
  }
}
