import type { Kysely } from "kysely";
import { KEPT_DAYS, type SpentQuotas, utcDay } from "../domain/daily-requests.ts";
import type { EdgeCounts } from "../domain/version-counts.ts";
import type { DailyRequestRow, Database } from "../store/schema.ts";

/**
 * Keeps what edges have counted of a day. An edge's count only grows, so the largest is stored: a report that comes twice
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
          conflict
            .columns(["day", "account_id", "edge_id"])
            .doUpdateSet({ requests: row.requests })
            .where("daily_requests.requests", "<", row.requests),
        )
        .execute();
    }
  });
}

/** Where edges have their ids: what this day has from a later one, and what (below zero) that one gave. */
const TAKEN = "taken";
const GIVEN = "given";

/**
 * Begins the day of `nowMs`, or goes on with it. When the clock was set back, what a later day has more than this one is taken from it,
 * once; a day that gave has its own count again when the clock gets there. Days long past, and far ahead, are forgotten.
 */
export async function beginDay(db: Kysely<Database>, nowMs: number): Promise<void> {
  const day = utcDay(nowMs);
  await db.transaction().execute(async (tx) => {
    await tx.deleteFrom("daily_requests").where("day", "=", day).where("edge_id", "=", GIVEN).execute();
    const rows = await tx
      .selectFrom("daily_requests")
      .select((select) => ["day", "account_id", select.fn.sum<number>("requests").as("sum")])
      .groupBy(["day", "account_id"])
      .execute();
    // PostgreSQL sums are text.
    const sums = rows.map((row) => ({ ...row, sum: Number(row.sum) }));
    const ofDay = new Map(sums.filter((row) => row.day === day).map((row) => [row.account_id, row.sum]));
    const later = sums.filter((row) => row.day > day && row.sum > 0);
    for (const [account_id, given] of Map.groupBy(later, (row) => row.account_id)) {
      const more = Math.max(...given.map(({ sum }) => sum)) - (ofDay.get(account_id) ?? 0);
      if (more > 0) await add(tx, { day, account_id, edge_id: TAKEN, requests: more });
      for (const { day, sum } of given) await add(tx, { day, account_id, edge_id: GIVEN, requests: -sum });
    }
    const days = [...new Set(sums.map((row) => row.day))].sort();
    const past = days.filter((other) => other <= day).slice(0, -KEPT_DAYS);
    const ahead = days.filter((other) => other > day).slice(KEPT_DAYS);
    for (const old of [...past, ...ahead]) await tx.deleteFrom("daily_requests").where("day", "=", old).execute();
  });
}

async function add(tx: Kysely<Database>, row: DailyRequestRow): Promise<void> {
  await tx
    .insertInto("daily_requests")
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(["day", "account_id", "edge_id"])
        .doUpdateSet((update) => ({ requests: update("daily_requests.requests", "+", row.requests) })),
    )
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
