/** What a Worker's secret calls: `GET /`, answered with the value. */
import type { BindingOf } from "../../domain/version.ts";
import type { Exchange } from "../../lib/http/exchange.ts";
import type { RequestHead } from "../../lib/http/request-head.ts";
import { type SecretReader, SecretUnreadable } from "./published.ts";

const TEXT = "Content-Type: text/plain\r\n";

/** Answers 200 with the value, 404 or 403 with the reason that the Worker is given, 503 when it cannot be read now. */
export function serveSecret<State>(
  reader: SecretReader,
  call: { exchange: Exchange<State>; head: RequestHead; accountId: string; binding: BindingOf<"secrets_store_secret"> },
): void {
  const { exchange, head, accountId, binding } = call;
  if (head.method !== "GET") {
    exchange.respond(404, TEXT, "This is not part of the Secrets Store.");
    return;
  }
  const { storeId, secretName } = binding;
  try {
    exchange.respond(200, TEXT, reader.read({ accountId, storeId, secretName }));
  } catch (error) {
    if (error instanceof SecretUnreadable) {
      exchange.respond(error.status, TEXT, error.message);
      return;
    }
    console.error(`secret "${secretName}" of ${accountId}:`, error);
    exchange.respond(503, TEXT, `Secret "${secretName}" cannot be read now`);
  }
}
