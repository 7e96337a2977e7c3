import { type ApiRequest, route } from "../../lib/api.ts";
import { readBounded } from "../../lib/read-bounded.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { MAX_SQL_BYTES } from "./limits.ts";

const path = "/accounts/:account/analytics_engine/sql";

/** By the format, which stands in the query. */
const CONTENT_TYPES: Record<string, string> = {
  JSON: "application/json",
  JSONEachRow: "application/x-ndjson",
  TabSeparated: "text/tab-separated-values; charset=UTF-8",
};

/** The SQL API: SQL in, the result as it is out, errors as text, as the original has it (`workers-semantics.md` 19). */
export const analyticsRoutes: ApiRoute[] = [
  route<Platform>({
    method: "POST",
    path,
    scope: "read",
    summary: "Query data points: SQL as the body, `FORMAT JSON`, `JSONEachRow` or `TabSeparated` in it",
    // It changes nothing.
    audited: false,
    handle: async (request) => query(request, (await readBounded(request.raw, MAX_SQL_BYTES))?.toString()),
  }),
  route<Platform>({
    method: "GET",
    path,
    scope: "read",
    summary: "The same with the SQL as `query`",
    handle: (request) => query(request, request.query.get("query") ?? ""),
  }),
];

/** `sql` undefined: it is too long to be read. */
async function query(
  { platform, accountId }: ApiRequest<Platform, unknown>,
  sql: string | undefined,
): Promise<Response> {
  if (sql === undefined || Buffer.byteLength(sql) > MAX_SQL_BYTES) {
    return refusal(422, `Input was invalid: the query is too long. It may have ${MAX_SQL_BYTES} bytes.`);
  }
  try {
    const reply = await platform.services(`/analytics/${accountId}/sql`, { method: "POST", body: sql });
    const text = Buffer.concat(await reply.body.toArray());
    if (reply.status !== 200) return refusal(reply.status, text.toString());
    const type = CONTENT_TYPES[reply.header("freehold-format") ?? ""] ?? "application/json";
    return new Response(text, { headers: { "content-type": type, "cache-control": "no-store" } });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return refusal(
      503,
      `The data points cannot be reached (${why}). The platform may be restarting: try again in a few seconds.`,
    );
  }
}

function refusal(status: number, message: string): Response {
  return new Response(message, { status, headers: { "content-type": "text/plain; charset=UTF-8" } });
}
