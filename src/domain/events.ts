/** Events that the platform itself gives to handlers of a Worker. */

/** A due Cron Trigger. */
export interface ScheduledEvent {
  type: "scheduled";
  cron: string;
  /** The minute that it was due, as `Date.now()` has it. */
  scheduledTimeMs: number;
}

/** A batch for a consumer of a queue. */
export interface QueueEvent {
  type: "queue";
  /** Name of the queue. */
  queue: string;
  messages: QueuedMessage[];
  metrics: {
    backlogCount: number;
    backlogBytes: number;
    /** 0: there is none. */
    oldestMessageTimestampMs: number;
  };
}

export interface QueuedMessage {
  id: string;
  timestampMs: number;
  /** Begins with 1. */
  attempts: number;
  /** How to read `body`. JSON must be valid: a batch with JSON that is not is refused whole. */
  contentType: "text" | "json" | "bytes" | "v8";
  body: Uint8Array;
}

/** What happened in invocations of others, for a Tail Worker. */
export interface TailEvent {
  type: "tail";
  /** Scripts that the items are of, one for each. */
  scripts: string[];
  /** The items in JSON, as `workerd/tail-handler.worker.js` reads them. */
  items: string[];
}

export type RunnerEvent = ScheduledEvent | QueueEvent | TailEvent;

/** In the runtime's words. */
export type EventOutcome =
  | "ok"
  | "exception"
  | "exceededCpu"
  | "exceededMemory"
  | "exceededWallTime"
  /** Its runner was stopped. */
  | "canceled"
  /** The version is not there. */
  | "scriptNotFound"
  /** There was no place for it. */
  | "loadShed"
  | "internalError";

/** What came of an event. */
export interface Delivery {
  outcome: EventOutcome;
  /** False: surely nothing of it ran. */
  begun: boolean;
  /** For people, where there is more to say than the outcome. */
  message?: string;
  /** What the handler said of the event. */
  verdict?: ScheduledVerdict & QueueVerdict;
}

interface ScheduledVerdict {
  noRetry?: boolean;
}

/** What the handler said of a batch: with outcome `ok` only. Delays are seconds. */
interface QueueVerdict {
  ackAll?: boolean;
  retryBatch?: { retry: boolean; delaySeconds?: number };
  explicitAcks?: string[];
  retryMessages?: { msgId: string; delaySeconds?: number }[];
}
