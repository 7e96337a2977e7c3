import type { Kysely } from "kysely";
import { DAY_MS, type SpentQuotas, utcDay } from "../domain/daily-requests.ts";
import type { EdgeCounts } from "../domain/version-counts.ts";
import type { Database } from "../store/schema.ts";

/**
 * Keeps what edges have counted of a day. An edge's count only grows, so it is stored as it is: a report that comes twice
 * counts once, and whoever starts anew adds up what was stored before.
 */
export async function recordDailyRequests(db: Kysely<Database>, reports: EdgeCounts[]): Promise<void> {
  const rows = reports.flatMap(({ edgeId: edge_id, daily }) =>
    Object.entries(daily?.accounts ?? {}).map(([account_id, requests]) => ({
      ...{ day: daily?.day ?? "", account_id, edge_id, requests },
    })),
  );
  if (rows.length === 0) return;
  await db.transaction().execute(async (tx) => {
    for (const row of rows) {
      await tx
        .insertInto("daily_requests")
        .values(row)
        .onConflict((conflict) =>
          conflict.columns(["day", "account_id", "edge_id"]).doUpdateSet({ requests: row.requests }),
        )
        .execute();
    }
  });
}

/** Forgets the days before yesterday, whose edges may still be heard. */
export async function forgetDailyRequests(db: Kysely<Database>, nowMs: number): Promise<void> {
  await db
    .deleteFrom("daily_requests")
    .where("day", "<", utcDay(nowMs - DAY_MS))
    .execute();
}

/** Accounts with at least `limit` requests on the day of `nowMs`, in the order of their ids; undefined: none. */
export async function spentQuotas(
  db: Kysely<Database>,
  limit: number,
  nowMs: number,
): Promise<SpentQuotas | undefined> {
  const day = utcDay(nowMs);
  const rows = await db
    .selectFrom("daily_requests")
    .select("account_id")
    .where("day", "=", day)
    .groupBy("account_id")
    .having((select) => select.fn.sum<number>("requests"), ">=", limit)
    .orderBy("account_id")
    .execute();
  return rows.length === 0 ? undefined : { day, accountIds: rows.map(({ account_id }) => account_id) };
}
