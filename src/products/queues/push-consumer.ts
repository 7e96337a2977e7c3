import { setTimeout as delay } from "node:timers/promises";
import type { Delivery, QueueEvent } from "../../domain/events.ts";
import type { PushConsumer as ConsumerRecord } from "../../domain/queues.ts";
import { giveUp } from "./dead-letter.ts";
import type { DeliveryBudget } from "./delivery-budget.ts";
import { MAX_BACK_OFF_MS, MAX_BATCH_BYTES, MAX_CONCURRENCY, MIN_BACK_OFF_MS } from "./limits.ts";
import type { Queue } from "./queue.ts";
import type { Queues } from "./queues.ts";
import { type Backlog, type LeasedMessage, UNTIL_SETTLED } from "./rows.ts";
import { fateOf } from "./verdict.ts";

/** Gives a batch to a Worker; never rejects. */
export type Deliver = (to: { accountId: string; script: string }, batch: QueueEvent) => Promise<Delivery>;

/** Longest time a timer is set for. */
const MAX_TIMER_MS = 3_600_000;

/**
 * Delivers the messages of one queue to its Worker in batches, several at once. How many: as configured, or one more after each
 * that went well while whole batches wait, and half after each that did not.
 */
export class PushConsumer {
  readonly #queues: Queues;
  readonly #queueId: string;
  readonly #deliver: Deliver;
  readonly #budget: DeliveryBudget;
  readonly #inFlight = new Set<Promise<void>>();
  #automatic = 1;
  #timer: NodeJS.Timeout | undefined;
  /** A round of forming batches runs; another is wanted after it. */
  #forming: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  /** Deliveries in a row that did not begin, and until when none is tried. */
  #unreached = 0;
  #restMs = 0;
  /** Why messages do not reach the Worker; undefined: they do. */
  failure: string | undefined;

  constructor(queues: Queues, queueId: string, deliver: Deliver, budget: DeliveryBudget) {
    this.#queues = queues;
    this.#queueId = queueId;
    this.#deliver = deliver;
    this.#budget = budget;
  }

  /** There may be something to deliver. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#forming) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#forming = this.#form()
      .catch((error: unknown) => this.#failed(error))
      .then(() => {
        this.#forming = undefined;
        if (this.#again) this.wake();
      });
  }

  /** The Worker or its settings may have changed: what could not be delivered is tried at once. */
  retryNow(): void {
    this.#restMs = 0;
    this.wake();
  }

