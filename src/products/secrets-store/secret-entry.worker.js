// @ts-check
/** A secret for scripts in the service-worker format: called by RPC. */
import { WorkerEntrypoint } from "cloudflare:workers";
// @ts-expect-error: the name that the module has in the runtime.
import secret from "./secret.js";

export class Secret extends WorkerEntrypoint {
  get() {
    return secret(this.env).get();
  }
}
