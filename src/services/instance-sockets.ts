import type { Server, Socket } from "node:net";
import type { Exchange } from "../lib/http/exchange.ts";
import type { HeaderNames } from "../lib/http/header-names.ts";
import { leanSocket } from "../lib/http/lean-socket.ts";
import type { RequestHead } from "../lib/http/request-head.ts";
import { HttpServer } from "../lib/http/server.ts";
import type { Ticker } from "../lib/http/ticker.ts";
import { listenAt } from "./unix-listener.ts";

export interface InstanceSocketsOptions<Caller> {
  /** Header fields that requests are asked for. */
  names: HeaderNames;
  ticker: Ticker;
  maxConnections: number;
  request(exchange: Exchange<Caller>, head: RequestHead): void;
}

interface Opened<Caller> {
  caller: Caller;
  listener: Server;
  server: HttpServer<Caller>;
}

/** One HTTP socket for each instance of a Worker: which of them a request came to says who is calling. */
export class InstanceSockets<Caller> {
  readonly #options: InstanceSocketsOptions<Caller>;
  readonly #opened = new Map<string, Opened<Caller>>();

  constructor(options: InstanceSocketsOptions<Caller>) {
    this.#options = options;
  }

  /** Resolves when the instance's socket listens; `caller` is the state of its exchanges. */
  async open(instanceId: string, path: string, caller: Caller): Promise<void> {
    const { maxConnections } = this.#options;
    const server = this.#server(caller);
    const accept = (socket: Socket) => server.accept(leanSocket(socket));
    const listener = await listenAt(path, accept, { maxConnections, paused: true });
    this.#opened.set(instanceId, { caller, listener, server });
  }

  /** Those whose sockets are open. */
  get callers(): Caller[] {
    return [...this.#opened.values()].map(({ caller }) => caller);
  }

  /** Closes the instance's socket at once; resolves when what is in flight is answered. */
  async close(instanceId: string): Promise<void> {
    const opened = this.#opened.get(instanceId);
    if (!opened) return;
    this.#opened.delete(instanceId);
    opened.listener.close();
    await opened.server.drain();
    opened.server.destroy();
  }

  /** Closes all sockets at once; resolves when what is in flight is answered. */
  async closeAll(): Promise<void> {
    await Promise.all([...this.#opened.keys()].map((instanceId) => this.close(instanceId)));
  }

  #server(caller: Caller): HttpServer<Caller> {
    const { names, ticker, request } = this.#options;
    return new HttpServer<Caller>({
      names,
      ticker,
      handler: {
        opened: () => caller,
        request,
        response: () => undefined,
        failed: (exchange) => exchange.respond(502, "", ""),
        refused: (exchange, { status, reason }) => exchange.respond(status, "Content-Type: text/plain\r\n", reason),
      },
    });
  }
}
