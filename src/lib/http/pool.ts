import { HeaderNames } from "./header-names.ts";
import { type HttpLimits, httpLimits } from "./limits.ts";
import { ResponseHead } from "./response-head.ts";
import type { Ticker, Ticking } from "./ticker.ts";
import { UpstreamConnection } from "./upstream.ts";

export interface PoolOptions {
  /** Unix socket of the server. */
  path: string;
  ticker: Ticker;
  /** Idle connections are closed after this long: sooner than the server does, or requests meet a closed door. */
  idleMs: number;
  names?: HeaderNames;
  limits?: HttpLimits;
}

/** The connections to one upstream server: those in use, and the idle ones to use again, latest first. */
export class UpstreamPool implements Ticking {
  readonly path: string;
  readonly limits: HttpLimits;
  /** Where responses are parsed into; parsing and use are one synchronous step, so one object serves all. */
  readonly head: ResponseHead;
  /** Requests (and tunnels) under way. */
  inFlight = 0;
  readonly #ticker: Ticker;
  readonly #idleMs: number;
  readonly #all: UpstreamConnection[] = [];
  readonly #idle: UpstreamConnection[] = [];
  #closed = false;
  #idleWaiters: (() => void)[] = [];

  constructor(options: PoolOptions) {
    this.path = options.path;
    this.limits = options.limits ?? httpLimits;
    this.head = new ResponseHead(options.names ?? new HeaderNames());
    this.#ticker = options.ticker;
    this.#idleMs = options.idleMs;
    this.#ticker.add(this);
  }

  /** A connection for one request: an idle one or a new one. Follow with `begin`. */
  take(): UpstreamConnection {
    const connection = this.#idle.pop();
    if (connection === undefined) return this.connect();
    this.inFlight++;
    return connection;
  }

  /** A new connection for one request. */
  connect(): UpstreamConnection {
    const connection = new UpstreamConnection(this);
    connection.slot = this.#all.push(connection) - 1;
    this.inFlight++;
    return connection;
  }

  /** The connection's response is complete and it can serve another request. */
  put(connection: UpstreamConnection): void {
    if (this.#closed) {
      connection.abandon();
    } else {
      connection.idleSinceMs = this.#ticker.nowMs;
      this.#idle.push(connection);
      this.#ticker.wake();
    }
    this.#finished();
  }

  /** The connection is closed. */
  removed(connection: UpstreamConnection, wasIdle: boolean): void {
    const last = this.#all.pop();
    if (last !== undefined && last !== connection) {
      this.#all[connection.slot] = last;
      last.slot = connection.slot;
    }
    if (!wasIdle) {
      this.#finished();
      return;
    }
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  /** Keeps no idle connections from now on; what is in flight goes on. */
  close(): void {
    this.#closed = true;
    this.#ticker.remove(this);
    for (const connection of this.#idle.splice(0)) connection.abandon();
  }

  /** Ends everything at once; those who wait for a response are told that it is lost. */
  fail(): void {
    this.close();
    for (const connection of [...this.#all]) connection.fail();
  }

  /** Resolves when nothing is in flight. */
  whenIdle(): Promise<void> {
    if (this.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  tick(nowMs: number): boolean {
    let oldest = this.#idle[0];
    while (oldest !== undefined && nowMs - oldest.idleSinceMs >= this.#idleMs) {
      oldest.abandon();
      oldest = this.#idle[0];
    }
    return this.#idle.length > 0;
  }

  #finished(): void {
    if (--this.inFlight > 0 || this.#idleWaiters.length === 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}
