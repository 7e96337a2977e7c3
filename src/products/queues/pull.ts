/** What pull consumers ask over HTTP: messages with leases, and what became of them (`workers-semantics.md` 11). */
import type { PullConsumer } from "../../domain/queues.ts";
import { giveUp } from "./dead-letter.ts";
import { MAX_ACKNOWLEDGED, MAX_BATCH_MESSAGES, MAX_VISIBILITY_MS } from "./limits.ts";
import type { Queue } from "./queue.ts";
import type { Queues } from "./queues.ts";
import { schemaInvalid } from "./refusal.ts";
import type { LeasedMessage, PutOff, Receipt } from "./rows.ts";
import { delayOf, object } from "./wire.ts";

/** Leases messages; none while delivery is paused. Those that were leased too often before are given up. */
export async function pull(queues: Queues, queue: Queue, consumer: PullConsumer, request: unknown): Promise<unknown> {
  const { batch_size, visibility_timeout_ms, visibility_timeout } = object(request);
  const limit = whole("batch_size", batch_size, consumer.batchSize, 1, MAX_BATCH_MESSAGES);
  const timeoutMs = whole(
    "visibility_timeout_ms",
    // The client's own example says it shorter.
    visibility_timeout_ms ?? visibility_timeout,
    consumer.visibilityTimeoutMs,
    1,
    MAX_VISIBILITY_MS,
  );
  let messages: LeasedMessage[] = [];
  if (!queue.record.paused) {
    let failed: LeasedMessage[];
    do {
      const leased = await queue.lease(limit, Date.now() + timeoutMs);
      failed = leased.filter(({ attempts }) => attempts > consumer.maxRetries + 1);
      messages = leased.filter(({ attempts }) => attempts <= consumer.maxRetries + 1);
      await giveUp(queues, queue, failed);
    } while (messages.length === 0 && failed.length > 0);
  }
  const { count, bytes, oldestMs } = await queue.backlog();
  return {
    message_backlog_count: count,
    messages: messages.map(present),
    metadata: { metrics: { backlog_count: count, backlog_bytes: bytes, oldest_message_timestamp_ms: oldestMs } },
  };
}

/** Acknowledges messages and has others come again. A lease that has ended may still acknowledge. */
export async function acknowledge(queue: Queue, consumer: PullConsumer, request: unknown): Promise<unknown> {
  const { acks, retries } = object(request);
  const warnings: Record<string, string> = {};
  const receipts: Receipt[] = [];
  for (const each of list("acks", acks)) {
    const { leaseId, receipt } = readLease(each);
    if (receipt) receipts.push(receipt);
    else warnings[leaseId] = "This is no lease id.";
  }
  const putOff: PutOff[] = [];
  const now = Date.now();
  for (const each of list("retries", retries)) {
    const { leaseId, receipt } = readLease(each);
    const delayS = delayOf(object(each).delay_seconds, false) ?? consumer.retryDelayS;
    if (receipt) putOff.push({ ...receipt, visibleMs: now + 1000 * delayS });
    else warnings[leaseId] = "This is no lease id.";
  }
  const settled = await queue.settle(receipts, putOff);
  return { ackCount: settled.acked, retryCount: settled.putOff, warnings };
}

function present({ seq, attempts, id, sentMs, contentType, body }: LeasedMessage): Record<string, unknown> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return {
    id,
    timestamp_ms: sentMs,
    attempts,
    lease_id: Buffer.from(`${seq}.${attempts}`).toString("base64url"),
    body: bytes.toString(contentType === "text" ? "utf8" : "base64"),
    metadata: { "CF-Content-Type": contentType },
  };
}

function readLease(value: unknown): { leaseId: string; receipt: Receipt | undefined } {
  const { lease_id } = object(value);
  if (typeof lease_id !== "string") throw schemaInvalid("Each of acks and retries must have a lease_id");
  const text = Buffer.from(lease_id.slice(0, 100), "base64url").toString("latin1");
  const [, seq, attempts] = /^(\d{1,15})\.(\d{1,6})$/.exec(text) ?? [];
  const receipt = attempts === undefined ? undefined : { seq: Number(seq), attempts: Number(attempts) };
  return { leaseId: lease_id.slice(0, 100), receipt };
}

function list(name: string, value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw schemaInvalid(`${name} must be a list`);
  if (value.length > MAX_ACKNOWLEDGED)
    throw schemaInvalid(`${name} has ${value.length} entries; at most ${MAX_ACKNOWLEDGED} are allowed`);
  return value;
}

function whole(name: string, value: unknown, fallback: number, min: number, max: number): number {
  if (value === undefined || value === null) return fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max)
    throw schemaInvalid(`${name} must be a whole number from ${min} to ${max}`);
  return value;
}
