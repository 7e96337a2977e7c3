// @ts-check
/** What the gate has for workflows: routes for the API, and an entrypoint for bindings in other runners. */
import { WorkerEntrypoint } from "cloudflare:workers";
import { during, onDrain } from "./gate.js";

/** Methods that a binding calls; see `link.worker.js`, which has the same. */
const METHODS = ["getInstance", "create", "createBatch", "deleteBatch", "status", "pause", "resume", "restart"];
const MORE_METHODS = ["terminate", "deleteInstance", "sendEvent", "subscribe"];

/** A workflow, for bindings of other runners. `ctx.props.workflow` is its permanent id. */
export class Workflows extends WorkerEntrypoint {}

for (const method of [...METHODS, ...MORE_METHODS]) {
  Object.defineProperty(Workflows.prototype, method, {
    /**
     * @this {any}
     * @param {unknown[]} args
     */
    value(...args) {
      return during(() => deskOf(this.env, this.ctx.props.workflow)[method](...args));
    },
  });
}

/**
 * @param {any} env
 * @param {string} workflowId
 */
function deskOf(env, workflowId) {
  const desk = env[`workflow:${workflowId}`];
  if (!desk) throw new Error("The deployed version of the Worker that owns this workflow has no class for it.");
  return desk;
}

/**
 * A route whose result is JSON. A failure is too, with the engine's own message.
 * @param {string} method
 * @param {string} path Below the workflow.
 * @param {(desk: any, params: Record<string, string>, body: any) => unknown} call
 */
function route(method, path, call) {
  return {
    method,
    path: `/workflows/:workflow${path}`,
    /** @param {{ request: Request, env: any, params: Record<string, string> }} request */
    async handle({ request, env, params }) {
      try {
        const body = method === "POST" ? await request.json() : undefined;
        const result = await during(() => call(deskOf(env, params.workflow), params, body));
        return Response.json({ result: result ?? null });
      } catch (error) {
        const { name, message } = /** @type {Error} */ (error);
        return Response.json({ error: { name, message } }, { status: 422 });
      }
    },
  };
}

onDrain((env) => {
  const desks = Object.keys(env).filter((name) => name.startsWith("workflow:"));
  return Promise.all(desks.map((name) => env[name].interrupt()));
});

const ACTIONS = new Set(["pause", "resume", "restart", "terminate", "sendEvent"]);

export const routes = [
  route("POST", "/page", (desk, _params, query) => desk.page(query)),
  route("GET", "/counts", (desk) => desk.counts()),
  route("POST", "/create", (desk, _params, { source, options }) =>
    desk.create({ ...options, retention: { ...options.retention, source } }),
  ),
  route("POST", "/create-batch", (desk, _params, { source, instances }) =>
    desk.createBatch({
      instances: instances.map((/** @type {any} */ one) => ({ ...one, retention: { ...one.retention, source } })),
    }),
  ),
  route("POST", "/delete-batch", (desk, _params, { instances }) => desk.deleteBatch({ instances })),
  route("POST", "/terminate-all", (desk, _params, { status }) => desk.terminateAll(status)),
  route("POST", "/configure", (desk, _params, settings) => desk.configure(settings)),
  route("GET", "/instances/:id", (desk, { id }) => desk.describe(id)),
  route("POST", "/instances/:id/:action", (desk, { id, action }, argument) => {
    if (!ACTIONS.has(action)) throw new Error(`There is no action "${action}".`);
    return desk[action](id, argument ?? undefined);
  }),
];
