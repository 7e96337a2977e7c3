import type { TraceItem, TraceListener, TraceSource } from "../domain/trace.ts";
import type { Exchange } from "../lib/http/exchange.ts";
import { Drops } from "../products/segments/drops.ts";
import { MAX_REPORT_BYTES, MAX_REPORT_DELAY_MS, REPORT_BURST_BYTES, REPORT_BYTES_PER_SECOND } from "./limits.ts";
import { Pace } from "./pace.ts";
import { readReport } from "./trace-items.ts";

export interface TraceIntakeOptions {
  /** All who take what comes, in this order. */
  listeners: readonly TraceListener[];
  /** `count` items of the script did not find room in a runner, since its last report. */
  dropped(source: TraceSource, count: number): void;
  /** Makes stacks in items those of the sources, before anybody takes them; undefined: it is done. Never rejects. */
  mapStacks?(source: TraceSource, items: readonly TraceItem[]): Promise<void> | undefined;
}

/** Where runners report their invocations. The socket of a report says whose it is. */
export class TraceIntake {
  readonly #options: TraceIntakeOptions;
  readonly #drops = new Drops("invocations", (line) => console.error(line));
  readonly #pace = new Pace({
    bytesPerSecond: REPORT_BYTES_PER_SECOND,
    burstBytes: REPORT_BURST_BYTES,
    maxDelayMs: MAX_REPORT_DELAY_MS,
  });

  constructor(options: TraceIntakeOptions) {
    this.#options = options;
  }

  /** Hands items on to everyone, as they are. Whoever cannot take them keeps them from nobody else. */
  take(source: TraceSource, items: readonly TraceItem[]): void {
    for (const listener of this.#options.listeners) {
      try {
        listener.take(source, items);
      } catch (error) {
        // They come from a process that runs code of tenants: whatever is in them, this one goes on.
        this.#lost(source, items.length, String(error));
      }
    }
  }

  /** Takes the report in the request's body; `dropped` is the value of `DROPPED_HEADER`. */
  serve<State>(exchange: Exchange<State>, source: TraceSource, dropped: string | undefined): void {
    const missing = Number(dropped);
    if (missing > 0) {
      this.#lost(source, missing, "there were too many");
      this.#options.dropped(source, missing);
    }
    exchange.takeBody(MAX_REPORT_BYTES, (body) => {
      const items = readReport(body);
      if (!items) {
        exchange.respond(400, "", "This is no report of invocations.");
        return;
      }
      const waitMs = this.#pace.delayMs(source.accountId, body.length, performance.now());
      const pass = () => {
        if (items.length > 0) this.take(source, items);
        if (waitMs === 0) exchange.respond(204, "", "");
        else setTimeout(() => exchange.respond(204, "", ""), waitMs);
      };
      const mapping = this.#options.mapStacks?.(source, items);
      if (mapping) void mapping.then(pass);
      else pass();
    });
  }

  /** Said now and then: code of tenants decides how often it happens. */
  #lost({ accountId, script }: TraceSource, count: number, why: string): void {
    this.#drops.add(`${script} (account ${accountId})`, count, why);
  }
}
