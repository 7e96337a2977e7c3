import { DAY_MS, type DailyRequests, KEPT_DAYS, type SpentQuotas, utcDay } from "../domain/daily-requests.ts";

/** What one account has left of its day, as far as this edge knows. */
export interface Allowance {
  /** Requests that this edge handed to the account's code today. */
  requests: number;
  /** No further ones may reach it today. */
  spent: boolean;
}

/**
 * Counts requests that reach code, where the operator limits them, and knows whose are used up. Each day begins with full
 * allowances, whether control is there or not.
 */
export class Quotas {
  readonly #now: () => number;
  /** By account, of the days counted last. */
  readonly #days = new Map<string, Map<string, Allowance>>();
  #allowances = new Map<string, Allowance>();
  #spent: SpentQuotas | undefined;
  #day = "";
  /** When the day began, milliseconds since 1970. */
  #dayMs = Number.NaN;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The account's allowance of today; not to be kept beyond the request. */
  of(accountId: string): Allowance {
    this.#keepDay();
    let allowance = this.#allowances.get(accountId);
    if (!allowance) {
      allowance = { requests: 0, spent: this.#isSpent(accountId) };
      this.#allowances.set(accountId, allowance);
    }
    return allowance;
  }

  /** Whose are spent, by the routing snapshot. */
  load(spent: SpentQuotas | undefined): void {
    this.#spent = spent;
    for (const [accountId, allowance] of this.#allowances) allowance.spent = this.#isSpent(accountId);
  }

  report(): DailyRequests {
    this.#keepDay();
    const counted = [...this.#allowances].filter(([, { requests }]) => requests > 0);
    return { day: this.#day, accounts: Object.fromEntries(counted.map(([id, { requests }]) => [id, requests])) };
  }

  /** The clock may be set back, too: a day that comes again goes on where it was left. */
  #keepDay(): void {
    const age = this.#now() - this.#dayMs;
    if (age >= 0 && age < DAY_MS) return;
    this.#dayMs = Math.floor(this.#now() / DAY_MS) * DAY_MS;
    this.#day = utcDay(this.#dayMs);
    this.#allowances = this.#days.get(this.#day) ?? new Map();
    this.#days.delete(this.#day);
    this.#days.set(this.#day, this.#allowances);
    const [oldest] = this.#days.keys();
    if (oldest !== undefined && this.#days.size > KEPT_DAYS) this.#days.delete(oldest);
    for (const [accountId, allowance] of this.#allowances) allowance.spent = this.#isSpent(accountId);
  }

  #isSpent(accountId: string): boolean {
    return this.#spent?.day === this.#day && this.#spent.accountIds.includes(accountId);
  }
}
