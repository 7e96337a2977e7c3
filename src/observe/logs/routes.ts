import { randomUUID } from "node:crypto";
import { type ApiRequest, ApiResult, route } from "../../lib/api.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { askHost, before, bucketMs, calculationsRequest, eventsRequest, isOfDataset, type Statistics } from "./ask.ts";
import {
  destinationsUnavailable,
  distributionUnavailable,
  liveTailUnavailable,
  savedQueriesUnavailable,
  viewUnavailable,
} from "./errors.ts";
import type { ListedKeys } from "./host/list.ts";
import { allOf, Keys, Query, Values } from "./schema.ts";

const root = "/accounts/:account/workers/observability";
const telemetry = `${root}/telemetry`;

type Asked<Body> = ApiRequest<Platform, Body>;

/** What the SDK asks that is not here; each says what there is instead. */
const refused: { method: ApiRoute["method"]; path: string; what: string; refuse(): Error }[] = [
  ...[`${telemetry}/live-tail`, `${telemetry}/live-tail/heartbeat`].map((path) => ({
    ...{ method: "POST" as const, path, what: "Live tail of the query API", refuse: liveTailUnavailable },
  })),
  { method: "POST", path: `${root}/queries`, what: "Saved queries", refuse: savedQueriesUnavailable },
  { method: "POST", path: `${root}/shared/query`, what: "Shared queries", refuse: savedQueriesUnavailable },
  { method: "POST", path: `${root}/destinations`, what: "Destinations", refuse: destinationsUnavailable },
];

/** Queries over stored logs (`workers-semantics.md` 6.2), in the shape of the official SDK. */
export const logRoutes: ApiRoute[] = [
  route<Platform, Query>({
    method: "POST",
    path: `${telemetry}/query`,
    scope: "read",
    summary: "Query stored logs: events, invocations or calculations over them",
    body: Query,
    // It changes nothing.
    audited: false,
    handle: query,
  }),
  route<Platform, Keys>({
    method: "POST",
    path: `${telemetry}/keys`,
    scope: "read",
    summary: "List the keys of stored events",
    body: Keys,
    audited: false,
    handle: async ({ platform, accountId, body }) => {
      if (!isOfDataset(body.datasets)) return [];
      const { from = 0, to = Date.now(), filters, needle, keyNeedle, limit } = body;
      const selection = { accountId, timeframe: { from, to }, filters: allOf(filters), needle: needle ?? undefined };
      const { result } = await askHost(platform, {
        ...selection,
        kind: "keys",
        limit,
        keyNeedle: keyNeedle ?? undefined,
      });
      const { keys, examined, isPart } = result as ListedKeys;
      if (!isPart) return keys;
      const message = `These are the keys of the newest ${examined} events that match. A narrower timeframe or filters show those of others.`;
      return new ApiResult(keys, { messages: [message] });
    },
  }),
  route<Platform, Values>({
    method: "POST",
    path: `${telemetry}/values`,
    scope: "read",
    summary: "List the values of a key, the most frequent first",
    body: Values,
    audited: false,
    handle: async ({ platform, accountId, body }) => {
      if (!isOfDataset(body.datasets)) return [];
      const { key, type, timeframe, filters, needle, limit } = body;
      const selection = { accountId, timeframe, filters: allOf(filters), needle: needle ?? undefined };
      return (await askHost(platform, { ...selection, kind: "values", key, type, limit })).result;
    },
  }),
  ...[`${root}/queries`, `${root}/destinations`].map((path) =>
    route<Platform>({
      method: "GET",
      path,
      scope: "read",
      summary: "List what is not available: empty",
      handle: () => [],
    }),
  ),
  ...refused.map(({ method, path, what, refuse }) =>
    route<Platform>({
      method,
      path,
      scope: "read",
      summary: `${what}: not available`,
      audited: false,
      handle: () => {
        throw refuse();
      },
    }),
  ),
];

async function query(request: Asked<Query>): Promise<object> {
  const { body } = request;
  if (body.chartType === "distribution") throw distributionUnavailable();
  if (!body.parameters && body.view === undefined) throw savedQueriesUnavailable();
  const begun = new Date().toISOString();
  const { statistics, ...views } = await viewOf(request);
  return { run: runOf(request, begun, statistics), statistics, ...views };
}

/** Part of the answer by the view; without one it is of calculations, as soon as there are some. */
async function viewOf({ platform, accountId, body }: Asked<Query>): Promise<{ statistics: Statistics }> {
  const view = body.view ?? (body.parameters?.calculations?.length ? "calculations" : "events");
  const isEmpty = !isOfDataset(body.parameters?.datasets);
  const none = { elapsed: 0, rows_read: 0, bytes_read: 0 };
  switch (view) {
    case "events": {
      if (isEmpty) return { statistics: none, ...{ events: { count: 0, events: [], fields: [], series: [] } } };
      const { result, statistics } = await askHost(platform, eventsRequest(accountId, body, "events"));
      return { statistics, ...{ events: result } };
    }
    case "invocations":
    case "requests": {
      if (isEmpty) return { statistics: none, ...{ invocations: {} } };
      const { result, statistics } = await askHost(platform, eventsRequest(accountId, body, "invocations"));
      return { statistics, ...{ invocations: result } };
    }
    case "calculations": {
      if (isEmpty) return { statistics: none, ...{ calculations: [] } };
      const asked = calculationsRequest(accountId, body);
      const { result, statistics } = await askHost(platform, asked);
      if (!body.compare) return { statistics, ...{ calculations: result } };
      const compared = await askHost(platform, { ...asked, timeframe: before(asked.timeframe) });
      return { statistics, ...{ calculations: result, compare: compared.result } };
    }
    default:
      throw viewUnavailable(view);
  }
}

/** The SDK's record of an execution. None is kept. */
function runOf({ accountId, actor, body }: Asked<Query>, created: string, statistics: Statistics): object {
  const { from, to } = body.timeframe;
  const by = { created, createdBy: actor.email, updated: created, updatedBy: actor.email };
  return {
    ...{ id: randomUUID(), accountId, dry: body.dry ?? false, status: "COMPLETED", timeframe: body.timeframe },
    granularity: Math.ceil((to - from) / bucketMs(body)),
    query: {
      id: body.queryId,
      adhoc: true,
      description: null,
      name: body.queryId,
      parameters: body.parameters ?? {},
      ...by,
    },
    ...{ userId: actor.tokenId, created, updated: created, statistics },
  };
}
