let keys = 0;

/**
 * Counts of a rate limit begin anew with each minute of the clock. Runs it again when the minute ended meanwhile; each time with another
 * key, as the one before was counted.
 */
export async function withinMinute(run: (key: string) => Promise<void>): Promise<void> {
  const minute = () => Math.floor(Date.now() / 60_000);
  for (;;) {
    const before = minute();
    try {
      return await run(`key-${++keys}`);
    } catch (error) {
      if (minute() === before) throw error;
    }
  }
}
