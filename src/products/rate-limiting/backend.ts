/** What a Worker's rate limiting binding calls: `POST /<period>/<limit>/<weight>` with the key as body. */
import type { BindingOf } from "../../domain/version.ts";
import type { Exchange } from "../../lib/http/exchange.ts";
import type { RequestHead } from "../../lib/http/request-head.ts";
import type { Counters } from "./counters.ts";
import { MAX_KEY_BYTES } from "./limits.ts";

/** Periods are the binding's own or what a call gives; the module in the runtime has checked both. */
const PATH = /^\/(10|60)\/(\d{1,10})\/(\d{1,10})$/;

/** Answers 204 within the limit, 429 beyond it, 413 when the key is too long. */
export function serveRateLimit<State>(
  counters: Counters,
  call: { exchange: Exchange<State>; head: RequestHead; accountId: string; binding: BindingOf<"ratelimit"> },
): void {
  const { exchange, head, accountId, binding } = call;
  const match = PATH.exec(head.target);
  if (head.method !== "POST" || !match) {
    exchange.respond(404, "", "");
    return;
  }
  const [periodSeconds, limit, weight] = match.slice(1).map(Number) as [number, number, number];
  exchange.takeBody(MAX_KEY_BYTES, (key) => {
    if (!exchange.open) return;
    const counted = { accountId, namespaceId: binding.namespaceId, periodSeconds, key };
    exchange.respond(counters.count(counted, limit, weight, Date.now()) ? 204 : 429, "", "");
  });
}
