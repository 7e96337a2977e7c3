// @ts-check
/** Stands for a workflow whose instances another runner owns, and calls that runner's gate. */
import { WorkerEntrypoint } from "cloudflare:workers";
import { MOVED } from "./rpc-names.js";

/** Methods that a binding calls; the gate's part of workflows has the same. */
const METHODS = ["getInstance", "create", "createBatch", "deleteBatch", "status", "pause", "resume", "restart"];
const MORE_METHODS = ["terminate", "deleteInstance", "sendEvent", "subscribe"];

/** How long a call is repeated, and after what pause. */
const PATIENCE_MS = 20_000;
const PAUSE_MS = 20;

/** `ctx.props` has the address of a socket that leads to the owner, and the workflow's permanent id. */
export class WorkflowLink extends WorkerEntrypoint {}

for (const method of [...METHODS, ...MORE_METHODS]) {
  Object.defineProperty(WorkflowLink.prototype, method, {
    /**
     * @this {any}
     * @param {unknown[]} args
     */
    async value(...args) {
      const { address, workflow } = this.ctx.props;
      for (const until = Date.now() + PATIENCE_MS; ; ) {
        // A connection per call: the other end chooses the owner for each.
        const owner = this.env.DEBUG_PORT.connect(address).getEntrypoint("gate", "Workflows", { workflow });
        try {
          return await owner[method](...args);
        } catch (error) {
          const hasMoved = String(/** @type {Error} */ (error)?.message).includes(MOVED);
          if (!hasMoved || Date.now() >= until) throw error;
        }
        await scheduler.wait(PAUSE_MS);
      }
    },
  });
}
