// @ts-check
/**
 * Stands for the objects of a namespace that another runner owns. Ids and stubs are native, as the class has the
 * namespace's key; each object here passes what it is asked to the object of the same id at its home.
 */
import { DurableObject } from "cloudflare:workers";
import { MOVED, PROBED } from "./rpc-names.js";

/** A call waits so long for a home that moves, and looks for it after pauses that grow to the longest. */
const MAX_MOVE_MS = 15_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;
/** A connection that was used so lately is used without asking: within this time a home does not move twice. */
const TRUSTED_MS = 250;
/**
 * A handle to the object is opened by a second call within this time, and given up when none came for as long: it keeps
 * this object in memory and a request in the home alive.
 */
const HANDLE_IDLE_MS = 1000;
/** Bodies up to this size are kept until the call has been taken, so that it can be sent again. */
const MAX_KEPT_BYTES = 1024 * 1024;
/** Objects that are looked at to find out whether arguments can be sent again. */
const MAX_LOOKED_AT = 1000;

/**
 * @param {string} namespaceId
 * @param {string} address Of the socket that leads to the home's RPC port.
 */
export function remoteClass(namespaceId, address) {
  return class extends DurableObject {
    /**
     * @param {any} ctx
     * @param {any} env
     */
    constructor(ctx, env) {
      super(ctx, env);
      const home = new Home(() => env.DEBUG_PORT.connect(address), {
        namespaceId,
        id: ctx.id.toString(),
        name: ctx.id.name,
      });
      // biome-ignore lint/correctness/noConstructorReturn: the object's methods are known only by asking for them
      return new Proxy(this, {
        get(self, key) {
          if (typeof key === "symbol" || key === "then" || key === "constructor") return Reflect.get(self, key);
          if (PROBED.has(key)) return undefined;
          if (key === "fetch") return (/** @type {Request} */ request) => home.fetch(request);
          if (key === "connect") return (/** @type {any} */ socket) => home.connect(socket);
          const callable = (/** @type {any[]} */ ...args) => home.call(key, args);
          // The runtime awaits what it reads: only then is it known to be a property and not a method.
          // biome-ignore lint/suspicious/noThenProperty: see above
          callable.then = (/** @type {any} */ resolve, /** @type {any} */ reject) =>
            home.read(key).then(resolve, reject);
          return callable;
        },
      });
    }
  };
}

/** The way to one object: a connection that is kept as long as this object is in memory, or until it is lost. */
class Home {
  /** @type {() => any} */
  #connect;
  /** @type {{ namespaceId: string, id: string, name?: string }} */
  #props;
  /** @type {Connection | undefined} */
  #connection;

  /**
   * @param {() => any} connect
   * @param {{ namespaceId: string, id: string, name?: string }} props
   */
  constructor(connect, props) {
    this.#connect = connect;
    this.#props = props;
  }

  /**
   * @param {string} method
   * @param {any[]} args
   */
  call(method, args) {
    return this.#send(
      (object) => object[method](...args),
      canBeSentAgain(args),
      (handle) => handle.call(method, args),
    );
  }

  /** @param {string} property */
  read(property) {
    return this.#send(
      (object) => object[property],
      true,
      (handle) => handle.read(property),
    );
  }

  /** @param {Request} request */
  async fetch(request) {
    if (!request.body) return this.#send((object) => object.fetch(request), true);
    if (Number(request.headers.get("content-length") ?? Number.POSITIVE_INFINITY) > MAX_KEPT_BYTES) {
      return this.#send((object) => object.fetch(request), false);
    }
    const body = await request.arrayBuffer();
    return this.#send((object) => object.fetch(new Request(request, { body })), true);
  }

  /** @param {any} socket */
  connect(socket) {
    return this.#send(async (object) => {
      const upstream = object.connect("object:1");
      await Promise.all([socket.readable.pipeTo(upstream.writable), upstream.readable.pipeTo(socket.writable)]);
    }, false);
  }

  /**
   * Sends a call, and sends it again when it is certain that nothing of it was done. Everything up to the first sending
   * happens at once, so that calls keep their order.
   * @param {(object: any) => any} call
   * @param {boolean} again Whether the call can be sent more than once.
   * @param {(handle: any) => any} [cheapCall] The same by the object's handle.
   */
  async #send(call, again, cheapCall) {
    const startedAt = Date.now();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const connection = this.#open();
      let sent = false;
      try {
        const ready = connection.ready(again && cheapCall !== undefined);
        if (ready) await ready;
        const object = again ? connection.object : await connection.objectWithPlace();
        sent = true;
        return await (again && cheapCall && connection.handle ? cheapCall(connection.handle) : call(object));
      } catch (error) {
        const moved = isMoved(error);
        if (!moved && !isLost(error)) throw error;
        if (this.#connection === connection) this.#connection = undefined;
        if (Date.now() - startedAt > MAX_MOVE_MS) throw moved ? unreachable() : error;
        if (!moved && sent && !(again && (await this.#endedOrderly(connection)))) throw error;
        await scheduler.wait(pauseMs);
      }
    }
  }

  #open() {
    this.#connection ??= new Connection(this.#connect(), this.#props);
    return this.#connection;
  }

  /**
   * Whether the process of a lost connection had answered everything that it had taken, and so never took the call.
   * @param {Connection} lost
   */
  async #endedOrderly(lost) {
    try {
      const { instanceId } = await lost.hello;
      const { predecessor } = await this.#open().hello;
      return predecessor?.orderly === true && predecessor.instanceId === instanceId;
    } catch {
      return false;
    }
  }
}

