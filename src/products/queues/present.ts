import type { QueueConsumerRow, QueueRow } from "../../store/schema.ts";
import type { StoredSettings } from "./consumer-body.ts";
import type { Producer } from "./users.ts";

export interface PresentedParts {
  producers: Producer[];
  consumer: QueueConsumerRow | undefined;
}

/** A queue as clients read it (`wrangler-api.md` 5.5). */
export function presentQueue(row: QueueRow, { producers, consumer }: PresentedParts): Record<string, unknown> {
  const consumers = consumer ? [presentConsumer(row, consumer)] : [];
  return {
    queue_id: row.id,
    queue_name: row.name,
    created_on: row.created_on,
    modified_on: row.modified_on,
    producers,
    producers_total_count: producers.length,
    consumers,
    consumers_total_count: consumers.length,
    settings: {
      delivery_delay: row.delivery_delay,
      delivery_paused: row.paused === 1,
      message_retention_period: row.retention,
    },
  };
}

/** `script` is what the client compares, `script_name` what the SDK knows. */
export function presentConsumer(queue: QueueRow, row: QueueConsumerRow): Record<string, unknown> {
  const { type, ...settings } = JSON.parse(row.settings_json) as StoredSettings;
  return {
    consumer_id: row.id,
    type,
    queue_name: queue.name,
    created_on: row.created_on,
    ...(row.script !== null && { script: row.script, script_name: row.script }),
    ...(row.dead_letter_queue !== null && { dead_letter_queue: row.dead_letter_queue }),
    settings,
  };
}
