import { utcDay } from "../domain/daily-requests.ts";
import type { Platform } from "../store/platform.ts";
import { beginDay, recordDailyRequests, spentQuotas } from "./daily-requests.ts";

/** How far the edges' counts may be ahead of the verdict: so much traffic passes beyond the quota. */
const CHECK_MS = 1000;

/**
 * Adds up what edges count, and has the routes published when an account's daily requests are used up. All state is in the
 * database and with the edges.
 */
export class QuotaKeeper {
  readonly #platform: Platform;
  readonly #now: () => number;
  #day = "";
  #lastCounts = "";
  /** As published last. */
  #spent = "";
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(platform: Platform, now: () => number = Date.now) {
    this.#platform = platform;
    this.#now = now;
  }

  /** Does nothing where the operator sets no quota. */
  start(): void {
    if (this.#platform.config.dailyRequests === 0) return;
    this.#timer = setTimeout(() => {
      this.#running = this.check()
        .catch((error) => console.error("Daily requests could not be added up:", error))
        .then(() => {
          if (this.#timer) this.start();
        });
    }, CHECK_MS).unref();
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  async check(): Promise<void> {
    const { config, db, runtime } = this.#platform;
    const now = this.#now();
    const day = utcDay(now);
    const reports = await runtime.counts();
    const counts = JSON.stringify(reports.map(({ edgeId, daily }) => [edgeId, daily]));
    // Nothing happened: nothing is written.
    if (counts === this.#lastCounts && day === this.#day) return;
    await recordDailyRequests(db, reports);
    if (day !== this.#day) await beginDay(db, now);
    const quotas = await spentQuotas(db, config.dailyRequests, now);
    const spent = quotas ? `${day} are used up by: ${quotas.accountIds.join(", ")}` : "";
    if (spent !== this.#spent) {
      if (quotas) console.error(`Daily requests (${config.dailyRequests}) of ${spent}`);
      await runtime.publish();
    }
    this.#spent = spent;
    this.#lastCounts = counts;
    this.#day = day;
  }
}
