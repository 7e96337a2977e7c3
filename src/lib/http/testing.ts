/** Helpers for tests that speak HTTP byte by byte. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HeaderNames } from "./header-names.ts";
import { type HttpLimits, httpLimits } from "./limits.ts";
import { UpstreamPool } from "./pool.ts";
import { droppedInRequest, droppedInResponse, requestText, responseText } from "./rewrite.ts";
import { type Handler, HttpServer } from "./server.ts";
import { Ticker } from "./ticker.ts";

/** Things to end after a test, last first. */
export class Cleanup {
  readonly #steps: (() => unknown)[] = [];

  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step();
  }

  /** A directory of its own, short enough for unix sockets. */
  async directory(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), "fh-"));
    this.add(() => rm(path, { recursive: true, force: true }));
    return path;
  }
}

/** A connection that keeps everything it receives, as Latin-1 text. */
export class RawClient {
  readonly socket: Socket;
  received = "";
  ended = false;
  closed = false;
  #watchers: (() => void)[] = [];

  constructor(target: { port: number } | { path: string }) {
    this.socket = "port" in target ? connect({ ...target, host: "127.0.0.1", allowHalfOpen: true }) : connect(target);
    this.socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
      this.#wake();
    });
    this.socket.on("error", () => {});
    this.socket.on("end", () => {
      this.ended = true;
      this.#wake();
    });
    this.socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  send(text: string | Buffer): this {
    if (typeof text === "string") this.socket.write(text, "latin1");
    else this.socket.write(text);
    return this;
  }

  /** Resolves when the condition holds; it is looked at whenever something happens on the socket. */
  async until(condition: (client: this) => boolean): Promise<string> {
    while (!condition(this)) {
      if (this.closed) throw new Error(`closed too early, having received:\n${this.received}`);
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
    return this.received;
  }

  /** Everything until the other side ends. */
  toEnd(): Promise<string> {
    return this.until((client) => client.ended || client.closed);
  }

  /** Everything received until `text` stands in it `times` times. */
  has(text: string, times = 1): Promise<string> {
    return this.until((client) => client.received.split(text).length > times);
  }

  #wake(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}

/** Listens with a handler for raw connections on a unix socket. */
export async function rawUpstream(cleanup: Cleanup, path: string, serve: (socket: Socket) => void): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  cleanup.add(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server;
}

export interface TestProxy {
  port: number;
  pool: UpstreamPool;
  server: HttpServer<object>;
  ticker: Ticker;
  /** Moves the clock on and lets everything overdue happen. */
  advance(durationMs: number): void;
  /** What the engine refused, and what it lost. */
  events: string[];
}

/** A plain reverse proxy to one unix socket, with a clock that only moves by `advance`. */
export async function startProxy(
  cleanup: Cleanup,
  path: string,
  options: { limits?: Partial<HttpLimits>; maxBodyBytes?: number; handler?: Partial<Handler<object>> } = {},
): Promise<TestProxy> {
  const limits = { ...httpLimits, ...options.limits };
  let now = 1000;
  const ticker = new Ticker(60_000, () => now);
  const names = new HeaderNames(["x-secret"]);
  const toUpstream = droppedInRequest(names, ["x-secret"]);
  const toClient = droppedInResponse(names, ["date"]);
  const pool = new UpstreamPool({ path, ticker, idleMs: 10_000, names, limits });
  const events: string[] = [];
  const server = new HttpServer<object>({
    names,
    ticker,
    limits,
    handler: {
      opened: () => ({}),
      request(exchange, head) {
        exchange.prepare(`${requestText(head, toUpstream)}Via: test\r\n\r\n`, options.maxBodyBytes ?? 1_000_000_000);
        exchange.send(pool);
      },
      response: (_exchange, head) => responseText(head, toClient),
      failed(exchange, loss) {
        events.push(loss);
        exchange.respond(502, "", loss);
      },
      refused(exchange, { status, reason }) {
        events.push(`${status} ${reason}`);
        exchange.respond(status, "", reason);
      },
      ...options.handler,
    },
  });
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => server.accept(socket));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  cleanup.add(() => {
    listener.close();
    server.destroy();
    pool.close();
  });
  const address = listener.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const advance = (durationMs: number) => {
    now += durationMs;
    ticker.tick();
  };
  return { port, pool, server, ticker, advance, events };
}
