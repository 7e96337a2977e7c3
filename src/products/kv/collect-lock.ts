import { DatabaseSync } from "node:sqlite";

/** Name of the file, in the directory of all namespaces, whose lock keeps values from being removed during a backup. */
export const COLLECT_LOCK = "collect.lock";

/** Keeps values from being removed, while a backup copies them. */
export interface CollectLock {
  /** Runs the work unless a backup runs; false: it does. */
  whileFree(work: () => Promise<void>): Promise<boolean>;
}

/** See `holdKv` in the backup: it shares the lock while it copies. */
export function collectLock(path: string): CollectLock {
  return {
    async whileFree(work) {
      const lock = new DatabaseSync(path, { timeout: 0 });
      try {
        lock.exec("begin exclusive");
      } catch {
        lock.close();
        return false;
      }
      try {
        await work();
      } finally {
        lock.close();
      }
      return true;
    },
  };
}