  /** Delivers no more; resolves when what is under way is settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#budget.forget(this);
    await this.#forming;
    await Promise.all(this.#inFlight);
  }

  /** Begins as many batches as are due and allowed, and sets the timer for the next. */
  async #form(): Promise<void> {
    clearTimeout(this.#timer);
    for (;;) {
      const record = this.#queues.record(this.#queueId);
      if (this.#stopped || record?.consumer?.type !== "worker" || record.paused) return;
      const { consumer } = record;
      if (this.#inFlight.size >= (consumer.maxConcurrency ?? this.#automatic)) return;
      const now = Date.now();
      if (now < this.#restMs) {
        this.#wakeAt(this.#restMs);
        return;
      }
      const queue = await this.#queues.find(record.accountId, this.#queueId);
      const { sinceMs, many } = await queue.waiting(now, consumer.batchSize);
      if (sinceMs === undefined && this.#inFlight.size === 0) this.#automatic = 1;
      const dueMs = sinceMs === undefined ? Number.POSITIVE_INFINITY : sinceMs + consumer.maxWaitMs;
      if (!many && now < dueMs) {
        // One that was put off may make the batch full.
        const nextMs = (await queue.nextVisibleMs(now)) ?? Number.POSITIVE_INFINITY;
        if (Math.min(dueMs, nextMs) < Number.POSITIVE_INFINITY) this.#wakeAt(Math.min(dueMs, nextMs));
        return;
      }
      if (!this.#budget.enter(this, MAX_BATCH_BYTES)) return;
      await this.#begin(queue, consumer);
    }
  }

  async #begin(queue: Queue, consumer: ConsumerRecord): Promise<void> {
    let batch: LeasedMessage[] = [];
    try {
      batch = await queue.lease(consumer.batchSize, UNTIL_SETTLED);
    } finally {
      this.#budget.leave(MAX_BATCH_BYTES - bytesOf(batch));
    }
    if (batch.length === 0) return;
    const delivery = this.#run(queue, consumer, batch)
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#budget.leave(bytesOf(batch));
        this.#inFlight.delete(delivery);
        this.wake();
      });
    this.#inFlight.add(delivery);
  }

  async #run(queue: Queue, consumer: ConsumerRecord, batch: LeasedMessage[]): Promise<void> {
    const { accountId, name } = queue.record;
    const delivery = await this.#deliver(
      { accountId, script: consumer.script },
      eventOf(name, batch, await queue.backlog()),
    );
    const now = Date.now();
    if (!delivery.begun) {
      const back = batch.map((message) => ({ ...message, visibleMs: now, undelivered: true }));
      await this.#persist(() => queue.settle([], back));
      this.#rest(delivery);
      return;
    }
    this.#unreached = 0;
    const { acked, retried, failed } = fateOf(batch, delivery, consumer, now);
    await this.#persist(() => queue.settle(acked, retried));
    const trouble = await this.#persist(() => giveUp(this.#queues, queue, failed));
    if (delivery.outcome === "ok") this.failure = trouble;
    else this.failure = `The queue() handler failed: ${delivery.message ?? delivery.outcome}`;
    if (delivery.outcome !== "ok") this.#automatic = Math.max(1, Math.floor(this.#automatic / 2));
    else if ((await queue.waiting(now, consumer.batchSize)).many)
      this.#automatic = Math.min(MAX_CONCURRENCY, this.#automatic + 1);
  }

  /** Messages wait until the Worker can be reached; their deliveries do not count. */
  #rest({ outcome, message }: Delivery): void {
    this.#automatic = 1;
    this.failure = `Messages cannot be delivered: ${message ?? outcome}`;
    this.#restMs = Date.now() + Math.min(MAX_BACK_OFF_MS, MIN_BACK_OFF_MS * 2 ** this.#unreached++);
  }

  /** What became of messages must be stored: until the store works again, no other batch takes the place of this one. */
  async #persist<Result>(work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        // The next process finds the messages unsettled, and delivers them again.
        if (this.#stopped) throw error;
        this.#failed(error);
        await delay(MIN_BACK_OFF_MS);
      }
    }
  }

  #failed(error: unknown): void {
    if (this.#queues.record(this.#queueId) === undefined) return;
    console.error(`queue ${this.#queueId}:`, error);
    this.failure = `The queue's store failed: ${error instanceof Error ? error.message : String(error)}`;
    this.#restMs = Date.now() + MIN_BACK_OFF_MS;
    this.#wakeAt(this.#restMs);
  }

  #wakeAt(timeMs: number): void {
    clearTimeout(this.#timer);
    const delayMs = Math.min(MAX_TIMER_MS, Math.max(1, timeMs - Date.now()));
    this.#timer = setTimeout(() => this.wake(), delayMs);
  }
}

function bytesOf(batch: LeasedMessage[]): number {
  return batch.reduce((bytes, { body }) => bytes + body.byteLength, 0);
}

function eventOf(queue: string, batch: LeasedMessage[], { count, bytes, oldestMs }: Backlog): QueueEvent {
  return {
    type: "queue",
    queue,
    messages: batch.map(({ id, sentMs, attempts, contentType, body }) => ({
      id,
      timestampMs: sentMs,
      attempts,
      contentType,
      body,
    })),
    metrics: { backlogCount: count, backlogBytes: bytes, oldestMessageTimestampMs: oldestMs },
  };
}
