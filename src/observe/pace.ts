/** Accounts that are remembered; of more, the one that was heard of least recently is forgotten. */
const MAX_KEYS = 10_000;

export interface PaceOptions {
  bytesPerSecond: number;
  burstBytes: number;
  maxDelayMs: number;
}

/** Holds up whoever sends more than its share: each has a budget of bytes that fills again with time. */
export class Pace {
  readonly #options: PaceOptions;
  /** When each will have paid for what it sent; milliseconds. */
  readonly #paidAtMs = new Map<string, number>();

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** How long it is to wait, once `bytes` more are counted. */
  delayMs(key: string, bytes: number, nowMs: number): number {
    const { bytesPerSecond, burstBytes, maxDelayMs } = this.#options;
    const full = nowMs - (burstBytes / bytesPerSecond) * 1000;
    const paidAtMs = Math.max(full, this.#paidAtMs.get(key) ?? full) + (bytes / bytesPerSecond) * 1000;
    // What is waited for is paid with that, so nobody runs into ever longer debts.
    const boundedMs = Math.min(paidAtMs, nowMs + maxDelayMs);
    this.#paidAtMs.delete(key);
    this.#paidAtMs.set(key, boundedMs);
    if (this.#paidAtMs.size > MAX_KEYS) {
      const [oldest] = this.#paidAtMs.keys();
      if (oldest !== undefined) this.#paidAtMs.delete(oldest);
    }
    return Math.max(0, boundedMs - nowMs);
  }
}
