import { z } from "zod";
import type { Platform } from "../../store/platform.ts";
import { storageGroups } from "../r2/metrics.ts";
import { callDatabase } from "./api-call.ts";
import { MAX_INSIGHT_DATABASES, MAX_INSIGHT_ROWS, PARALLEL_INSIGHTS } from "./api-limits.ts";
import type { D1QueryInsight } from "./operations.ts";
import { listDatabases } from "./store.ts";

export const GraphqlBody = z.object({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});
export type GraphqlBody = z.infer<typeof GraphqlBody>;

interface Row extends D1QueryInsight {
  databaseId: string;
}

/**
 * Answers the queries that the client makes of the original's analytics: it knows the ones about D1 statements and about the
 * size of R2 buckets by the name of their data set, and has no data for any other. GraphQL itself is not implemented.
 */
export async function answerGraphql(platform: Platform, accountId: string, body: GraphqlBody): Promise<unknown> {
  const asked = String(body.variables?.accountTag ?? accountId);
  if (asked !== accountId) {
    return {
      data: null,
      errors: [{ message: `not authorized for account ${asked.slice(0, 64)}: the API token belongs to another one` }],
    };
  }
  return { data: { viewer: { accounts: [await dataSets(platform, accountId, body)] } }, errors: null };
}

async function dataSets(platform: Platform, accountId: string, { query, variables }: GraphqlBody) {
  const isOfStatements = /\bd1QueriesAdaptiveGroups\b/.test(query);
  const isOfTotals = /\bd1AnalyticsAdaptiveGroups\b/.test(query);
  const bucket = filterOf(variables?.filter, "bucketName");
  if (bucket !== undefined && /\br2StorageAdaptiveGroups\b/.test(query)) {
    return { r2StorageAdaptiveGroups: await storageGroups(platform, accountId, bucket) };
  }
  if (!isOfStatements && !isOfTotals) return {};
  const rows = await gather(platform, accountId, filterOf(variables?.filter, "databaseId"));
  return {
    ...(isOfStatements && { d1QueriesAdaptiveGroups: ordered(rows, query).map(statementGroup) }),
    ...(isOfTotals && { d1AnalyticsAdaptiveGroups: rows.length > 0 ? [totals(rows)] : [] }),
  };
}

/** A field of the filter, which is an object or has them in the parts of its `AND`. */
function filterOf(filter: unknown, field: string): string | undefined {
  const parts = [filter, ...((filter as { AND?: unknown[] } | undefined)?.AND ?? [])];
  for (const part of parts) {
    const value = (part as Record<string, unknown> | undefined)?.[field];
    if (typeof value === "string") return value;
  }
  return undefined;
}

/** What statements have cost, of one database or of the account's. One whose host does not answer is left out. */
async function gather(platform: Platform, accountId: string, databaseId: string | undefined): Promise<Row[]> {
  const { rows } = await listDatabases(platform, accountId, { number: 1, size: MAX_INSIGHT_DATABASES, offset: 0 }, "");
  const ids = databaseId === undefined ? rows.map(({ id }) => id) : [databaseId];
  const found: Row[] = [];
  for (let start = 0; start < ids.length; start += PARALLEL_INSIGHTS) {
    const some = ids.slice(start, start + PARALLEL_INSIGHTS).map(async (id) => {
      const key = { accountId, databaseId: id };
      const reply = await callDatabase(platform, key, "insights", {}).catch(() => ({ queries: [] }));
      return reply.queries.map((insight) => ({ ...insight, databaseId: id }));
    });
    found.push(...(await Promise.all(some)).flat());
  }
  return found;
}

const measures: Record<string, (row: Row) => number> = {
  queryDurationMs: (row) => row.totalMs,
  rowsRead: (row) => row.rowsRead,
  rowsWritten: (row) => row.rowsWritten,
  rowsReturned: (row) => row.rowsReturned ?? 0,
};

/** As `orderBy: [sum_rowsRead_DESC]` and `limit: 5` in the query say; by total time without. */
function ordered(rows: Row[], query: string): Row[] {
  const [, by = "sum_queryDurationMs", direction = "DESC"] = /orderBy:\s*\[?\s*(\w+?)_(ASC|DESC)\b/.exec(query) ?? [];
  const [, kind = "", name = ""] = /^(sum|avg)_(\w+)$/.exec(by) ?? [];
  const measure = measures[name];
  const rankOf = (row: Row) => {
    if (!measure) return row.count;
    return kind === "avg" ? measure(row) / Math.max(1, row.count) : measure(row);
  };
  const sign = direction === "ASC" ? 1 : -1;
  const limit = Number(/\blimit:\s*(\d+)/.exec(query)?.[1] ?? MAX_INSIGHT_ROWS);
  return rows.toSorted((a, b) => sign * (rankOf(a) - rankOf(b))).slice(0, Math.min(limit, MAX_INSIGHT_ROWS));
}

function statementGroup(row: Row): Record<string, unknown> {
  const sums = Object.entries(measures).map(([name, measure]) => [name, measure(row)] as const);
  const count = Math.max(1, row.count);
  return {
    sum: Object.fromEntries(sums),
    avg: Object.fromEntries(sums.map(([name, value]) => [name, value / count])),
    count: row.count,
    dimensions: { query: row.sql, databaseId: row.databaseId },
  };
}

/** Statements that have written no row count as reads. */
function totals(rows: Row[]): Record<string, unknown> {
  const sum = { readQueries: 0, writeQueries: 0, rowsRead: 0, rowsWritten: 0 };
  for (const row of rows) {
    if (row.rowsWritten > 0) sum.writeQueries += row.count;
    else sum.readQueries += row.count;
    sum.rowsRead += row.rowsRead;
    sum.rowsWritten += row.rowsWritten;
  }
  return { sum, dimensions: { datetimeHour: new Date().toISOString() } };
}
