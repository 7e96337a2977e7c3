import type { Socket } from "node:net";
import type { Exchange } from "./exchange.ts";
import { Failures } from "./failures.ts";
import type { HeaderNames } from "./header-names.ts";
import { type HttpLimits, httpLimits } from "./limits.ts";
import { type Refusal, RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";
import { ServerConnection } from "./server-connection.ts";
import type { Ticker, Ticking } from "./ticker.ts";
import type { Loss } from "./upstream.ts";

/**
 * What a server does with requests. `State` is the handler's own memory for a connection. Each of `request`,
 * `failed` and `refused`, and `response` when it returns undefined, must lead to one `respond` or `send`,
 * at once or later.
 */
export interface Handler<State> {
  /** A client connected; its address and scheme do not change any more. */
  opened(socket: Socket): State;
  /** Looks at the first bytes of a connection; true: they are no HTTP, `takeOver` gets the socket. */
  takesOver?(chunk: Buffer): boolean;
  /** Receives a socket, paused and without listeners, and the bytes already read from it. */
  takeOver?(socket: Socket, chunk: Buffer): void;
  /** A request came in. `head` is valid only during the call. */
  request(exchange: Exchange<State>, head: RequestHead): void;
  /**
   * The upstream's response head came in; valid only during the call. Returns status line and fields for the client
   * (see `responseText`), or undefined to drop the upstream's response and answer in its place.
   */
  response(exchange: Exchange<State>, head: ResponseHead): string | undefined;
  /** The upstream gave no response head. After `unreachable` the request may be sent elsewhere. */
  failed(exchange: Exchange<State>, loss: Loss): void;
  /** The engine refuses what the client sent; the connection closes after the answer. */
  refused(exchange: Exchange<State>, refusal: Refusal): void;
}

export interface ServerOptions<State> {
  handler: Handler<State>;
  names: HeaderNames;
  ticker: Ticker;
  limits?: HttpLimits;
}

/** The connections of clients, whatever listener they come from. */
export class HttpServer<State> implements Ticking {
  readonly handler: Handler<State>;
  readonly ticker: Ticker;
  readonly limits: HttpLimits;
  /** Where requests are parsed into; one object serves all connections, as with responses. */
  readonly head: RequestHead;
  readonly failures: Failures;
  /** Every response from now on closes its connection. */
  draining = false;
  readonly #connections = new Set<ServerConnection<State>>();
  #drained: (() => void)[] = [];

  constructor(options: ServerOptions<State>) {
    this.handler = options.handler;
    this.ticker = options.ticker;
    this.limits = options.limits ?? httpLimits;
    this.failures = new Failures(this.ticker);
    this.head = new RequestHead(options.names);
    this.ticker.add(this);
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Serves a connected socket. It must have been made with `allowHalfOpen`. */
  accept(socket: Socket): void {
    this.ticker.wake();
    const connection = new ServerConnection(this, socket);
    this.#connections.add(connection);
    if (this.draining) connection.expectLast();
  }

  /** A connection is closed. */
  removed(connection: ServerConnection<State>): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** Closes tunnels now, and the others after their next response or a moment without a request; resolves when all are closed. */
  drain(): Promise<void> {
    this.draining = true;
    for (const connection of [...this.#connections]) connection.expectLast();
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** Closes everything now. */
  destroy(): void {
    for (const connection of [...this.#connections]) connection.destroy();
    this.ticker.remove(this);
  }

  tick(nowMs: number): boolean {
    for (const connection of this.#connections) connection.tick(nowMs);
    return this.#connections.size > 0;
  }
}
