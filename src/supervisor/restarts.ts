import { RESTART_DELAYS_MS, SOUND_LIFETIME_MS } from "./limits.ts";

/** When something that keeps dying may start again. The first restart is at once, a sound life starts anew. */
export class Restarts {
  #deaths = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #delaysMs: readonly number[];

  constructor(delaysMs: readonly number[] = RESTART_DELAYS_MS) {
    this.#delaysMs = delaysMs;
  }

  /** Notes a death, and how long the life was that ended so. The pause is at most `maxDelayMs`. */
  died(lifetimeMs: number, maxDelayMs = Number.POSITIVE_INFINITY, nowMs = performance.now()): void {
    this.#deaths = lifetimeMs >= SOUND_LIFETIME_MS ? 1 : this.#deaths + 1;
    const delayMs = this.#delaysMs[Math.min(this.#deaths, this.#delaysMs.length) - 1] ?? 0;
    this.#notBeforeMs = nowMs + Math.min(delayMs, maxDelayMs);
  }

  /** How long to wait before the next start. */
  delayMs(nowMs = performance.now()): number {
    return Math.max(0, this.#notBeforeMs - nowMs);
  }

  get deaths(): number {
    return this.#deaths;
  }

  /** Whether what was noted has no meaning any more. */
  isForgettable(nowMs = performance.now()): boolean {
    return nowMs > this.#notBeforeMs + SOUND_LIFETIME_MS;
  }
}