class Connection {
  /** Which process is at the other end, and how the one before it ended. @type {Promise<any>} */
  hello;
  object;
  /** The object's handle while there is one. @type {any} */
  handle;
  #desk;
  #connection;
  #props;
  #usedAt = Date.now();
  #isUsed = false;
  /** @type {Promise<unknown> | undefined} */
  #awaited;

  /**
   * @param {any} connection
   * @param {{ namespaceId: string, id: string, name?: string }} props
   */
  constructor(connection, props) {
    this.#connection = connection;
    this.#props = props;
    this.#desk = connection.getEntrypoint("gate", "Desk");
    this.object = connection.getEntrypoint("gate", "Gate", props);
    this.hello = this.#desk.hello();
    // Not known when the connection fails at once; whoever needs it will see.
    this.hello.catch(() => {});
  }

  /**
   * What has to be awaited before a call, if anything. All calls of that time await the same, which keeps their order.
   * After a pause, whether the connection still leads to the home, before a call depends on it. A request that is always
   * pending would tell at once, but it would keep this object in memory and the home from resting (measured).
   * @param {boolean} forHandle Whether the call can go by the handle.
   */
  ready(forHandle) {
    const now = Date.now();
    const pauseMs = now - this.#usedAt;
    if (!this.#awaited && this.#isUsed) {
      if (forHandle && !this.handle && pauseMs < HANDLE_IDLE_MS) this.#await(this.#openHandle());
      else if (pauseMs > TRUSTED_MS) this.#await(this.#desk.hello());
    }
    this.#usedAt = now;
    this.#isUsed = true;
    return this.#awaited;
  }

  /** @param {Promise<unknown>} reply */
  #await(reply) {
    this.#awaited = reply.finally(() => {
      this.#awaited = undefined;
    });
  }

  async #openHandle() {
    this.handle = await this.#desk.open(this.#props);
    this.#closeWhenIdle(HANDLE_IDLE_MS);
  }

  /** @param {number} leftMs */
  #closeWhenIdle(leftMs) {
    setTimeout(() => {
      const left = this.#usedAt + HANDLE_IDLE_MS - Date.now();
      if (left > 0) return this.#closeWhenIdle(left);
      // Calls on it, and what they have returned, go on.
      this.handle?.[Symbol.dispose]();
      this.handle = undefined;
    }, leftMs);
  }

  /** The object, for one call that the home is sure to take. */
  async objectWithPlace() {
    if (!(await this.#desk.reserve())) throw new Error(MOVED);
    return this.#connection.getEntrypoint("gate", "Gate", { ...this.#props, hasPlace: true });
  }
}

/** @param {any} error */
function isMoved(error) {
  return error?.message === MOVED;
}

/**
 * The connection broke, or one that the object itself used: the runtime marks both so.
 * @param {any} error
 */
function isLost(error) {
  return error?.retryable === true;
}

function unreachable() {
  return Object.assign(new Error("The Durable Object's home is moving; try again."), { retryable: true });
}

/**
 * Streams, functions and stubs go with the first sending.
 * @param {unknown} value
 */
function canBeSentAgain(value) {
  let left = MAX_LOOKED_AT;
  const look = (/** @type {any} */ part) => {
    if (typeof part === "function") return false;
    if (typeof part !== "object" || part === null) return true;
    if (left-- <= 0) return false;
    if (Array.isArray(part)) return part.every(look);
    if (part instanceof Map) return [...part].every(look);
    if (part instanceof Set) return [...part].every(look);
    if (ArrayBuffer.isView(part) || PLAIN.some((type) => part instanceof type)) return true;
    const prototype = Object.getPrototypeOf(part);
    return (prototype === Object.prototype || prototype === null) && Object.values(part).every(look);
  };
  return look(value);
}

const PLAIN = [ArrayBuffer, Date, RegExp, Error, Headers];
