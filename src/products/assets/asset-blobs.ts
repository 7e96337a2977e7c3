import { createHash } from "node:crypto";
import { KeyedMutex } from "../../lib/keyed-mutex.ts";
import type { Platform } from "../../store/platform.ts";

type Parts = Pick<Platform, "db" | "blobs">;

/** Keeps the storing of a blob and its removal apart: it may be named again while it is being removed. */
const changes = new KeyedMutex();

/** Stores a blob that static assets need. It stays at least for the collector's grace, and as long as a version names it. */
export function putAssetBlob({ db, blobs }: Parts, bytes: Uint8Array): Promise<string> {
  const key = createHash("sha256").update(bytes).digest("hex");
  return changes.run(key, async () => {
    const used_on = new Date().toISOString();
    // Before the blob itself, so that none is left behind unknown.
    await db
      .insertInto("asset_blobs")
      .values({ key, used_on })
      .onConflict((conflict) => conflict.column("key").doUpdateSet({ used_on }))
      .execute();
    return blobs.put(bytes);
  });
}

/** Removes a blob unless it was stored again after `before` (ISO time). Says whether it did. */
export function removeAssetBlob({ db, blobs }: Parts, key: string, before: string): Promise<boolean> {
  return changes.run(key, async () => {
    const { numDeletedRows } = await db
      .deleteFrom("asset_blobs")
      .where("key", "=", key)
      .where("used_on", "<", before)
      .executeTakeFirst();
    if (numDeletedRows === 0n) return false;
    await blobs.delete(key);
    return true;
  });
}
