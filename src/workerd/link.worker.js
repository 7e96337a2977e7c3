// @ts-check
/** Forwards a service binding to a worker in another process. */
import { WorkerEntrypoint } from "cloudflare:workers";
import { PROBED } from "./rpc-names.js";

export class Link extends WorkerEntrypoint {
  /**
   * @param {{ props: { address: string, entrypoint?: string, props?: Record<string, unknown> } }} ctx
   * @param {{ DEBUG_PORT: any }} env
   */
  constructor(ctx, env) {
    super(ctx, env);
    const { address, entrypoint, props } = ctx.props;
    // A connection per call: the other end chooses a version for each, and it ends with the call.
    const callee = () => env.DEBUG_PORT.connect(address).getEntrypoint("user", entrypoint, props);
    // biome-ignore lint/correctness/noConstructorReturn: the callee's methods are known only by asking for them
    return new Proxy(this, {
      get(self, name) {
        if (typeof name === "symbol" || name === "then" || name === "constructor") return Reflect.get(self, name);
        if (name === "fetch") return (/** @type {Request} */ request) => callee().fetch(request);
        if (name === "connect") return (/** @type {any} */ socket) => forward(socket, callee());
        if (PROBED.has(name)) return (/** @type {any[]} */ ...args) => callee()[name](...args);
        // Not a function of ours: it may be a property that is read.
        return callee()[name];
      },
    });
  }
}

/**
 * @param {any} socket
 * @param {any} callee
 */
async function forward(socket, callee) {
  const upstream = callee.connect("callee:1");
  await Promise.all([socket.readable.pipeTo(upstream.writable), upstream.readable.pipeTo(socket.writable)]);
}
