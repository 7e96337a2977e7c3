import type { OpenTail } from "../domain/live-tail.ts";
import type { Exchange } from "../lib/http/exchange.ts";
import type { TailSessions } from "../observe/live/sessions.ts";

/** `/tails/<account>/<script>`, and a session's id behind it. */
export const TAILS_PATH = /^\/tails\/([0-9a-f]{32})\/([A-Za-z0-9_-]+)(?:\/([0-9a-f]{32}))?$/;

const MAX_REQUEST_BYTES = 1024 * 1024;
const JSON_TYPE = "Content-Type: application/json\r\n";

export interface TailsCall {
  exchange: Exchange<undefined>;
  method: string;
  accountId: string;
  script: string;
  id: string | undefined;
}

/** Sessions of live logs, for control: `POST` and `GET` of a script's, `DELETE` of one. 429: there are too many. */
export function serveTailsApi(sessions: TailSessions, { exchange, method, accountId, script, id }: TailsCall): void {
  const of = { accountId, script };
  const answer = (status: number, body: unknown) => {
    if (exchange.open) exchange.respond(status, JSON_TYPE, JSON.stringify(body));
  };
  const failed = (error: unknown) => answer(500, { error: error instanceof Error ? error.message : String(error) });
  if (method === "POST" && id === undefined) {
    exchange.takeBody(MAX_REQUEST_BYTES, (body) => {
      const wanted = JSON.parse(body.toString()) as OpenTail;
      sessions.open(of, wanted).then((opened) => answer(opened ? 200 : 429, opened ?? {}), failed);
    });
  } else if (method === "GET" && id === undefined) answer(200, sessions.list(of));
  else if (method === "DELETE" && id !== undefined) sessions.close(of, id).then(() => answer(200, {}), failed);
  else answer(404, {});
}
