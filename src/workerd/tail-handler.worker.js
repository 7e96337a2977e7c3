// @ts-check
/**
 * Stands beside the code of a version that has a `tail()` handler, in the same isolate, and calls it. A request brings
 * the items, in JSON; its query names their scripts, so that the runtime's own report of this invocation has them.
 */
import { WorkerEntrypoint } from "cloudflare:workers";

/** @param {any} main The version's default export. */
export function tailEntrypoint(main) {
  return class extends WorkerEntrypoint {
    /** @param {Request} request */
    async fetch(request) {
      const items = (await request.json()).map(traceItem);
      const { env, ctx } = this;
      if (typeof main === "function") {
        const worker = new main(ctx, env);
        await (worker.tail ?? worker.trace).call(worker, items);
      } else await (main.tail ?? main.trace).call(main, items, env, ctx);
      return new Response(null, { status: 204 });
    }
  };
}

/** @param {any} item */
function traceItem({ unredacted, ...item }) {
  const { event } = item;
  const request = event?.request;
  if (request) {
    const { url, headers } = unredacted ?? {};
    const original = { ...request, url: url ?? request.url, headers: { ...request.headers, ...headers } };
    Object.defineProperty(request, "getUnredacted", { value: () => original });
  }
  // That of an alarm is a date; that of a Cron Trigger a number.
  if (typeof event?.scheduledTime === "string") event.scheduledTime = new Date(event.scheduledTime);
  return item;
}
