/** What control asks of the role that pushes: `POST /logpush/<account>/<operation>`, JSON both ways. */
import type { Exchange } from "../../lib/http/exchange.ts";
import { MAX_ASKED_BYTES } from "./limits.ts";
import type { Logpush } from "./logpush.ts";

export const LOGPUSH_PATH = /^\/logpush\/([0-9a-f]{32})\/(status|write)$/;

export interface LogpushApiCall<State> {
  exchange: Exchange<State>;
  accountId: string;
  operation: string;
}

/** What `write` is asked with. */
export interface WriteRequest {
  destination: string;
  name: string;
  content: string;
}

const JSON_TYPE = "Content-Type: application/json\r\n";

/** `status`: of jobs by id. `write`: `{}`, or 422 with `{message}`. */
export function serveLogpushApi<State>(
  logpush: Pick<Logpush, "status" | "write">,
  { exchange, accountId, operation }: LogpushApiCall<State>,
): void {
  exchange.takeBody(MAX_ASKED_BYTES, async (body) => {
    let status = 200;
    let reply: object;
    try {
      if (operation === "status") reply = logpush.status(accountId);
      else {
        const { destination, name, content }: WriteRequest = JSON.parse(body.toString());
        await logpush.write(accountId, destination, name, content);
        reply = {};
      }
    } catch (error) {
      status = 422;
      reply = { message: (error as Error).message };
    }
    if (exchange.open) exchange.respond(status, JSON_TYPE, JSON.stringify(reply));
  });
}
