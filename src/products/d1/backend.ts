/** What a Worker's D1 binding calls: workerd's own protocol (`workerd-bindings.md` 4.3), passed on to the database's host. */
import type { BindingOf } from "../../domain/version.ts";
import type { Exchange } from "../../lib/http/exchange.ts";
import type { RequestHead } from "../../lib/http/request-head.ts";
import { AS_OBJECTS, type HostReply, type HostRequest, requestKind } from "./host-protocol.ts";
import { MAX_REQUEST_BYTES } from "./limits.ts";
import type { D1Failure } from "./operations.ts";

/** Request and response header of sessions; it holds a bookmark, or where a session may begin. */
export const SESSION_HEADER = "x-cf-d1-session-commit-token";

/** Runs requests on hosts; see `services/databases.ts`. */
export interface DatabaseCaller {
  run(accountId: string, request: HostRequest, done: (reply: HostReply) => void, timeoutMs?: number): void;
}

const JSON_TYPE = "Content-Type: application/json\r\n";

/**
 * Answers a request of a binding. `session` is the value of {@link SESSION_HEADER}: empty without one. Nothing has to
 * wait for a bookmark: there is one copy of each database, and it has every commit.
 */
export function serveD1<State>(
  databases: DatabaseCaller,
  call: { exchange: Exchange<State>; head: RequestHead; accountId: string; binding: BindingOf<"d1">; session: string },
): void {
  const { exchange, head, accountId, binding, session } = call;
  const { target } = head;
  const [path = "", query = ""] = target.split("?", 2);
  if (head.method !== "POST" || (path !== "/query" && path !== "/execute")) {
    exchange.respond(404, JSON_TYPE, failed("This is not part of D1. (dump() is obsolete: use an export.)"));
    return;
  }
  const flags = query.includes("ROWS_AND_COLUMNS") ? 0 : AS_OBJECTS;
  const request = { databaseId: binding.databaseId, kind: requestKind.wire, flags, isWanted: () => exchange.open };
  exchange.takeBody(MAX_REQUEST_BYTES, (payload) =>
    databases.run(accountId, { ...request, payload }, (reply) => {
      // A connection has one exchange: it is this request's until it is answered or gone.
      if (!exchange.open) return;
      if (!reply.ok)
        exchange.respond(200, JSON_TYPE, failed((JSON.parse(reply.payload.toString()) as D1Failure).message));
      else if (session === "") exchange.respond(200, JSON_TYPE, reply.payload);
      else exchange.respond(200, `${JSON_TYPE}${SESSION_HEADER}: ${reply.bookmark}\r\n`, reply.payload);
    }),
  );
}

/** A failure as the binding expects it; the status does not matter. */
function failed(error: string): string {
  return JSON.stringify({ success: false, error });
}
