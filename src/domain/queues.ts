/** Queues and their consumers, as control publishes them to the services role in `queues.json`. */
export interface QueuesSnapshot {
  queues: QueueRecord[];
}

export interface QueueRecord {
  accountId: string;
  /** 32 hex digits; permanent. */
  queueId: string;
  name: string;
  /** Of messages that say nothing themselves. */
  deliveryDelayS: number;
  retentionS: number;
  /** Nothing is delivered meanwhile. */
  paused: boolean;
  consumer?: QueueConsumer;
}

export type QueueConsumer = PushConsumer | PullConsumer;

interface ConsumerSettings {
  consumerId: string;
  /** Messages of one batch. */
  batchSize: number;
  /** Deliveries after the first. */
  maxRetries: number;
  /** Of retries that say nothing themselves. */
  retryDelayS: number;
  /** Absent: messages that failed too often are dropped. */
  deadLetter?: { name: string /** Absent: there is no such queue any more. */; queueId?: string };
}

/** A Worker whose `queue()` handler is called. */
export interface PushConsumer extends ConsumerSettings {
  type: "worker";
  /** Name of the script, in the same account. */
  script: string;
  /** How long the first message of a batch waits for others. */
  maxWaitMs: number;
  /** Batches at once; null: as many as it copes with. */
  maxConcurrency: number | null;
}

/** Somebody who asks for messages over HTTP. */
export interface PullConsumer extends ConsumerSettings {
  type: "http_pull";
  visibilityTimeoutMs: number;
}
