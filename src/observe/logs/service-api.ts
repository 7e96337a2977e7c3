/** What control asks of services: `POST /logs/<account>/query`, a `LogRequest` in JSON. */
import type { Exchange } from "../../lib/http/exchange.ts";
import { MAX_QUERY_BYTES } from "./limits.ts";

/** The account becomes part of a path. */
export const LOGS_PATH = /^\/logs\/([0-9a-f]{32})\/query$/;

/** Statuses of failures; others are 503. */
const statusOf: Record<string, number> = { sql: 422, timeout: 504 };

interface Reply {
  ok: boolean;
  payload: Buffer;
}

export interface LogQueries {
  query(accountId: string, request: object, isWanted: () => boolean, done: (reply: Reply) => void): void;
}

export function serveLogQuery<State>(logs: LogQueries, exchange: Exchange<State>, accountId: string): void {
  exchange.takeBody(MAX_QUERY_BYTES, (body) => {
    // The files are those of the account in the path; control writes the same into the request.
    const request = { ...JSON.parse(body.toString()), accountId };
    logs.query(
      accountId,
      request,
      () => exchange.open,
      ({ ok, payload }) => {
        if (!exchange.open) return;
        if (ok) exchange.respond(200, "Content-Type: application/json\r\n", payload);
        else {
          const { code, message } = JSON.parse(payload.toString());
          exchange.respond(statusOf[code] ?? 503, "Content-Type: text/plain\r\n", message);
        }
      },
    );
  });
}
