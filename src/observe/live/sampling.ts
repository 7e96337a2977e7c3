const WINDOW_MS = 1_000;

/**
 * Keeps messages to a client below a rate. Beyond it, each second's messages have the chance that the second before would have
 * needed, so that what is seen is a sample and not the beginning of each second.
 */
export class Sampling {
  readonly #perSecond: number;
  readonly #random: () => number;
  #windowStartMs = 0;
  #offered = 0;
  #sent = 0;
  #chance = 1;
  #leftOut = false;
  /** In the second before, all messages went. */
  #settled = false;
  #sampling = false;

  constructor(perSecond: number, random: () => number = Math.random) {
    this.#perSecond = perSecond;
    this.#random = random;
  }

  /** Messages are being left out. */
  get sampling(): boolean {
    return this.#sampling;
  }

  /** Whether one more message may go; `room`: the client takes what it is sent. */
  admits(nowMs: number, room: boolean): boolean {
    this.#turn(nowMs);
    this.#offered++;
    if (room && this.#sent < this.#perSecond && (this.#chance === 1 || this.#random() < this.#chance)) {
      this.#sent++;
      return true;
    }
    this.#leftOut = true;
    this.#sampling = true;
    return false;
  }

  /** True once: a whole second has passed in which all messages went. */
  settles(nowMs: number): boolean {
    this.#turn(nowMs);
    if (!this.#sampling || this.#leftOut || !this.#settled) return false;
    this.#sampling = false;
    return true;
  }

  #turn(nowMs: number): void {
    const passedMs = nowMs - this.#windowStartMs;
    if (passedMs < WINDOW_MS) return;
    // A second in which nothing was offered lies between.
    const offered = passedMs < 2 * WINDOW_MS ? this.#offered : 0;
    this.#settled = offered === 0 || !this.#leftOut;
    this.#chance = offered > this.#perSecond ? this.#perSecond / offered : 1;
    this.#windowStartMs = nowMs;
    this.#offered = 0;
    this.#sent = 0;
    this.#leftOut = false;
  }
}
