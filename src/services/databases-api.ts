import { createServer, type Server } from "node:net";
import { removeFile } from "../lib/durable-file.ts";
import type { Exchange } from "../lib/http/exchange.ts";
import { HeaderNames } from "../lib/http/header-names.ts";
import { HttpServer } from "../lib/http/server.ts";
import { Ticker } from "../lib/http/ticker.ts";
import type { DatabaseCaller } from "../products/d1/backend.ts";
import { requestKind } from "../products/d1/host-protocol.ts";
import { MAX_REQUEST_BYTES, WHOLE_DATABASE_MS } from "../products/d1/limits.ts";
import type { D1Failure, D1Operations } from "../products/d1/operations.ts";

const JSON_TYPE = "Content-Type: application/json\r\n";

/** Every operation, and its time when that is not a query's. */
const operations: Record<keyof D1Operations, number | undefined> = {
  batch: undefined,
  script: undefined,
  info: undefined,
  bookmark: undefined,
  insights: undefined,
  close: undefined,
  restore: WHOLE_DATABASE_MS,
  import: WHOLE_DATABASE_MS,
  export: WHOLE_DATABASE_MS,
};

const statusOf: Record<D1Failure["code"], number> = {
  sql: 400,
  refused: 403,
  timeout: 504,
  "too-large": 413,
  "not-found": 404,
  unavailable: 503,
  "bad-bookmark": 400,
};

/** Both ids become parts of paths. */
const PATH = /^\/d1\/([0-9a-f]{32})\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/([a-z]+)$/;

/** The platform's own way to databases: `POST /d1/<account>/<database>/<operation>` with JSON both ways. */
export class DatabasesApi {
  readonly #databases: DatabaseCaller;
  readonly #server: HttpServer<undefined>;
  #listener: Server | undefined;

  constructor(databases: DatabaseCaller) {
    this.#databases = databases;
    this.#server = new HttpServer<undefined>({
      names: new HeaderNames(),
      ticker: new Ticker(),
      handler: {
        opened: () => undefined,
        request: (exchange, head) => this.#serve(exchange, head.method, head.target),
        response: () => undefined,
        failed: (exchange) => exchange.respond(502, "", ""),
        refused: (exchange, { status, reason }) => exchange.respond(status, JSON_TYPE, problem("refused", reason)),
      },
    });
  }

  async listen(path: string): Promise<void> {
    await removeFile(path);
    const listener = createServer({ allowHalfOpen: true }, (socket) => this.#server.accept(socket));
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(path, resolve);
    });
    this.#listener = listener;
  }

  /** Takes nothing new; resolves when what is in flight is answered. */
  async close(): Promise<void> {
    this.#listener?.close();
    await this.#server.drain();
    this.#server.destroy();
  }

  #serve(exchange: Exchange<undefined>, method: string, target: string): void {
    const [, accountId = "", databaseId = "", operation = ""] = PATH.exec(target) ?? [];
    if (method !== "POST" || !Object.hasOwn(operations, operation)) {
      exchange.respond(404, JSON_TYPE, problem("not-found", "There is no such operation."));
      return;
    }
    const timeoutMs = operations[operation as keyof D1Operations];
    exchange.takeBody(MAX_REQUEST_BYTES, (body) => {
      const request = body.length === 0 ? "{}" : body.toString();
      const payload = Buffer.from(`{"operation":"${operation}","request":${request}}`);
      this.#databases.run(
        accountId,
        { databaseId, kind: requestKind.operation, flags: 0, payload },
        (reply) => {
          if (!exchange.open) return;
          if (reply.ok) exchange.respond(200, JSON_TYPE, reply.payload);
          else {
            const failure = JSON.parse(reply.payload.toString()) as D1Failure;
            exchange.respond(statusOf[failure.code] ?? 500, JSON_TYPE, JSON.stringify({ error: failure }));
          }
        },
        timeoutMs,
      );
    });
  }
}

function problem(code: D1Failure["code"], message: string): string {
  return JSON.stringify({ error: { code, message } satisfies D1Failure });
}
