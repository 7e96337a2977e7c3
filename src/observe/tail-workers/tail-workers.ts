import type { Delivery, TailEvent } from "../../domain/events.ts";
import { type TraceItem, type TraceListener, type TraceSource, UNREDACTED } from "../../domain/trace.ts";
import { isTail } from "../trace-items.ts";
import { traceMessage } from "../trace-message.ts";
import { TailQueue } from "./queue.ts";

export interface TailWorkersOptions {
  /** Names of the Tail Workers of a script. */
  consumersOf(source: TraceSource): readonly string[];
  /** Has the Worker handle the event. Never rejects. */
  deliver(accountId: string, script: string, event: TailEvent): Promise<Delivery>;
  /** Takes lines for the operator. */
  log(line: string): void;
}

/** Hands invocations over to the Tail Workers of their scripts. */
export class TailWorkers implements TraceListener {
  readonly #options: TailWorkersOptions;
  /** Those with something to do, by account and name. */
  readonly #queues = new Map<string, TailQueue>();
  #stopping = false;

  constructor(options: TailWorkersOptions) {
    this.#options = options;
  }

  take(source: TraceSource, items: readonly TraceItem[]): void {
    const consumers = this.#options.consumersOf(source);
    if (consumers.length === 0 || this.#stopping) return;
    // Two Tail Workers of each other would never come to an end.
    const texts = items.filter((item) => !isTail(item)).map((item) => itemText(source, item));
    if (texts.length === 0) return;
    for (const consumer of consumers) this.#queue(source.accountId, consumer).add(source.script, texts);
  }

  /** Begins nothing any more; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#queues.values()].map((queue) => queue.stop()));
  }

  #queue(accountId: string, consumer: string): TailQueue {
    const key = `${accountId}/${consumer}`;
    const known = this.#queues.get(key);
    if (known) return known;
    const { deliver, log } = this.#options;
    const queue = new TailQueue({
      deliver: (event) => deliver(accountId, consumer, event),
      dropped: (count, why) => log(`${count} invocations did not reach the Tail Worker ${consumer}: ${why}`),
      idle: () => this.#queues.delete(key),
    });
    this.#queues.set(key, queue);
    return queue;
  }
}

function itemText(source: TraceSource, item: TraceItem): string {
  const { [UNREDACTED]: unredacted } = item;
  return JSON.stringify({ ...traceMessage(source, item), unredacted });
}
