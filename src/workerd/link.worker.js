// @ts-check
/** Forwards a service binding to a worker in another process. */
import { WorkerEntrypoint } from "cloudflare:workers";
import { PROBED } from "./rpc-names.js";

/** By these a caller chooses among the versions of a split (`workers-semantics.md` 3.3). */
const CHOICE = ["cloudflare-workers-version-key", "cloudflare-workers-version-overrides"];

export class Link extends WorkerEntrypoint {
  /**
   * @param {{ props: { address: string, service: string, entrypoint?: string, props?: Record<string, unknown> } }} ctx
   * @param {{ DEBUG_PORT: any, VERSIONS: Fetcher }} env
   */
  constructor(ctx, env) {
    super(ctx, env);
    const { address, service, entrypoint, props } = ctx.props;
    // A connection per call: the other end chooses a version for each, and it ends with the call.
    const calleeAt = (/** @type {string} */ at) => env.DEBUG_PORT.connect(at).getEntrypoint("user", entrypoint, props);
    const callee = () => calleeAt(address);
    const fetchFrom = (/** @type {Request} */ request) =>
      CHOICE.some((name) => request.headers.has(name))
        ? chosen(env.VERSIONS, service, address, request).then((at) => calleeAt(at).fetch(request))
        : callee().fetch(request);
    // biome-ignore lint/correctness/noConstructorReturn: the callee's methods are known only by asking for them
    return new Proxy(this, {
      get(self, name) {
        if (typeof name === "symbol" || name === "then" || name === "constructor") return Reflect.get(self, name);
        if (name === "fetch") return fetchFrom;
        if (name === "connect") return (/** @type {any} */ socket) => forward(socket, callee());
        if (PROBED.has(name)) return (/** @type {any[]} */ ...args) => callee()[name](...args);
        // Not a function of ours: it may be a property that is read.
        return callee()[name];
      },
    });
  }
}

/**
 * Where the version that a request asks for answers: the platform says which socket beside `address` leads to it.
 * @param {Fetcher} versions
 * @param {string} service
 * @param {string} address
 * @param {Request} request
 */
async function chosen(versions, service, address, request) {
  const asked = CHOICE.flatMap((name) => {
    const value = request.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  const answer = await versions.fetch(`http://versions/${encodeURIComponent(service)}`, { headers: asked });
  const socket = await answer.text();
  return answer.ok && socket !== "" ? address.replace(/[^/]*$/, socket) : address;
}

/**
 * @param {any} socket
 * @param {any} callee
 */
async function forward(socket, callee) {
  const upstream = callee.connect("callee:1");
  await Promise.all([socket.readable.pipeTo(upstream.writable), upstream.readable.pipeTo(socket.writable)]);
}
