import { createHash } from "node:crypto";
import { KeyedMutex } from "../../lib/keyed-mutex.ts";
import type { Blobs, Platform } from "../../store/platform.ts";

type Parts = Pick<Platform, "db" | "blobs">;

/** Keeps the storing of a blob and its removal apart: it may be named again while it is being removed. */
const changes = new KeyedMutex();

/** Stores a blob that static assets need. It stays at least for the collector's grace, and as long as a version names it. */
export function putAssetBlob({ db, blobs }: Parts, bytes: Uint8Array): Promise<string> {
  const key = keyOf(bytes);
  return changes.run(key, async () => {
    // Before the blob itself, so that none is left behind unknown.
    await markUsed(db, key);
    return blobs.put(bytes);
  });
}

/** As {@link putAssetBlob}, of a blob that is there: the collector may remove it once nothing names it. */
export function registerBlob({ db }: Pick<Parts, "db">, key: string): Promise<void> {
  return changes.run(key, () => markUsed(db, key));
}

/**
 * The blob store for uploads of code. Of a failed upload blobs are the collector's to remove: one that is uploaded again stays for its grace,
 * in which the version is made that names it.
 */
export function uploadBlobs({ db, blobs }: Parts): Blobs {
  return {
    get: (key) => blobs.get(key),
    delete: (key) => blobs.delete(key),
    put(bytes) {
      const key = keyOf(bytes);
      return changes.run(key, async () => {
        const used_on = new Date().toISOString();
        await db.updateTable("asset_blobs").set({ used_on }).where("key", "=", key).execute();
        return blobs.put(bytes);
      });
    },
  };
}

/** Leaves a blob to versions, which name it as code: it is no longer the collector's. */
export async function releaseBlob({ db }: Pick<Parts, "db">, key: string, before: string): Promise<void> {
  await db.deleteFrom("asset_blobs").where("key", "=", key).where("used_on", "<", before).execute();
}

async function markUsed(db: Parts["db"], key: string): Promise<void> {
  const used_on = new Date().toISOString();
  await db
    .insertInto("asset_blobs")
    .values({ key, used_on })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ used_on }))
    .execute();
}

function keyOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
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
