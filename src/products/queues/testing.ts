import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Delivery, QueueEvent } from "../../domain/events.ts";
import type { PullConsumer, PushConsumer, QueueRecord } from "../../domain/queues.ts";
import { PushConsumers } from "./push-consumers.ts";
import { Queues } from "./queues.ts";

export const ACCOUNT = "a".repeat(32);
export const QUEUE = "1".repeat(32);
export const DEAD = "d".repeat(32);

export function queueRecord(parts: Partial<QueueRecord> = {}): QueueRecord {
  return {
    accountId: ACCOUNT,
    queueId: QUEUE,
    name: "orders",
    deliveryDelayS: 0,
    retentionS: 345_600,
    paused: false,
    ...parts,
  };
}

export const pushConsumer = (parts: Partial<PushConsumer> = {}): PushConsumer => ({
  type: "worker",
  consumerId: "c",
  script: "worker",
  batchSize: 10,
  maxRetries: 3,
  retryDelayS: 0,
  maxWaitMs: 0,
  maxConcurrency: null,
  ...parts,
});

export const pullConsumer = (parts: Partial<PullConsumer> = {}): PullConsumer => ({
  type: "http_pull",
  consumerId: "c",
  batchSize: 5,
  maxRetries: 3,
  retryDelayS: 0,
  visibilityTimeoutMs: 30_000,
  ...parts,
});

/** A batch that a Worker has, until the test says what comes of it. */
export interface HeldBatch {
  script: string;
  event: QueueEvent;
  texts: string[];
  attempts: number[];
  end(delivery?: Partial<Delivery>): void;
}

/** Queues in a directory of their own, and Workers that are the test. */
export class TestBroker {
  readonly root = mkdtempSync(join(tmpdir(), "fh-queues-"));
  queues = new Queues(this.root);
  consumers!: PushConsumers;
  readonly held: HeldBatch[] = [];
  #records: QueueRecord[] = [];

  constructor(records: QueueRecord[] = []) {
    this.#watch();
    this.load(...records);
  }

  load(...records: QueueRecord[]): void {
    this.#records = records;
    this.queues.load({ queues: records });
  }

  async send(texts: string[], parts: { queueId?: string; delayS?: number } = {}): Promise<void> {
    const messages = texts.map((text) => ({
      contentType: "text" as const,
      body: Buffer.from(text),
      delayS: parts.delayS,
    }));
    await this.queues.enqueue(ACCOUNT, parts.queueId ?? QUEUE, messages);
  }

  async backlog(queueId = QUEUE): Promise<number> {
    return (await (await this.queues.find(ACCOUNT, queueId)).backlog()).count;
  }

  /** A process that was killed and one that begins anew: what the first held is not given back. */
  async restart(): Promise<void> {
    const lost = this.queues;
    void this.consumers.stop();
    this.held.length = 0;
    // Its connections must not write any more; a killed process would not.
    await lost.close();
    this.queues = new Queues(this.root);
    this.#watch();
    this.load(...this.#records);
  }

  async end(): Promise<void> {
    const stopped = this.consumers.stop();
    for (const batch of this.held) batch.end();
    await stopped;
    await this.queues.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  #watch(): void {
    this.consumers = new PushConsumers(
      this.queues,
      ({ script }, event) =>
        new Promise((resolve) => {
          this.held.push({
            script,
            event,
            texts: event.messages.map(({ body }) => Buffer.from(body).toString()),
            attempts: event.messages.map(({ attempts }) => attempts),
            end: (delivery = {}) => resolve({ outcome: "ok", begun: true, ...delivery }),
          });
        }),
    );
  }
}
