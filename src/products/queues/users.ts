import type { Kysely } from "kysely";
import { activeRecords } from "../../store/active-records.ts";
import type { Database, QueueRow } from "../../store/schema.ts";

/** Who sends to a queue, in the API's words. */
export type Producer = { type: "worker"; script: string };

/** Producers of the account's queues, by the queue's id: the scripts whose active deployment binds them. */
export async function producersOf(db: Kysely<Database>, accountId: string): Promise<Map<string, Producer[]>> {
  const producers = new Map<string, Producer[]>();
  for (const { name, record } of await activeRecords(db, accountId)) {
    for (const binding of record.bindings) {
      if (binding.type !== "queue") continue;
      const known = producers.get(binding.queueId) ?? [];
      if (!known.some(({ script }) => script === name)) known.push({ type: "worker", script: name });
      producers.set(binding.queueId, known);
    }
  }
  return producers;
}

/** Who would send into the void if the queue were deleted, each in a few words. */
export async function usersOf(db: Kysely<Database>, { id, account_id, name }: QueueRow): Promise<string[]> {
  const producers = (await producersOf(db, account_id)).get(id) ?? [];
  const rows = await db
    .selectFrom("queue_consumers")
    .innerJoin("queues", "queues.id", "queue_consumers.queue_id")
    .select("queues.name")
    .where("queue_consumers.account_id", "=", account_id)
    .where("queue_consumers.dead_letter_queue", "=", name)
    .where("queues.id", "!=", id)
    .execute();
  return [
    ...producers.map(({ script }) => `Worker "${script}" sends to it`),
    ...rows.map((row) => `it is the dead letter queue of "${row.name}"`),
  ];
}
