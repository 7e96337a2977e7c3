/** The views of events and invocations. */
import { quoted } from "../../../products/segments/host/quoted.ts";
import { timeText } from "./calculate.ts";
import { columns, DATASET } from "./columns.ts";
import { conditionOf, inTime } from "./conditions.ts";
import { metadataColumns } from "./keys.ts";
import { keysOf } from "./list.ts";
import type { EventsRequest } from "./requests.ts";
import type { Ask, Row } from "./results.ts";

/** Events of the invocations of one answer. */
const MAX_INVOCATION_EVENTS = 10_000;

const all = Object.keys(columns).join(", ");

/** Newest first, from the cursor on; `prev` is the page before it. */
export async function findEvents(request: EventsRequest, ask: Ask): Promise<object> {
  const { cursor, direction, limit } = request;
  const condition = conditionOf(request);
  const [sign, order] = direction === "prev" ? [">", "ASC"] : ["<", "DESC"];
  const after = cursor === undefined ? "" : ` AND id ${sign} ${quoted(cursor)}`;
  const rows = await ask(
    (from) => `SELECT ${all} FROM ${from} WHERE ${condition}${after} ORDER BY t ${order}, id ${order} LIMIT ${limit}`,
  );
  if (direction === "prev") rows.reverse();
  const events = rows.map((row) => eventOf(row, request.accountId));
  const { count, series } = await countEvents(request, condition, ask);
  const fields = keysOf(rows, request.accountId).map(({ key, type }) => ({ key, type }));
  return { count, events, fields, ...(series && { series }) };
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

async function countEvents({ bucketMs }: EventsRequest, condition: string, ask: Ask) {
  const bucket = bucketMs === undefined ? "0" : `t // ${bucketMs}`;
  const rows = await ask(
    (from) =>
      `SELECT ${bucket} AS bucket, sum(n) AS total, count(*) AS stored, sum(n) FILTER (level = 'error') AS errors, min(t) AS first, max(t) AS last` +
      ` FROM ${from} WHERE ${condition} GROUP BY bucket ORDER BY bucket`,
  );
  const count = rows.reduce((sum, { total }) => sum + Number(total), 0);
  const series = bucketMs === undefined ? undefined : rows.map((row) => pointOf(row, bucketMs));
  return { count, series };
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
