import type { Platform } from "../store/platform.ts";

/** Ids in one call. */
const BATCH = 100;

/** One after the other: two would remove the same. */
const running = new WeakMap<Platform["db"], Promise<void>>();

/**
 * Has the data of deleted classes and workflows removed, and forgets them. Call after the change is published.
 * Does not wait, and never fails: what is left is tried again with the next change,
 * and at the next start.
 */
export function discardDeletedState(platform: Pick<Platform, "db" | "runtime">): void {
  const before = running.get(platform.db) ?? Promise.resolve();
  const next = before
    .then(() => discardAll(platform))
    .catch((error: unknown) => {
      console.error("Data of deleted Durable Object classes could not be removed yet:", error);
    });
  running.set(platform.db, next);
}

/** As {@link discardDeletedState}; resolves when all are gone. */
export async function discardAll({ db, runtime }: Pick<Platform, "db" | "runtime">): Promise<void> {
  for (;;) {
    const rows = await db.selectFrom("discarded_states").select("id").limit(BATCH).execute();
    const ids = rows.map(({ id }) => id);
    if (ids.length === 0) return;
    await runtime.discardState(ids);
    await db.deleteFrom("discarded_states").where("id", "in", ids).execute();
  }
}
