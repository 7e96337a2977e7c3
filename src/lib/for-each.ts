/** Runs a task for each item, at most `parallel` at a time. Rejects with the first error, after the running ones ended. */
export async function forEachOf<Item>(
  items: readonly Item[],
  parallel: number,
  task: (item: Item) => Promise<unknown>,
): Promise<void> {
  const entries = items.values();
  let failed = false;
  const run = async () => {
    // One iterator for all: each item is taken once.
    for (const item of entries) {
      if (failed) return;
      try {
        await task(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(parallel, items.length) }, run));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
