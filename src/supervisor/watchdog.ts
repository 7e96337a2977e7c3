import { Sentry, type Watched } from "./sentry.ts";

/** Shortest pause between two wake-ups. */
const MIN_PAUSE_MS = 10;

/** The watch over one runner. */
export interface Watch {
  /** When the runner last used CPU; `performance.now()` time. Without `/proc` unknown: the start of the watch. */
  activeAtMs(): number;
  /** Looks now. `gone`: the process has ended or is about to. */
  examine(): "memory" | "gone" | "sound";
  stop(): void;
}

/**
 * Ends runners that exceed their limits, which workerd itself does not enforce. A runner has one thread for JavaScript
 * and events, its main thread: code that holds it is seen as CPU use with an unanswered probe, and is measured by
 * that thread's CPU since the last sign of life, so that waiting costs a Worker nothing and a crowded machine does not shorten its time.
 *
 * Without `/proc` (macOS) neither CPU nor memory is known: every runner is probed all the time, and the limit counts wall time.
 */
export class Watchdog {
  #sentries = new Set<Sentry>();
  #timer: NodeJS.Timeout | undefined;

  watch(watched: Watched): Watch {
    const sentry = new Sentry(watched);
    this.#sentries.add(sentry);
    this.#schedule();
    return {
      activeAtMs: () => sentry.activeAt,
      examine: () => sentry.examine(),
      stop: () => {
        sentry.stop();
        this.#sentries.delete(sentry);
        if (this.#sentries.size === 0) this.#schedule();
      },
    };
  }

  /** One timer for all runners. */
  #schedule(): void {
    clearTimeout(this.#timer);
    let dueAt = Number.POSITIVE_INFINITY;
    for (const sentry of this.#sentries) dueAt = Math.min(dueAt, sentry.dueAt);
    if (!Number.isFinite(dueAt)) return;
    this.#timer = setTimeout(() => this.#tick(), Math.max(dueAt - performance.now(), MIN_PAUSE_MS));
  }

  #tick(): void {
    const now = performance.now();
    for (const sentry of this.#sentries) if (now >= sentry.dueAt) sentry.look();
    this.#schedule();
  }
}
