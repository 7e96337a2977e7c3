import type { ObservedScript, TraceItem, TraceListener, TraceSource } from "../../domain/trace.ts";
import { Drops } from "../../products/segments/drops.ts";
import { SegmentWriter } from "../../products/segments/writer.ts";
import { Budget } from "../budget.ts";
import { EVENTS, type StoredEvent } from "./host/columns.ts";
import { eventId } from "./host/event-id.ts";
import { jsonText } from "./json-text.ts";
import {
  MAX_NOTICES,
  NOTICE_DELAY_MS,
  SCRIPT_BURST_BYTES,
  SCRIPT_BYTES_PER_SECOND,
  STORED_BURST_BYTES,
  STORED_BYTES_PER_SECOND,
} from "./limits.ts";
import { recordsOf } from "./records.ts";

export interface LogIntakeOptions {
  /** Directory of the accounts' directories. */
  root: string;
  /** How a script's logs are stored; undefined: not at all. */
  settings(source: TraceSource): ObservedScript["stored"];
  /** A segment of the account is full. */
  sealed(accountId: string): void;
  log(line: string): void;
}

interface Loss {
  source: TraceSource;
  invocations: number;
}

/**
 * Stores invocations. What an account sends faster than it may is dropped whole, invocation by invocation; how much is said by
 * a notice among the script's logs.
 */
export class LogIntake implements TraceListener {
  readonly writer: SegmentWriter;
  readonly #options: LogIntakeOptions;
  readonly #drops: Drops;
  readonly #accounts = new Budget(STORED_BYTES_PER_SECOND, STORED_BURST_BYTES);
  readonly #scripts = new Budget(SCRIPT_BYTES_PER_SECOND, SCRIPT_BURST_BYTES);
  readonly #losses = new Map<string, Loss>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LogIntakeOptions) {
    const { root, sealed, log } = options;
    this.#options = options;
    this.#drops = new Drops("logs", log);
    this.writer = new SegmentWriter({
      root,
      maxStreams: 1,
      sealed,
      lost: ({ accountId }, lines, why) => this.#drops.add(accountId, lines, why),
      log,
    });
  }

  take(source: TraceSource, items: readonly TraceItem[]): void {
    const stored = this.#options.settings(source);
    if (!stored) return;
    const { headSamplingRate: rate, invocationLogs } = stored;
    const settings = { interval: 1 / rate, invocationLogs };
    let lost = 0;
    for (const item of items) {
      if (rate < 1 && Math.random() >= rate) continue;
      // Looked at first: what there is no room for must not cost what storing it would.
      if (this.#hasRoom(source)) this.#write(source, linesOf(recordsOf(source, item, settings)));
      else if (invocationLogs || item.logs.length + item.exceptions.length > 0) lost++;
    }
    if (lost > 0) this.dropped(source, lost);
  }

  /** Invocations of the version were lost, here or before they came here. */
  dropped(source: TraceSource, invocations: number): void {
    const { accountId, script } = source;
    if (!this.#options.settings(source)) return;
    const key = `${accountId}/${script}`;
    this.#drops.add(key, invocations, "they come faster than they can be stored");
    const loss = this.#losses.get(key);
    if (loss) loss.invocations += invocations;
    else if (this.#losses.size < MAX_NOTICES) this.#losses.set(key, { source, invocations });
    this.#timer ??= setTimeout(() => this.#notice(), NOTICE_DELAY_MS);
  }

  /** Stores what is known; resolves when it is on disk. */
  async close(): Promise<void> {
    this.#notice();
    await this.writer.close();
  }

  #hasRoom({ accountId, script }: TraceSource): boolean {
    const nowMs = performance.now();
    if (this.writer.isFull || !this.#scripts.has(`${accountId}/${script}`, nowMs)) return false;
    return this.#accounts.has(accountId, nowMs);
  }

  #write({ accountId, script }: TraceSource, lines: string): void {
    const nowMs = performance.now();
    const { length } = lines;
    if (length === 0) return;
    this.#scripts.spend(`${accountId}/${script}`, length, nowMs);
    this.#accounts.spend(accountId, length, nowMs);
    this.#append(accountId, lines);
  }

  #append(accountId: string, lines: string): void {
    const stream = this.writer.stream(accountId, EVENTS);
    if (stream) this.writer.append(stream, lines);
    else this.#drops.add(accountId, 1, "there is something else in the directory of its logs");
  }

  #notice(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { source, invocations } of this.#losses.values()) {
      this.#append(source.accountId, linesOf([noticeOf(source, invocations)]));
    }
    this.#losses.clear();
  }
}

function linesOf(events: readonly StoredEvent[]): string {
  let lines = "";
  for (const event of events) lines += `${jsonText(event)}\n`;
  return lines;
}

function noticeOf({ script, versionId }: TraceSource, invocations: number): StoredEvent {
  const t = Date.now();
  const level = "warn";
  const message = `Logs of ${invocations} invocations were not stored: they came faster than they can be. Log less, or sample with head_sampling_rate.`;
  return {
    id: eventId(t),
    ...{ t, n: 1, type: "freehold-notice", level, message, trigger: "notice", origin: "unknown", request: "" },
    ...{ service: script, version: versionId, outcome: "unknown" },
    source: JSON.stringify({ level, message, droppedInvocations: invocations }),
    workers: JSON.stringify({ scriptName: script, eventType: "unknown", scriptVersion: { id: versionId } }),
  };
}
