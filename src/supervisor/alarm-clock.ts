import { availableParallelism } from "node:os";
import { setImmediate as breathe } from "node:timers/promises";
import type { Homes } from "../domain/homes.ts";
import { earliestAlarm } from "./alarms.ts";
import { WAKE_RETRY_MAX_MS, WAKE_RETRY_MIN_MS } from "./limits.ts";
import { stateIds } from "./ownership.ts";
import { Slots } from "./slots.ts";

/** Longest time of a timer: what is later is looked at again then. (Node's own bound is 24.8 days.) */
const MAX_TIMER_MS = 3_600_000;
/** Long enough that only a stuck start ends it. */
const WAKE_QUEUE_MS = 600_000;

export interface AlarmClockOptions {
  homes(): Homes;
  /** Directory of a state. */
  directory(stateId: string): string;
  /** Whether nobody has the state, so that its file may be opened. */
  isFree(stateId: string): boolean;
  /** Starts the version's runner; true: it runs. */
  wake(versionId: string): Promise<boolean>;
}

/**
 * Wakes homes that do not run when an alarm of their objects is due: the runtime keeps the time only while it runs. What runs
 * needs no waking, so times are read when a home has ended, and at the start of the platform.
 */
export class AlarmClock {
  #options: AlarmClockOptions;
  /** Milliseconds since 1970, by state. */
  #due = new Map<string, number>();
  #failures = new Map<string, number>();
  #waking = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  /** Homes that start for alarms leave room for those that start for requests. */
  #places = new Slots(availableParallelism());
  #stopped = false;

  constructor(options: AlarmClockOptions) {
    this.#options = options;
  }

  /** Reads when the states' next alarms are; nobody may have them. */
  look(ids: string[]): void {
    if (this.#stopped) return;
    for (const id of ids) {
      const dueMs = earliestAlarm(this.#options.directory(id));
      if (dueMs === undefined) this.#due.delete(id);
      else this.#due.set(id, dueMs);
    }
    this.#schedule();
  }

  /** The same for the homes of a script each, pausing in between: there may be thousands. */
  async lookAtHomes(homes: Homes["all"]): Promise<void> {
    for (const home of homes) {
      await breathe();
      if (this.#stopped) return;
      this.look(stateIds({ kind: "home", ...home }).filter((id) => this.#options.isFree(id)));
    }
  }

  forget(ids: string[]): void {
    for (const id of ids) this.#due.delete(id);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#due.clear();
  }

  #schedule(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const dueMs of this.#due.values()) next = Math.min(next, dueMs);
    if (next === this.#timerAtMs || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = next;
    if (!Number.isFinite(next)) return;
    const delayMs = Math.min(Math.max(next - Date.now(), 0), MAX_TIMER_MS);
    this.#timer = setTimeout(() => this.#ring(), delayMs);
  }

  #ring(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = Date.now();
    const homes = this.#options.homes();
    for (const [id, dueMs] of this.#due) {
      if (dueMs > nowMs) continue;
      this.#due.delete(id);
      const home = homes.ownerOf(id);
      if (home) void this.#wake(home.versionId, id);
    }
    this.#schedule();
  }

  async #wake(versionId: string, stateId: string): Promise<void> {
    if (this.#waking.has(versionId)) return;
    this.#waking.add(versionId);
    let awake = false;
    if (await this.#places.enter(WAKE_QUEUE_MS)) {
      awake = !this.#stopped && (await this.#options.wake(versionId));
      this.#places.leave();
    }
    this.#waking.delete(versionId);
    if (awake) this.#failures.delete(versionId);
    else this.#wakeLater(versionId, stateId);
  }

  #wakeLater(versionId: string, stateId: string): void {
    if (this.#stopped || this.#options.homes().ownerOf(stateId)?.versionId !== versionId) {
      this.#failures.delete(versionId);
      return;
    }
    const failures = this.#failures.get(versionId) ?? 0;
    this.#failures.set(versionId, failures + 1);
    const pauseMs = Math.min(WAKE_RETRY_MIN_MS * 2 ** failures, WAKE_RETRY_MAX_MS);
    this.#due.set(stateId, Date.now() + pauseMs);
    this.#schedule();
  }
}
