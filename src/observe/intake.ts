import type { TraceItem, TraceListener, TraceSource } from "../domain/trace.ts";
import type { Exchange } from "../lib/http/exchange.ts";
import { Drops } from "../products/segments/drops.ts";
import {
  MAX_REPORT_BYTES,
  MAX_REPORT_DELAY_MS,
  REPORT_BASE_BYTES,
  REPORT_BURST_BYTES,
  REPORT_BYTES_PER_SECOND,
} from "./limits.ts";
import { Pace, type PaceOptions } from "./pace.ts";
import { readReport } from "./trace-items.ts";

export interface TraceIntakeOptions {
  /** All who take what comes, in this order. */
  listeners: readonly TraceListener[];
  /** `count` items of the script did not find room in a runner, since its last report. */
  dropped(source: TraceSource, count: number): void;
  /** How much of one account is taken. */
  pace?: PaceOptions;
  /** Makes stacks in items those of the sources, before anybody takes them; undefined: it is done. Never rejects. */
  mapStacks?(source: TraceSource, items: readonly TraceItem[]): Promise<void> | undefined;
}

const accountPace: PaceOptions = {
  bytesPerSecond: REPORT_BYTES_PER_SECOND,
  burstBytes: REPORT_BURST_BYTES,
  maxDelayMs: MAX_REPORT_DELAY_MS,
};

/** Where runners report their invocations. The socket of a report says whose it is. */
export class TraceIntake {
  readonly #options: TraceIntakeOptions;
  readonly #drops = new Drops("invocations", (line) => console.error(line));
  readonly #pace: Pace;
  readonly #maxDelayMs: number;

  constructor(options: TraceIntakeOptions) {
    this.#options = options;
    const pace = options.pace ?? accountPace;
    this.#pace = new Pace(pace);
    this.#maxDelayMs = pace.maxDelayMs;
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

  /**
   * Takes the report in the request's body; `dropped` is the value of `DROPPED_HEADER`. Answers with 429, late, when it takes
   * neither since there is too much of the account: the runner counts it among what is dropped.
   */
  serve<State>(exchange: Exchange<State>, source: TraceSource, dropped: string | undefined): void {
    const respond = (waitMs: number, status: number) => {
      if (waitMs === 0) exchange.respond(status, "", "");
      else setTimeout(() => exchange.respond(status, "", ""), waitMs);
    };
    exchange.takeBody(MAX_REPORT_BYTES, (body) => {
      const waitMs = this.#pace.delayMs(source.accountId, body.length + REPORT_BASE_BYTES, performance.now());
      if (waitMs === undefined) {
        respond(this.#maxDelayMs, 429);
        return;
      }
      const items = readReport(body);
      if (!items) {
        exchange.respond(400, "", "This is no report of invocations.");
        return;
      }
      const missing = Number(dropped);
      if (missing > 0 && Number.isSafeInteger(missing)) {
        this.#lost(source, missing, "there were too many");
        this.#options.dropped(source, missing);
      }
      const pass = () => {
        if (items.length > 0) this.take(source, items);
        respond(waitMs, 204);
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
