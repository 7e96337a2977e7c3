import { DROP_LOG_MS } from "./limits.ts";

/** Rows that were lost: counted, and said from time to time. */
export class Drops {
  readonly #what: string;
  readonly #log: (line: string) => void;
  readonly #loggedAtMs = new Map<string, number>();
  count = 0;

  /** @param what The rows, such as `data points`. */
  constructor(what: string, log: (line: string) => void) {
    this.#what = what;
    this.#log = log;
  }

  add(of: string, count: number, why: string): void {
    this.count += count;
    const now = performance.now();
    if (now - (this.#loggedAtMs.get(of) ?? Number.NEGATIVE_INFINITY) < DROP_LOG_MS) return;
    if (this.#loggedAtMs.size > 1000) this.#loggedAtMs.clear();
    this.#loggedAtMs.set(of, now);
    this.#log(`${this.#what} of ${of} are dropped: ${why} (${this.count} of all since the start)`);
  }
}
