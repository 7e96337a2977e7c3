import type { Ticker } from "./ticker.ts";

/** How often an error is told of whole. */
const TELL_MS = 10_000;

/** Tells of errors in handlers, which are mistakes of ours: the first whole, those that follow soon after by their number. */
export class Failures {
  readonly #ticker: Pick<Ticker, "nowMs">;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #untold = 0;

  constructor(ticker: Pick<Ticker, "nowMs">) {
    this.#ticker = ticker;
  }

  tell(error: unknown): void {
    const { nowMs } = this.#ticker;
    if (nowMs - this.#toldAtMs < TELL_MS) {
      this.#untold++;
      return;
    }
    const before = this.#untold === 0 ? "" : ` (and ${this.#untold} others before)`;
    console.error(`A request could not be served${before}:`, error);
    this.#toldAtMs = nowMs;
    this.#untold = 0;
  }
}
