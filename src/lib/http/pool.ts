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

/** How long a doubtful connection rests: workerd was seen to close within 0.5 ms of its answer. */
const REST_MS = 20;

/** The connections to one upstream server: those in use, and the idle ones to use again, latest first. */
export class UpstreamPool implements Ticking {
  readonly path: string;
  readonly limits: HttpLimits;
  /** Where responses are parsed into; parsing and use are one synchronous step, so one object serves all. */
  readonly head: ResponseHead;
  /** Requests (and tunnels) under way. */
  inFlight = 0;
  /** The code with which tunnels are closed, those that open from now on too. */
  tunnelsEnd: number | undefined;
  readonly #ticker: Ticker;
  readonly #idleMs: number;
  readonly #all: UpstreamConnection[] = [];
  readonly #idle: UpstreamConnection[] = [];
  /** Idle ones that the server may be about to close, oldest first. */
  readonly #resting: UpstreamConnection[] = [];
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
    const connection = this.#idle.pop() ?? this.#takeRested();
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
      connection.idleSinceMs = this.#ticker.clock();
      if (connection.doubtful) this.#resting.push(connection);
      else this.#idle.push(connection);
      this.#ticker.wake();
    }
    this.#finished();
  }

  #takeRested(): UpstreamConnection | undefined {
    const oldest = this.#resting[0];
    if (oldest === undefined || this.#ticker.clock() - oldest.idleSinceMs < REST_MS) return undefined;
    return this.#resting.shift();
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
    for (const list of [this.#idle, this.#resting]) {
      const index = list.indexOf(connection);
      if (index >= 0) list.splice(index, 1);
    }
  }

  /** Keeps no idle connections from now on; what is in flight goes on. */
  close(): void {
    this.#closed = true;
    this.#ticker.remove(this);
    for (const connection of [...this.#idle.splice(0), ...this.#resting.splice(0)]) connection.abandon();
  }

  /** Closes all tunnels, with this WebSocket code. */
  endTunnels(code: number): void {
    this.tunnelsEnd = code;
    for (const connection of [...this.#all]) connection.closeTunnel(code);
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
    for (const list of [this.#idle, this.#resting]) {
      const fresh = list.findIndex((connection) => nowMs - connection.idleSinceMs < this.#idleMs);
      for (const old of list.slice(0, fresh < 0 ? list.length : fresh)) old.abandon();
    }
    return this.#idle.length + this.#resting.length > 0;
  }

  #finished(): void {
    if (--this.inFlight > 0 || this.#idleWaiters.length === 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}
