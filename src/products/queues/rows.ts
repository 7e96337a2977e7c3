/** The `sql` side of a queue: what a driver must do. `rows.test.ts` is the suite that each driver passes. */

export type Maybe<Value> = Value | Promise<Value>;

/** How a body is read. It is stored as the bytes that came. */
export type ContentType = "text" | "json" | "bytes" | "v8";

/** A message as it enters a queue. */
export interface NewMessage {
  /** 32 hex digits; a message keeps it for life. */
  id: string;
  /** When it was sent, which moving to a dead letter queue does not change. */
  sentMs: number;
  contentType: ContentType;
  body: Uint8Array;
  /** From then on it may be delivered. */
  visibleMs: number;
}

/** A message that was handed out, and is not handed out again before its lease ends. */
export interface LeasedMessage extends Omit<NewMessage, "visibleMs"> {
  /** Its number in the queue, never used again. */
  seq: number;
  /** Of deliveries, this one included. */
  attempts: number;
}

/** What names a delivery. A message is acknowledged by any of its deliveries, and put off by the last one only. */
export type Receipt = Pick<LeasedMessage, "seq" | "attempts">;

export interface PutOff extends Receipt {
  visibleMs: number;
  /** It did not reach its consumer: the delivery does not count. */
  undelivered?: boolean;
}

export interface LeaseRequest {
  nowMs: number;
  /** {@link UNTIL_SETTLED}: as long as this process lives. */
  untilMs: number;
  maxMessages: number;
  /** Of bodies; a first message that is larger comes all the same. */
  maxBytes: number;
}

/** The backlog: all messages that are not acknowledged. */
export interface Backlog {
  count: number;
  bytes: number;
  /** When the oldest was sent; 0: there is none. */
  oldestMs: number;
}

export interface Waiting {
  /** Undefined: there is none. */
  sinceMs: number | undefined;
  many: boolean;
}

/** End of a lease that only its holder ends. Year 6429: what comes with a time before it is a real time. */
export const UNTIL_SETTLED = 2 ** 47 - 1;

/**
 * Messages of one queue. Each call takes effect whole or not at all. Added messages are on disk when `add` resolves; after a
 * loss of power the other changes may be undone, so that a message is delivered once more.
 */
export interface QueueRows {
  add(messages: NewMessage[]): Promise<void>;
  /** Since when the first of the messages waits that may be delivered now, and whether there are as many as that. */
  waiting(nowMs: number, many: number): Maybe<Waiting>;
  /** When the next message after now may be delivered; undefined: none is put off or leased with an end. */
  nextVisibleMs(nowMs: number): Maybe<number | undefined>;
  /** Hands out messages in the order in which they became visible. */
  lease(request: LeaseRequest): Promise<LeasedMessage[]>;
  /** Removes messages and puts others off; how many of each it were. Those that are gone are skipped. */
  settle(acks: Receipt[], putOff: PutOff[]): Promise<{ acked: number; putOff: number }>;
  /** Ends the leases without an end: their holder is no more. */
  releaseHeld(nowMs: number): Promise<void>;
  backlog(): Maybe<Backlog>;
  /** Removes up to `limit` messages that entered the queue before this time; how many it were. */
  expire(beforeMs: number, limit: number): Promise<number>;
  /** Removes all messages. */
  purge(): Promise<void>;
  /** Nothing is being written: it may be closed. */
  readonly idle: boolean;
  close(): void;
}
