import { setTimeout as delay } from "node:timers/promises";
import { nextTime, parseCron } from "../../lib/cron.ts";
import type { Platform } from "../../store/platform.ts";
import type { CronTriggerRow } from "../../store/schema.ts";
import { CATCH_UP_MS, FIRST_LOOK_MS, STOP_MS } from "./limits.ts";
import { makeRun } from "./run.ts";
import { claimRun, endLostRuns, endRun, trimRuns } from "./runs.ts";

const MINUTE_MS = 60_000;
/** Setting that holds the last minute that was looked at, so that the next start knows what it missed. */
const LOOKED_AT = "cron.looked-at";

/**
 * Starts what is due, at each full minute. Any number of control processes may have one: a row for each trigger and minute says
 * who makes the run. Triggers are read anew each time, so changes take effect with the next minute, whoever made them.
 */
export class CronScheduler {
  #platform: Platform;
  #timer: NodeJS.Timeout | undefined;
  #running = new Set<Promise<void>>();
  #stopped = false;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Soon makes up for what was missed, and goes on from there. */
  start(): void {
    this.#lookIn(FIRST_LOOK_MS);
  }

  /** Begins nothing more, and waits a bounded time for the runs that were begun. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await Promise.race([Promise.all(this.#running), delay(STOP_MS, undefined, { ref: false })]);
  }

  #lookIn(delayMs: number): void {
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#look(), delayMs).unref();
  }

  async #look(): Promise<void> {
    await this.tick().catch((error: unknown) => console.error("Cron triggers could not be looked at:", error));
    // By the clock as it is now: one that was set moves the next look with it, after a minute at most.
    this.#lookIn(MINUTE_MS - (Date.now() % MINUTE_MS));
  }

  /** Claims and begins all that has become due since the last look. Resolves when it has begun, not when it is done. */
  async tick(): Promise<void> {
    const { db } = this.#platform;
    const nowMs = Date.now();
    const minuteMs = nowMs - (nowMs % MINUTE_MS);
    await endLostRuns(db, nowMs);
    const triggers = await db.selectFrom("cron_triggers").selectAll().execute();
    const stored = await db.selectFrom("settings").select("value").where("key", "=", LOOKED_AT).executeTakeFirst();
    // A clock that was set back: what ran already does not run again, and the time in between is not missed.
    const lookedAtMs = Math.min(stored ? Date.parse(stored.value) : minuteMs, minuteMs);
    for (const trigger of triggers) await this.#begin(trigger, lookedAtMs, minuteMs);
    await this.#note(new Date(minuteMs).toISOString());
  }

  /** Runs the latest due minute of those after `afterMs` if it is recent; of earlier ones it notes that they were missed. */
  async #begin(trigger: CronTriggerRow, afterMs: number, untilMs: number): Promise<void> {
    const fromMs = Math.max(afterMs, Date.parse(trigger.created_on));
    const { dueMs, missedMs } = dueMinutes(trigger.cron, fromMs, untilMs);
    if (missedMs !== undefined) await this.#miss(trigger, missedMs, dueMs ?? untilMs);
    if (dueMs === undefined) return;
    const run = await claimRun(this.#platform.db, trigger, { source: "schedule", scheduledMs: dueMs }, Date.now());
    if (!run) return;
    const done = makeRun(this.#platform, run)
      .then(() => trimRuns(this.#platform.db, trigger.script_id, Date.now()))
      .catch((error: unknown) => console.error("Old runs of a cron trigger could not be forgotten:", error))
      .finally(() => this.#running.delete(done));
    this.#running.add(done);
  }

  async #miss(trigger: CronTriggerRow, firstMs: number, untilMs: number): Promise<void> {
    const { db } = this.#platform;
    const run = await claimRun(db, trigger, { source: "missed", scheduledMs: firstMs }, Date.now());
    if (!run) return;
    const until = new Date(untilMs).toISOString();
    await endRun(db, run, {
      duration_ms: 0,
      outcome: "missed",
      message: `The platform did not run (or its clock was set): runs that were due from then until ${until} did not take place.`,
      version_id: null,
    });
  }

  async #note(value: string): Promise<void> {
    await this.#platform.db
      .insertInto("settings")
      .values({ key: LOOKED_AT, value })
      .onConflict((conflict) => conflict.column("key").doUpdateSet({ value }))
      .execute();
  }
}

/** Of the due minutes after `fromMs`, up to `untilMs`: the latest if it is recent enough to run, and the first of the others. */
export function dueMinutes(
  text: string,
  fromMs: number,
  untilMs: number,
): { dueMs: number | undefined; missedMs: number | undefined } {
  const cron = parseCron(text);
  let dueMs: number | undefined;
  // In the recent past there are a handful of minutes.
  for (let at = nextTime(cron, Math.max(fromMs, untilMs - CATCH_UP_MS - 1)); at !== undefined && at <= untilMs; ) {
    dueMs = at;
    at = nextTime(cron, at);
  }
  const firstMs = nextTime(cron, fromMs);
  const isMissed = firstMs !== undefined && firstMs <= untilMs && firstMs !== dueMs;
  return { dueMs, missedMs: isMissed ? firstMs : undefined };
}
