/** What a Worker's `writeDataPoint()` calls: `POST /` with the point as JSON. The Worker does not wait for the answer. */
import type { BindingOf } from "../../domain/version.ts";
import type { Exchange } from "../../lib/http/exchange.ts";
import type { RequestHead } from "../../lib/http/request-head.ts";
import { readPoint } from "./data-point.ts";
import type { Intake } from "./intake.ts";
import { MAX_POINT_BYTES } from "./limits.ts";

export function serveDataPoint<State>(
  intake: Pick<Intake, "write">,
  call: { exchange: Exchange<State>; head: RequestHead; accountId: string; binding: BindingOf<"analytics_engine"> },
): void {
  const { exchange, head, accountId, binding } = call;
  if (head.method !== "POST") {
    exchange.respond(404, "", "");
    return;
  }
  exchange.takeBody(MAX_POINT_BYTES, (body) => {
    const point = readPoint(body);
    if (point) intake.write(accountId, binding.dataset, point);
    if (exchange.open) exchange.respond(point ? 204 : 400, "", "");
  });
}
