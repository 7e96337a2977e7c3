import type { Kysely } from "kysely";
import { type Skip, skipNone, soundRows } from "../../domain/publication.ts";
import type { QueuesSnapshot } from "../../domain/queues.ts";
import type { Database, QueueRow } from "../../store/schema.ts";
import { consumerRecord } from "./consumers.ts";

/** The queues and consumers of all accounts, for the services role. */
export async function takeQueues(db: Kysely<Database>, skip: Skip = skipNone): Promise<QueuesSnapshot> {
  const rows = await db.selectFrom("queues").selectAll().orderBy("id").execute();
  if (rows.length === 0) return { queues: [] };
  const byName = new Map(rows.map(({ account_id, name, id }) => [`${account_id}/${name}`, id]));
  const consumers = await db.selectFrom("queue_consumers").selectAll().execute();
  const byQueue = new Map(consumers.map((consumer) => [consumer.queue_id, consumer]));
  const queueOf = (row: QueueRow) => {
    const consumer = byQueue.get(row.id);
    const deadLetter = consumer && byName.get(`${row.account_id}/${consumer.dead_letter_queue}`);
    // Without its consumer it keeps what it is sent.
    const [record] = soundRows(
      consumer ? [consumer] : [],
      (one) => consumerRecord(one, deadLetter),
      () => `consumer of the queue ${row.name} of ${row.account_id}`,
      skip,
    );
    return {
      accountId: row.account_id,
      queueId: row.id,
      name: row.name,
      deliveryDelayS: row.delivery_delay,
      retentionS: row.retention,
      paused: row.paused === 1,
      ...(record && { consumer: record }),
    };
  };
  return { queues: rows.map(queueOf) };
}
