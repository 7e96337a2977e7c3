/** Keys that are remembered; of more, all begin anew. */
const MAX_KEYS = 10_000;

/** How much each may spend: an amount that fills again with time, up to a burst. */
export class Budget {
  readonly #perSecond: number;
  readonly #burst: number;
  /** What was left, and when; milliseconds. */
  readonly #left = new Map<string, { amount: number; atMs: number }>();

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Whether anything is left: who spends the last of it may spend more than that. */
  has(key: string, nowMs: number): boolean {
    return this.#now(key, nowMs) > 0;
  }

  spend(key: string, amount: number, nowMs: number): void {
    const left = this.#now(key, nowMs) - amount;
    if (this.#left.size >= MAX_KEYS && !this.#left.has(key)) this.#left.clear();
    this.#left.set(key, { amount: left, atMs: nowMs });
  }

  #now(key: string, nowMs: number): number {
    const left = this.#left.get(key);
    if (!left) return this.#burst;
    return Math.min(this.#burst, left.amount + ((nowMs - left.atMs) / 1000) * this.#perSecond);
  }
}
