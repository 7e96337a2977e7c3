/**
 * The daily quota of requests: those that reach code, by account and UTC day (workers-semantics.md 2.2, 26). Edges count,
 * control adds up and says whose quota is spent; until it says so, requests pass.
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

/** The day of a moment (milliseconds since 1970), such as `2026-11-28`. */
export function utcDay(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}
