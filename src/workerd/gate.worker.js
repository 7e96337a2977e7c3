// @ts-check
/**
 * The gate of a runner that owns state. Other runners come in by entrypoints (`Gate`, `Desk`) over the debug port, the
 * platform itself by HTTP on the gate socket. Products add routes and entrypoints of their own; see `gate.ts`.
 */
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
import { MOVED, PROBED } from "./rpc-names.js";

/**
 * @typedef {object} GateCall
 * @property {Request} request
 * @property {any} env
 * @property {Record<string, string>} params Values of the path's parameters, decoded.
 */
/**
 * @typedef {object} GateRoute
 * @property {string} method
 * @property {string} path Segments that begin with a colon are parameters.
 * @property {(call: GateCall) => Response | Promise<Response>} handle
 */

/** A place that was reserved and not taken is given up after this time. */
const RESERVATION_MS = 1000;

/** How often a drain looks whether it has come to its end. */
const DRAIN_LOOK_MS = 5;

let draining = false;
let inFlight = 0;
/** Ends of the time of places that calls have reserved. @type {number[]} */
let reserved = [];

/**
 * Runs a call from outside; a drain waits for its end. A call that arrives in a drain is refused, unless it has a place.
 * @template T
 * @param {() => T | Promise<T>} call
 * @param {boolean} [hasPlace]
 * @returns {Promise<T>}
 */
export async function during(call, hasPlace = false) {
  if (hasPlace && reserved.length > 0) reserved.shift();
  else if (draining) throw new Error(MOVED);
  inFlight++;
  try {
    return await call();
  } finally {
    inFlight--;
  }
}

/** Gives up places that nobody took in their time. */
function forgetLost() {
  const now = Date.now();
  if (reserved[0] !== undefined && reserved[0] <= now) reserved = reserved.filter((until) => until > now);
}

function isIdle() {
  forgetLost();
  return inFlight === 0 && reserved.length === 0;
}

/** What a caller must know about the home besides its objects. */
export class Desk extends WorkerEntrypoint {
  /** Which process this is, and how the one before it ended. */
  hello() {
    return this.env.HOME;
  }

  /**
   * A kept way to one object, for callers that call it often: a call on it begins no request of its own, and costs two
   * thirds of one through `Gate` (measured).
   * @param {ObjectPlace} place
   */
  open(place) {
    return new Handle(objectAt(this.env, place));
  }

  /** Holds a place for one call that cannot be sent twice. False when it has to go elsewhere. */
  reserve() {
    if (draining) return false;
    forgetLost();
    reserved.push(Date.now() + RESERVATION_MS);
    return true;
  }
}

/**
 * @typedef {object} ObjectPlace
 * @property {string} namespaceId
 * @property {string} id
 * @property {string} [name]
 */

/**
 * Makes stubs of the object: a new one for each call, as one breaks with the object that it has led to.
 * @param {any} env
 * @param {ObjectPlace} place
 * @returns {() => any}
 */
function objectAt(env, { namespaceId, id, name }) {
  const namespace = env[namespaceId];
  if (!namespace) {
    return () => {
      throw new Error("The deployed version of the Worker that owns this Durable Object has no class for it.");
    };
  }
  /** @type {any} */
  let objectId;
  return () => {
    // With its name the object knows it as `ctx.id.name`. Making an id takes a tenth of a call's CPU (measured).
    objectId ??= name === undefined ? namespace.idFromString(id) : namespace.idFromName(name);
    return namespace.get(objectId);
  };
}

/** Methods and properties of one object. `fetch` with streams would cost more this way than through `Gate` (measured). */
class Handle extends RpcTarget {
  /** @type {() => any} */
  #object;

  /** @param {() => any} object */
  constructor(object) {
    super();
    this.#object = object;
  }

  /**
   * @param {string} method
   * @param {any[]} args
   */
  call(method, args) {
    return during(() => this.#object()[method](...args));
  }

  /** @param {string} property */
  read(property) {
    return during(() => this.#object()[property]);
  }
}

/** Leads to one object: `fetch`, `connect`, methods and properties. */
export class Gate extends WorkerEntrypoint {
  /**
   * @param {{ props: ObjectPlace & { hasPlace?: boolean } }} ctx
   * @param {any} env
   */
  constructor(ctx, env) {
    super(/** @type {any} */ (ctx), env);
    const { hasPlace, ...place } = ctx.props;
    const object = objectAt(env, place);
    // biome-ignore lint/correctness/noConstructorReturn: the object's methods are known only by asking for them
    return new Proxy(this, {
      get(self, key) {
        if (typeof key === "symbol" || key === "then" || key === "constructor") return Reflect.get(self, key);
        if (PROBED.has(key)) return undefined;
        if (key === "fetch") return (/** @type {Request} */ request) => during(() => object().fetch(request), hasPlace);
        if (key === "connect") return (/** @type {any} */ socket) => during(() => forward(socket, object()), hasPlace);
        return member(
          (/** @type {any[]} */ args) => during(() => object()[key](...args), hasPlace),
          () => during(() => object()[key], hasPlace),
        );
      },
    });
  }
}

/**
 * A member of which only the use shows whether it is a method or a property: the runtime awaits what it reads.
 * @param {(args: any[]) => Promise<any>} call
 * @param {() => Promise<any>} read
 */
function member(call, read) {
  const callable = (/** @type {any[]} */ ...args) => call(args);
  // biome-ignore lint/suspicious/noThenProperty: see above
  callable.then = (/** @type {any} */ resolve, /** @type {any} */ reject) => read().then(resolve, reject);
  return callable;
}

/**
 * @param {any} socket
 * @param {any} callee
 */
async function forward(socket, callee) {
  const upstream = callee.connect("object:1");
  await Promise.all([socket.readable.pipeTo(upstream.writable), upstream.readable.pipeTo(socket.writable)]);
}

/** @type {((env: any) => Promise<unknown>)[]} */
const drainListeners = [];

/**
 * Has a product told that the process will end soon. It holds up the move of the home, so it must not take long.
 * @param {(env: any) => Promise<unknown>} listener
 */
export function onDrain(listener) {
  drainListeners.push(listener);
}

/** @type {GateRoute[]} */
const ownRoutes = [
  { method: "GET", path: "/", handle: ({ env }) => Response.json({ ...env.HOME, draining, inFlight }) },
  {
    // Refuses new calls; answers when none is in flight any more. Whoever asks must bound the wait.
    method: "POST",
    path: "/drain",
    async handle({ env }) {
      draining = true;
      await Promise.allSettled(drainListeners.map((listener) => listener(env)));
      // One request cannot well wait for another's event, and places that nobody takes run out without one.
      while (!isIdle()) await scheduler.wait(DRAIN_LOOK_MS);
      return Response.json({});
    },
  },
];

/**
 * HTTP of the gate, for the platform itself.
 * @param {GateRoute[]} routes Those of products.
 */
export function gate(routes) {
  const table = [...ownRoutes, ...routes].map((route) => ({
    ...route,
    pattern: new URLPattern({ pathname: route.path }),
  }));
  return {
    /**
     * @param {Request} request
     * @param {any} env
     */
    async fetch(request, env) {
      for (const { method, pattern, handle } of table) {
        const match = method === request.method ? pattern.exec(request.url) : null;
        if (!match) continue;
        const groups = Object.entries(match.pathname.groups);
        const params = Object.fromEntries(groups.map(([key, value]) => [key, decodeURIComponent(value ?? "")]));
        return handle({ request, env, params });
      }
      return new Response("The gate has no such route.", { status: 404 });
    },
  };
}
