/** Accounts that are remembered; of more, the one that was heard of least recently is forgotten. */
const MAX_KEYS = 10_000;

export interface PaceOptions {
  bytesPerSecond: number;
  burstBytes: number;
  maxDelayMs: number;
}

/**
 * Holds up whoever sends more than its share: each has a budget of bytes that fills again with time. However many senders an
 * account has, no more is taken of it.
 */
export class Pace {
  readonly #options: PaceOptions;
  /** When each will have paid for what it sent; milliseconds. */
  readonly #paidAtMs = new Map<string, number>();

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** How long it is to wait, once `bytes` more are counted; undefined: too much waits already, and they are not taken. */
  delayMs(key: string, bytes: number, nowMs: number): number | undefined {
    const { bytesPerSecond, burstBytes, maxDelayMs } = this.#options;
    const full = nowMs - (burstBytes / bytesPerSecond) * 1000;
    const owedMs = Math.max(full, this.#paidAtMs.get(key) ?? full);
    if (owedMs >= nowMs + maxDelayMs) return undefined;
    const paidAtMs = owedMs + (bytes / bytesPerSecond) * 1000;
    this.#paidAtMs.delete(key);
    this.#paidAtMs.set(key, paidAtMs);
    if (this.#paidAtMs.size > MAX_KEYS) {
      const [oldest] = this.#paidAtMs.keys();
      if (oldest !== undefined) this.#paidAtMs.delete(oldest);
    }
    return Math.min(maxDelayMs, Math.max(0, paidAtMs - nowMs));
  }
}
