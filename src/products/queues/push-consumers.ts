import { DeliveryBudget } from "./delivery-budget.ts";
import { MAX_DELIVERING_BYTES } from "./limits.ts";
import { type Deliver, PushConsumer } from "./push-consumer.ts";
import type { Queues, QueueWatcher } from "./queues.ts";

/** The Workers that consume queues: each queue's goes its own way. */
export class PushConsumers implements QueueWatcher {
  readonly #queues: Queues;
  readonly #deliver: Deliver;
  /** By account: none takes room from another. */
  readonly #budgets = new Map<string, DeliveryBudget>();
  readonly #consumers = new Map<string, PushConsumer>();
  #stopped = false;

  constructor(queues: Queues, deliver: Deliver) {
    this.#queues = queues;
    this.#deliver = deliver;
    queues.watch(this);
  }

  added(queueId: string): void {
    this.#consumers.get(queueId)?.wake();
  }

  changed(queueId: string): void {
    const known = this.#consumers.get(queueId);
    const record = this.#queues.record(queueId);
    if (record?.consumer?.type !== "worker") {
      this.#consumers.delete(queueId);
      void known?.stop();
    } else if (known) known.retryNow();
    else if (!this.#stopped) {
      const consumer = new PushConsumer(this.#queues, queueId, this.#deliver, this.#budgetOf(record.accountId));
      this.#consumers.set(queueId, consumer);
      if (this.#queues.hasMessages(queueId)) consumer.wake();
    }
  }

  /** Other versions are deployed: what could not be delivered is tried at once. */
  retryFailed(): void {
    for (const consumer of this.#consumers.values()) if (consumer.failure !== undefined) consumer.retryNow();
  }

  failure(queueId: string): string | undefined {
    return this.#consumers.get(queueId)?.failure;
  }

  /** Delivers no more; resolves when what is under way is settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#consumers.values()].map((consumer) => consumer.stop()));
  }

  #budgetOf(accountId: string): DeliveryBudget {
    const budget = this.#budgets.get(accountId) ?? new DeliveryBudget(MAX_DELIVERING_BYTES);
    this.#budgets.set(accountId, budget);
    return budget;
  }
}
