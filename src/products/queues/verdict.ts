import type { Delivery } from "../../domain/events.ts";
import type { PushConsumer } from "../../domain/queues.ts";
import type { LeasedMessage, PutOff } from "./rows.ts";

/** What is to become of the messages of a batch. */
export interface Fate {
  acked: LeasedMessage[];
  retried: PutOff[];
  /** Failed too often. */
  failed: LeasedMessage[];
}

/**
 * Decides by what the handler said (`workerd-bindings.md` 4.4, `workers-semantics.md` 11): what it said of a message goes before
 * what it said of the batch, and that before how it ended.
 */
export function fateOf(
  messages: LeasedMessage[],
  { outcome, verdict = {} }: Delivery,
  { maxRetries, retryDelayS }: Pick<PushConsumer, "maxRetries" | "retryDelayS">,
  nowMs: number,
): Fate {
  const acks = new Set(verdict.explicitAcks);
  const retries = new Map(verdict.retryMessages?.map(({ msgId, delaySeconds }) => [msgId, delaySeconds]));
  const { ackAll = false, retryBatch } = verdict;
  const failedAll = !ackAll && (retryBatch?.retry === true || outcome !== "ok");
  const fate: Fate = { acked: [], retried: [], failed: [] };
  for (const message of messages) {
    const isRetried = retries.has(message.id) || (failedAll && !acks.has(message.id));
    if (!isRetried) fate.acked.push(message);
    else if (message.attempts > maxRetries) fate.failed.push(message);
    else {
      const delayS = retries.get(message.id) ?? retryBatch?.delaySeconds ?? retryDelayS;
      fate.retried.push({ ...message, visibleMs: nowMs + 1000 * delayS });
    }
  }
  return fate;
}
