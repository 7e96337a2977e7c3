import type { Bucket } from "./bucket.ts";
import { NOTICES_BATCH } from "./limits.ts";

/** Puts messages (JSON) into a queue; resolves when they are durable. False: there is no such queue (any more). */
export type Enqueue = (accountId: string, queueId: string, messages: string[]) => Promise<boolean>;

/**
 * Takes what is to be told of changes from buckets to queues. A notice is stored with its change and removed once the queue
 * has it, so none is lost; after a crash in between one may come twice.
 */
export class NoticeRelay {
  readonly #enqueue: Enqueue;
  /** Buckets whose notices are being told, and whether more have come meanwhile. */
  readonly #running = new Map<Bucket, { again: boolean }>();

  constructor(enqueue: Enqueue) {
    this.#enqueue = enqueue;
  }

  /** The bucket has notices, or may have. */
  wake(bucket: Bucket): void {
    const running = this.#running.get(bucket);
    if (running) running.again = true;
    else {
      this.#running.set(bucket, { again: false });
      void this.#run(bucket);
    }
  }

  async #run(bucket: Bucket): Promise<void> {
    try {
      for (let state = this.#running.get(bucket); state !== undefined; ) {
        state.again = false;
        await bucket.working(() => this.#tell(bucket));
        if (!state.again) break;
      }
    } catch (error) {
      // They are told at the next wake-up: there is one every half a minute.
      console.error(`R2 bucket ${bucket.info.name}: notifications wait:`, error);
    } finally {
      this.#running.delete(bucket);
    }
  }

  async #tell({ info, rows }: Bucket): Promise<void> {
    for (;;) {
      const notices = await rows.notices(0, NOTICES_BATCH);
      const last = notices.at(-1);
      if (last === undefined) return;
      const byQueue = new Map<string, string[]>();
      for (const { notice } of notices) {
        const { queues, message } = JSON.parse(notice) as { queues: string[]; message: unknown };
        for (const queue of queues) byQueue.set(queue, [...(byQueue.get(queue) ?? []), JSON.stringify(message)]);
      }
      for (const [queueId, messages] of byQueue) {
        const isThere = await this.#enqueue(info.accountId, queueId, messages);
        if (!isThere) console.error(`R2 bucket ${info.name}: queue ${queueId} of its notifications is gone.`);
      }
      await rows.told(last.id);
    }
  }
}
