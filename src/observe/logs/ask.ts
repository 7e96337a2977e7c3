/** From a query of the API to a host's answer, and to that of the API. */
import type { Platform } from "../../store/platform.ts";
import { invalidQuery, logsUnreachable, queryTookTooLong } from "./errors.ts";
import { DATASET } from "./host/columns.ts";
import type { CalculationsRequest, EventsRequest, LogRequest, Selection, Timeframe } from "./host/requests.ts";
import { DEFAULT_GROUPS, DEFAULT_RESULTS } from "./limits.ts";
import { allOf, type Query } from "./schema.ts";

export interface Statistics {
  elapsed: number;
  rows_read: number;
  bytes_read: number;
}

/** Points of a series, unless the query says how many. */
const POINTS = 60;
const SECOND_MS = 1000;
/** Lengths of a point that people can read. */
const STEPS_MS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 86_400].map((s) => s * SECOND_MS);

/** Sends it to services. Throws with what is wrong with it. */
export async function askHost<Result>(
  platform: Platform,
  request: LogRequest,
): Promise<{ result: Result; statistics: Statistics }> {
  let status: number;
  let text: string;
  try {
    const path = `/logs/${request.accountId}/query`;
    const reply = await platform.services(path, { method: "POST", body: JSON.stringify(request) });
    status = reply.status;
    text = Buffer.concat(await reply.body.toArray()).toString();
  } catch (error) {
    throw logsUnreachable(error instanceof Error ? error.message : String(error));
  }
  if (status === 200) return JSON.parse(text);
  if (status === 422) throw invalidQuery(text);
  throw status === 504 ? queryTookTooLong(text) : logsUnreachable(text);
}

export function isOfDataset(datasets: readonly string[] | undefined): boolean {
  return datasets === undefined || datasets.length === 0 || datasets.includes(DATASET);
}

export function selectionOf(accountId: string, { timeframe, parameters }: Query): Selection {
  const filters = allOf(parameters?.filters, parameters?.filterCombination);
  return { accountId, timeframe, filters, needle: parameters?.needle ?? undefined };
}

export function eventsRequest(accountId: string, query: Query, kind: EventsRequest["kind"]): EventsRequest {
  return {
    ...selectionOf(accountId, query),
    kind,
    limit: query.limit ?? query.parameters?.limit ?? DEFAULT_RESULTS,
    cursor: query.offset ?? undefined,
    direction: query.offsetDirection ?? "next",
    bucketMs: query.chart && !query.ignoreSeries ? bucketMs(query) : undefined,
  };
}

export function calculationsRequest(accountId: string, query: Query): CalculationsRequest {
  const { parameters = {}, chartType } = query;
  const { calculations = [], groupBys = [], havings = [], orderBy } = parameters;
  return {
    ...selectionOf(accountId, query),
    kind: "calculations",
    calculations: calculations.length > 0 ? calculations : [{ operator: "count", asked: "count", keyType: "number" }],
    groupBys,
    havings,
    orderBy: orderBy ? { value: orderBy.value, order: orderBy.order ?? "desc" } : undefined,
    limit: query.limit ?? parameters.limit ?? DEFAULT_GROUPS,
    offset: query.offsetBy ?? 0,
    aggregates: chartType !== "timeseries",
    bucketMs: query.ignoreSeries || chartType === "aggregate" ? undefined : bucketMs(query),
  };
}

/** The period of the same length before. */
export function before({ from, to }: Timeframe): Timeframe {
  return { from: Math.max(0, from - (to - from)), to: Math.max(0, from - 1) };
}

export function bucketMs({ timeframe: { from, to }, granularity }: Pick<Query, "timeframe" | "granularity">): number {
  const wantedMs = (to - from) / (granularity ?? POINTS);
  if (granularity !== undefined) return Math.max(1, Math.ceil(wantedMs));
  return STEPS_MS.find((stepMs) => stepMs >= wantedMs) ?? Math.ceil(wantedMs / 86_400_000) * 86_400_000;
}
