import { DEAD_LETTER_RETRY_MS } from "./limits.ts";
import type { Queue } from "./queue.ts";
import type { Queues } from "./queues.ts";
import { QueueRefusal } from "./refusal.ts";
import type { LeasedMessage } from "./rows.ts";

/**
 * Takes messages that failed too often out of their queue: into its dead letter queue, or for good when it has none. They are
 * removed after they are on disk there, so that a crash in between doubles some and loses none.
 * When they cannot go there, they stay, and why is returned.
 */
export async function giveUp(queues: Queues, queue: Queue, messages: LeasedMessage[]): Promise<string | undefined> {
  if (messages.length === 0) return undefined;
  const { accountId, consumer } = queue.record;
  const deadLetter = consumer?.deadLetter;
  try {
    if (deadLetter) await (await queues.find(accountId, deadLetter.queueId ?? "")).take(messages);
  } catch (error) {
    const visibleMs = Date.now() + DEAD_LETTER_RETRY_MS;
    // The delivery that brings it back is none.
    await queue.settle(
      [],
      messages.map((message) => ({ ...message, visibleMs, undelivered: true })),
    );
    if (!(error instanceof QueueRefusal)) throw error;
    return `Messages cannot go to the dead letter queue "${deadLetter?.name}": ${error.message}`;
  }
  await queue.settle(messages, []);
  return undefined;
}
