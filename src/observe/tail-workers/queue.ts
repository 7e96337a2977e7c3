import { setTimeout as delay } from "node:timers/promises";
import type { Delivery, TailEvent } from "../../domain/events.ts";
import {
  MAX_TAIL_CALL_CHARS,
  MAX_TAIL_CALL_ITEMS,
  MAX_TAIL_CALLS,
  MAX_TAIL_QUEUE_CHARS,
  TAIL_LOG_MS,
  TAIL_PAUSE_MS,
} from "../limits.ts";

export interface TailQueueOptions {
  deliver(event: TailEvent): Promise<Delivery>;
  /** So many were lost since the last time it said so; rarely. */
  dropped(count: number, why: string): void;
  /** It has nothing to do, nor to remember. */
  idle(): void;
}

/**
 * What waits for one Tail Worker. Each call takes all that is there, within bounds, and a few run at a time: what comes
 * meanwhile waits, and what finds no room is lost. So a slow Tail Worker gets larger calls, and harms nobody else.
 */
export class TailQueue {
  readonly #options: TailQueueOptions;
  #waiting: { script: string; text: string }[] = [];
  #chars = 0;
  readonly #calls = new Set<Promise<void>>();
  #lost = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: TailQueueOptions) {
    this.#options = options;
  }

  add(script: string, texts: readonly string[]): void {
    for (const text of texts) {
      if (this.#chars + text.length > MAX_TAIL_QUEUE_CHARS) this.#lose(1, "it is too slow");
      else {
        this.#waiting.push({ script, text });
        this.#chars += text.length;
      }
    }
    this.#pump();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting = [];
    await Promise.all(this.#calls);
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#calls.size < MAX_TAIL_CALLS && !this.#stopped) {
      const call = this.#call(this.#takeBatch()).finally(() => {
        this.#calls.delete(call);
        this.#pump();
        if (this.#calls.size === 0 && !this.#hasToldLately()) this.#options.idle();
      });
      this.#calls.add(call);
    }
  }

  async #call(batch: { script: string; text: string }[]): Promise<void> {
    const scripts = batch.map(({ script }) => script);
    const items = batch.map(({ text }) => text);
    const { begun, message } = await this.#options.deliver({ type: "tail", scripts, items });
    // What its handler does with them is its own affair, and what it throws is in its own logs.
    if (begun) return;
    this.#lose(batch.length, message ?? "it cannot be started");
    if (!this.#stopped) await delay(TAIL_PAUSE_MS, undefined, { ref: false });
  }

  #takeBatch(): { script: string; text: string }[] {
    let chars = 0;
    let count = 0;
    while (count < this.#waiting.length && count < MAX_TAIL_CALL_ITEMS) {
      const { length } = this.#waiting[count]?.text ?? "";
      if (count > 0 && chars + length > MAX_TAIL_CALL_CHARS) break;
      chars += length;
      count++;
    }
    this.#chars -= chars;
    return this.#waiting.splice(0, count);
  }

  #lose(count: number, why: string): void {
    this.#lost += count;
    if (this.#hasToldLately()) return;
    this.#options.dropped(this.#lost, why);
    this.#toldAtMs = performance.now();
    this.#lost = 0;
  }

  #hasToldLately(): boolean {
    return performance.now() - this.#toldAtMs < TAIL_LOG_MS;
  }
}
