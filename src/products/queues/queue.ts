import { randomBytes } from "node:crypto";
import type { QueueRecord } from "../../domain/queues.ts";
import { MAX_BACKLOG_BYTES, MAX_BATCH_BYTES, SWEEP_ROWS } from "./limits.ts";
import { queueMissing, storageLimit } from "./refusal.ts";
import type { Backlog, ContentType, LeasedMessage, NewMessage, PutOff, QueueRows, Receipt, Waiting } from "./rows.ts";

/** What a producer sends. */
export interface Outgoing {
  contentType: ContentType;
  body: Uint8Array;
  /** Absent: the queue's own delay. */
  delayS?: number | undefined;
}

/** A queue that is open. Its record is what control published last. */
export class Queue {
  record: QueueRecord;
  readonly #rows: QueueRows;
  readonly #added: () => void;
  /** Calls that use the rows. */
  #users = 0;
  #closed = false;

  /** `added` is called when messages have come that may be deliverable. */
  constructor(record: QueueRecord, rows: QueueRows, added: () => void) {
    this.record = record;
    this.#rows = rows;
    this.#added = added;
  }

  /** Stores messages; resolves when they are on disk, with the backlog. */
  async send(messages: Outgoing[]): Promise<Backlog> {
    const now = Date.now();
    const ids = randomBytes(16 * messages.length).toString("hex");
    return this.#add(
      messages.map(({ contentType, body, delayS = this.record.deliveryDelayS }, index) => ({
        id: ids.slice(32 * index, 32 * (index + 1)),
        sentMs: now,
        contentType,
        body,
        visibleMs: now + 1000 * delayS,
      })),
    );
  }

  /** Takes messages that failed elsewhere: they keep what they are. */
  async take(messages: LeasedMessage[]): Promise<void> {
    const visibleMs = Date.now() + 1000 * this.record.deliveryDelayS;
    await this.#add(
      messages.map(({ id, sentMs, contentType, body }) => ({ id, sentMs, contentType, body, visibleMs })),
    );
  }

  /** Hands out messages that may be delivered now. */
  lease(maxMessages: number, untilMs: number): Promise<LeasedMessage[]> {
    const request = { nowMs: Date.now(), untilMs, maxMessages, maxBytes: MAX_BATCH_BYTES };
    return this.#use((rows) => rows.lease(request));
  }

  settle(acks: Receipt[], putOff: PutOff[]): Promise<{ acked: number; putOff: number }> {
    return this.#use((rows) => rows.settle(acks, putOff));
  }

  waiting(nowMs: number, many: number): Promise<Waiting> {
    return this.#use((rows) => rows.waiting(nowMs, many));
  }

  nextVisibleMs(nowMs: number): Promise<number | undefined> {
    return this.#use((rows) => rows.nextVisibleMs(nowMs));
  }

  backlog(): Promise<Backlog> {
    return this.#use((rows) => rows.backlog());
  }

  purge(): Promise<void> {
    return this.#use((rows) => rows.purge());
  }

  /** Removes what is past its retention. */
  async sweep(): Promise<void> {
    const before = Date.now() - 1000 * this.record.retentionS;
    let removed: number;
    do {
      removed = await this.#use((rows) => rows.expire(before, SWEEP_ROWS));
      if (removed > 0) this.#added();
    } while (removed === SWEEP_ROWS);
  }

  /** Nobody uses it just now. */
  get idle(): boolean {
    return this.#users === 0 && this.#rows.idle;
  }

  close(): void {
    this.#closed = true;
    this.#rows.close();
  }

  async #add(messages: NewMessage[]): Promise<Backlog> {
    return this.#use(async (rows) => {
      if ((await rows.backlog()).bytes >= MAX_BACKLOG_BYTES) throw storageLimit(MAX_BACKLOG_BYTES);
      await rows.add(messages);
      this.#added();
      return rows.backlog();
    });
  }

  async #use<Result>(work: (rows: QueueRows) => Result | Promise<Result>): Promise<Result> {
    // Who held on to it while it was deleted.
    if (this.#closed) throw queueMissing();
    this.#users++;
    try {
      return await work(this.#rows);
    } finally {
      this.#users--;
    }
  }
}
