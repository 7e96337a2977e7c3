/** Every refusal of stored logs: code, HTTP status, message with the remedy. */
import { ApiError } from "../../lib/api.ts";

const refuse = (status: number, code: number, message: string) => new ApiError(status, { code, message });

export const invalidQuery = (why: string) => refuse(400, 10400, `The query cannot be answered: ${why}`);

export const queryTookTooLong = (why: string) => refuse(504, 10504, why);

export const logsUnreachable = (why: string) =>
  refuse(
    503,
    10503,
    `The stored logs cannot be reached (${why}). The platform may be restarting: try again in a few seconds.`,
  );

export const viewUnavailable = (view: string) =>
  refuse(
    400,
    10501,
    `The view "${view}" is of traces, which Freehold does not store. Ask for the view events, invocations or calculations.`,
  );

export const distributionUnavailable = () =>
  refuse(
    400,
    10501,
    'The chart type "distribution" is not available. Ask for "timeseries_and_aggregate", and for p50, p90 and p99 as calculations.',
  );

export const savedQueriesUnavailable = () =>
  refuse(400, 10501, "Freehold saves no queries. Send the query's parameters with each request, to …/telemetry/query.");

export const destinationsUnavailable = () =>
  refuse(
    400,
    10501,
    "Freehold exports no logs to destinations. Use Logpush, a Tail Worker, or …/observability/telemetry/query.",
  );

export const liveTailUnavailable = () =>
  refuse(400, 10501, "This live tail is not available. Use `wrangler tail`, which the tails of a script are for.");
