/** The views of events and invocations. */
import { quoted } from "../../../products/segments/host/quoted.ts";
import { timeText } from "./calculate.ts";
import { columns, DATASET } from "./columns.ts";
import { conditionOf, inTime } from "./conditions.ts";
import { metadataColumns } from "./keys.ts";
import { keysOf } from "./list.ts";
import { readEvents } from "./read-events.ts";
import type { EventsRequest } from "./requests.ts";
import type { Ask, Row } from "./results.ts";

/** Events of the invocations of one answer. */
const MAX_INVOCATION_EVENTS = 10_000;

const all = Object.keys(columns).join(", ");

/**
 * Newest first, from the cursor on; `prev` is the page before it. Conditions are held against all events once: that gives the
 * count, the series and which events are of the page.
 */
export async function findEvents(request: EventsRequest, ask: Ask): Promise<object> {
  const points = await countEvents(request, ask);
  const count = points.reduce((sum, { row }) => sum + Number(row.total), 0);
  const rows = await readEvents(
    pageOf(
      request,
      points.flatMap(({ ids }) => ids),
    ),
    ask,
  );
  const fields = keysOf(rows, request.accountId).map(({ key, type }) => ({ key, type }));
  const events = rows.map((row) => eventOf(row, request.accountId));
  const { bucketMs } = request;
  return {
    count,
    events,
    fields,
    ...(bucketMs !== undefined && { series: points.map(({ row }) => pointOf(row, bucketMs)) }),
  };
}

/** Ids sort as times do. */
function pageOf({ direction, limit }: EventsRequest, ids: string[]): string[] {
  const sorted = ids.sort();
  return direction === "prev" ? sorted.slice(0, limit) : sorted.slice(-limit);
}

/** By request, the newest first; of each all events, in their order, also those that do not match. */
export async function findInvocations(request: EventsRequest, ask: Ask): Promise<object> {
  const { cursor, limit, timeframe, accountId } = request;
  const after = cursor === undefined ? "" : ` HAVING max(id) < ${quoted(cursor)}`;
  const found = await ask(
    (from) =>
      `SELECT request, min(t) AS first FROM ${from} WHERE ${conditionOf(request)} AND request <> ''` +
      ` GROUP BY request${after} ORDER BY max(t) DESC, max(id) DESC LIMIT ${limit}`,
  );
  const ids = found.map(({ request: id }) => String(id));
  const invocations = new Map<string, object[]>(ids.map((id) => [id, []]));
  if (ids.length === 0) return {};
  const rows = await ask(
    (from) =>
      `SELECT ${all} FROM ${from} WHERE ${inTime(timeframe)} AND request IN (${ids.map(quoted).join(", ")})` +
      ` ORDER BY t, id LIMIT ${MAX_INVOCATION_EVENTS}`,
  );
  for (const row of rows) invocations.get(String(row.request))?.push(eventOf(row, accountId));
  return Object.fromEntries(invocations);
}

/** By points of the series, each with the events of it that may be of the page. */
async function countEvents(request: EventsRequest, ask: Ask): Promise<{ row: Row; ids: string[] }[]> {
  const { bucketMs, cursor, direction, limit } = request;
  const [nearest, sign] = direction === "prev" ? ["min", ">"] : ["max", "<"];
  const after = cursor === undefined ? "" : ` FILTER (id ${sign} ${quoted(cursor)})`;
  const rows = await ask(
    (from) =>
      `SELECT ${bucketMs === undefined ? "0" : `t // ${bucketMs}`} AS bucket, sum(n) AS total, count(*) AS stored,` +
      ` sum(n) FILTER (level = 'error') AS errors, min(t) AS first, max(t) AS last,` +
      ` CAST(to_json(${nearest}(id, ${limit})${after}) AS VARCHAR) AS ids` +
      ` FROM ${from} WHERE ${conditionOf(request)} GROUP BY bucket ORDER BY bucket`,
  );
  return rows.map((row) => ({ row, ids: (JSON.parse(String(row.ids)) as string[] | null) ?? [] }));
}

function pointOf({ bucket, total, stored, errors, first, last }: Row, bucketMs: number): object {
  const count = Number(total);
  const interval = count / Number(stored);
  const time = timeText(Number(bucket) * bucketMs);
  const seen = { _firstSeen: timeText(Number(first)), _lastSeen: timeText(Number(last)), bin: time };
  const aggregates = { _count: count, _interval: interval, ...seen };
  return { time, data: [{ aggregates, count, interval, sampleInterval: interval, errors: Number(errors ?? 0) }] };
}

/** An event as the API has it. */
function eventOf(row: Row, account: string): object {
  const metadata = metadataColumns.flatMap(([name, column]) => {
    const value = row[column];
    return value === null || value === undefined ? [] : [[name, value]];
  });
  return {
    source: JSON.parse(String(row.source)),
    dataset: DATASET,
    timestamp: Number(row.t),
    $workers: JSON.parse(String(row.workers)),
    $metadata: { ...Object.fromEntries(metadata), account },
  };
}
