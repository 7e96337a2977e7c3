import { TICK_MS } from "./limits.ts";

/** Something with deadlines to look after. */
export interface Ticking {
  /** Acts on what is overdue. Returns whether it needs further ticks now. */
  tick(nowMs: number): boolean;
}

/**
 * The one timer of the process: a coarse clock for all deadlines and for the Date header, so that
 * no request needs a timer of its own. It stands still while nobody needs it.
 */
export class Ticker {
  /** Monotonic time, as of the last tick. */
  nowMs = 0;
  /** Value of a Date header, as of the last tick. */
  date = "";
  readonly #intervalMs: number;
  /** Monotonic time now. */
  readonly clock: () => number;
  readonly #members = new Set<Ticking>();
  #timer: NodeJS.Timeout | undefined;

  constructor(intervalMs = TICK_MS, clock: () => number = () => performance.now()) {
    this.#intervalMs = intervalMs;
    this.clock = clock;
    this.#refresh();
  }

  add(member: Ticking): void {
    this.#members.add(member);
    this.wake();
  }

  remove(member: Ticking): void {
    this.#members.delete(member);
  }

  /** To be called when a member that had no deadlines may have some again. */
  wake(): void {
    if (this.#timer !== undefined) return;
    this.#refresh();
    this.#timer = setInterval(() => this.tick(), this.#intervalMs);
    this.#timer.unref();
  }

  /** One round; public so that tests with a clock of their own can call it. */
  tick(): void {
    this.#refresh();
    let needed = false;
    for (const member of this.#members) if (member.tick(this.nowMs)) needed = true;
    if (needed) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #refresh(): void {
    this.nowMs = this.clock();
    this.date = new Date().toUTCString();
  }
}
