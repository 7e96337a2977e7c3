/**
 * The daily quota of requests: those that reach code, by account and UTC day (workers-semantics.md 2.2, 26). Edges count,
 * control adds up and says whose quota is spent; until it says so, requests pass.
 *
 * The clock may be wrong. Set back over midnight, it shows a day again whose counts are kept: they go on. Where it was ahead for
 * long, more may have been counted in the days that are to come than in this one: then that counts for this day, so that
 * setting a clock back gives nobody a second quota, and for no other, so that nobody is locked out for longer.
 */

/** What one edge has counted of one day since it began; it only grows. */
export interface DailyRequests {
  /** As {@link utcDay} has it. */
  day: string;
  /** By account id. */
  accounts: Record<string, number>;
}

/** Accounts that may start no more code on this day. */
export interface SpentQuotas {
  day: string;
  accountIds: string[];
}

export const DAY_MS = 86_400_000;

/** Days whose counts are kept: this one, the one before, and one that the clock showed by mistake. */
export const KEPT_DAYS = 3;

/** The day of a moment (milliseconds since 1970), such as `2026-11-28`. */
export function utcDay(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}
