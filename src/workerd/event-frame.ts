import type { RunnerEvent } from "../domain/events.ts";

/**
 * An event as it goes to a runner: the length of a JSON head (4 bytes, big endian), the head, then the bodies of
 * messages one after the other. `events.worker.js` reads it.
 */
export function eventFrame(event: RunnerEvent): Buffer {
  const bodies = bodiesOf(event);
  const head = Buffer.from(JSON.stringify({ type: event.type, event: headOf(event) }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.byteLength);
  return Buffer.concat([length, head, ...bodies]);
}

function bodiesOf(event: RunnerEvent): Uint8Array[] {
  if (event.type === "queue") return event.messages.map(({ body }) => body);
  return event.type === "tail" ? [Buffer.from(`[${event.items.join(",")}]`)] : [];
}

/** In the words of `events.worker.js`. */
function headOf(event: RunnerEvent): unknown {
  if (event.type === "tail") return { scripts: event.scripts };
  if (event.type === "scheduled") return { cron: event.cron, scheduledTime: event.scheduledTimeMs };
  const { oldestMessageTimestampMs, ...counts } = event.metrics;
  return {
    queue: event.queue,
    metrics: { ...counts, oldestMessageTimestamp: oldestMessageTimestampMs },
    messages: event.messages.map(({ id, timestampMs, attempts, contentType, body }) => ({
      id,
      timestamp: timestampMs,
      attempts,
      contentType,
      size: body.byteLength,
    })),
  };
}
