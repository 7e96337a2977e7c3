import { LINGER_MS, MAX_LINGERING } from "./limits.ts";

/** Runners that have answered their last request and stay for what `waitUntil` still does: a bounded number, a bounded time. */
export class Lingering {
  #leave: (() => void)[] = [];

  /** Resolves when the time is over: by the clock, because others want the place, or because the runner ended. */
  add(ended: Promise<unknown>, lingerMs = LINGER_MS): Promise<void> {
    if (this.#leave.length >= MAX_LINGERING) this.#leave[0]?.();
    return new Promise((resolve) => {
      const leave = () => {
        clearTimeout(timer);
        this.#leave = this.#leave.filter((other) => other !== leave);
        resolve();
      };
      const timer = setTimeout(leave, lingerMs);
      this.#leave.push(leave);
      void ended.then(leave);
    });
  }

  endAll(): void {
    for (const leave of [...this.#leave]) leave();
  }
}
