import { randomUUID } from "node:crypto";
import type { Platform } from "../store/platform.ts";
import { claimRollout, watchedRollouts } from "../workers/rollouts/store.ts";
import { tendRollout } from "../workers/rollouts/tend.ts";

/** A process that has not looked after a rollout for so many checks has lost it to another. */
const CLAIMED_CHECKS = 3;

export interface RolloutSettings {
  checkMs: number;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/**
 * Moves deployments with a plan on. All state is in the database: a control process that starts goes on where the one
 * before it ended, and of several each rollout has one.
 */
export class Rollouts {
  readonly #platform: Platform;
  readonly #checkMs: number;
  readonly #now: () => number;
  readonly #owner = randomUUID();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(platform: Platform, { checkMs, now = Date.now }: RolloutSettings) {
    this.#platform = platform;
    this.#checkMs = checkMs;
    this.#now = now;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.check()
        .catch((error) => console.error("Rollouts could not be looked after:", error))
        .then(() => {
          if (this.#timer) this.start();
        });
    }, this.#checkMs).unref();
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  /** Looks after every rollout that nobody else does. */
  async check(): Promise<void> {
    const watched = await watchedRollouts(this.#platform);
    const now = this.#now();
    const claim = { owner: this.#owner, now, until: now + CLAIMED_CHECKS * this.#checkMs };
    const claimed = await Promise.all(watched.map((rollout) => claimRollout(this.#platform, rollout, claim)));
    const own = watched.filter((_, index) => claimed[index]);
    if (own.length === 0) return;
    const reports = await this.#platform.runtime.counts();
    for (const rollout of own) {
      await tendRollout(this.#platform, rollout, reports, now).catch((error) =>
        console.error(`The rollout ${rollout.row.id} could not be looked after:`, error),
      );
    }
  }
}
