// @ts-check
/** The rate limiting binding for scripts in the service-worker format: called by RPC. */
import { WorkerEntrypoint } from "cloudflare:workers";
// @ts-expect-error: the name that the module has in the runtime.
import rateLimit from "./rate-limit.js";

export class Limiter extends WorkerEntrypoint {
  /** @param {unknown} options */
  limit(options) {
    return rateLimit(this.env).limit(options);
  }
}
