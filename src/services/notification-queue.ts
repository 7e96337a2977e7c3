import type { Queues } from "../products/queues/queues.ts";
import { QueueRefusal, queueMissing } from "../products/queues/refusal.ts";
import type { Enqueue } from "../products/r2/notice-relay.ts";

/** Where buckets' notifications go: messages of JSON in queues of the account. */
export function notificationQueue(queues: Queues): Enqueue {
  return async (accountId, queueId, messages) => {
    try {
      const bodies = messages.map((text) => ({ contentType: "json" as const, body: Buffer.from(text) }));
      await queues.enqueue(accountId, queueId, bodies);
      return true;
    } catch (error) {
      if (error instanceof QueueRefusal && error.code === queueMissing().code) return false;
      throw error;
    }
  };
}
