import type { Server } from "node:net";
import type { Exchange } from "../lib/http/exchange.ts";
import { HeaderNames } from "../lib/http/header-names.ts";
import type { RequestHead } from "../lib/http/request-head.ts";
import { HttpServer } from "../lib/http/server.ts";
import { Ticker } from "../lib/http/ticker.ts";
import type { TailSessions } from "../observe/live/sessions.ts";
import type { Logpush } from "../observe/logpush/logpush.ts";
import { LOGPUSH_PATH, serveLogpushApi } from "../observe/logpush/service-api.ts";
import { LOGS_PATH, type LogQueries, serveLogQuery } from "../observe/logs/service-api.ts";
import { MAX_SQL_BYTES } from "../products/analytics/limits.ts";
import type { Purge } from "../products/cache/store.ts";
import type { DatabaseCaller } from "../products/d1/backend.ts";
import { requestKind } from "../products/d1/host-protocol.ts";
import { MAX_REQUEST_BYTES, WHOLE_DATABASE_MS } from "../products/d1/limits.ts";
import type { D1Failure, D1Operations } from "../products/d1/operations.ts";
import { serveKvApi } from "../products/kv/backend.ts";
import type { KvNamespaces } from "../products/kv/namespaces.ts";
import { METADATA_HEADER } from "../products/kv/wire.ts";
import { type DeliveryFailure, QUEUE_PATH, serveQueueApi } from "../products/queues/api.ts";
import type { Queues } from "../products/queues/queues.ts";
import type { Buckets } from "../products/r2/buckets.ts";
import { ATTRIBUTES_HEADER, R2_API, serveR2Api } from "../products/r2/service-api.ts";
import type { Analytics } from "./analytics.ts";
import { serveTailsApi, TAILS_PATH } from "./tails-api.ts";
import { listenAt } from "./unix-listener.ts";

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

/** What control asks of caches. */
export interface CachePurger {
  purge(accountId: string, script: string, purge: Purge): Promise<number>;
}

/** Of a request to purge: it names 500 addresses at most. */
const MAX_PURGE_BYTES = 16 * 1024 * 1024;

const ANALYTICS_PATH = /^\/analytics\/([0-9a-f]{32})\/sql$/;

/** A failed query is answered as text. Statuses are the original's where it has them. */
const queryStatusOf: Partial<Record<D1Failure["code"], number>> = { sql: 422, timeout: 504 };

const KV_PATH = /^\/kv\/([0-9a-f]{32})\/([0-9a-f]{32})(\/.*)$/;

const names = new HeaderNames([METADATA_HEADER, ATTRIBUTES_HEADER]);
const metadataId = names.id(METADATA_HEADER);
const attributesId = names.id(ATTRIBUTES_HEADER);

/** Whose data the API leads to. */
export interface ProductData {
  databases: DatabaseCaller;
  caches: CachePurger;
  kv: KvNamespaces;
  queues: Queues;
  /** Why messages of a queue do not reach its consumer. */
  deliveryFailure: DeliveryFailure;
  buckets: Buckets;
  analytics: Pick<Analytics, "query">;
  logs: LogQueries;
  tails: TailSessions;
  logpush: Pick<Logpush, "status" | "write">;
}

/**
 * The platform's own way to the data of products: `POST /d1/<account>/<database>/<operation>` with JSON both ways,
 * `/kv/<account>/<namespace>` with what the binding asks behind it, `/r2/<account>/buckets…`,
 * `POST /queues/<account>/<queue>/<operation>`, `POST /analytics/<account>/sql`, `POST /logs/<account>/query`,
 * `POST /logpush/<account>/<operation>`, `/tails/<account>/<script>…`, and `POST /cache/purge`.
 */
export class ProductsApi {
  readonly #databases: DatabaseCaller;
  readonly #caches: CachePurger;
  readonly #kv: KvNamespaces;
  readonly #queues: Queues;
  readonly #deliveryFailure: DeliveryFailure;
  readonly #analytics: Pick<Analytics, "query">;
  readonly #buckets: Buckets;
  readonly #logs: LogQueries;
  readonly #tails: TailSessions;
  readonly #logpush: Pick<Logpush, "status" | "write">;
  readonly #server: HttpServer<undefined>;
  #listener: Server | undefined;

  constructor({
    databases,
    caches,
    kv,
    queues,
    deliveryFailure,
    buckets,
    analytics,
    logs,
    tails,
    logpush,
  }: ProductData) {
    this.#databases = databases;
    this.#caches = caches;
    this.#kv = kv;
    this.#queues = queues;
    this.#deliveryFailure = deliveryFailure;
    this.#buckets = buckets;
    this.#logpush = logpush;
    this.#analytics = analytics;
    this.#logs = logs;
    this.#tails = tails;
    this.#server = new HttpServer<undefined>({
      names,
      ticker: new Ticker(),
      handler: {
        opened: () => undefined,
        request: (exchange, head) => this.#serve(exchange, head),
        response: () => undefined,
        failed: (exchange) => exchange.respond(502, "", ""),
        refused: (exchange, { status, reason }) => exchange.respond(status, JSON_TYPE, problem("refused", reason)),
      },
    });
  }

  async listen(path: string): Promise<void> {
    this.#listener = await listenAt(path, (socket) => this.#server.accept(socket));
  }

  /** Takes nothing new; resolves when what is in flight is answered. */
  async close(): Promise<void> {
    this.#listener?.close();
    await this.#server.drain();
    this.#server.destroy();
  }

  #serve(exchange: Exchange<undefined>, head: RequestHead): void {
    const { method, target } = head;
    if (method === "POST" && target === "/cache/purge") {
      exchange.takeBody(MAX_PURGE_BYTES, (body) => void this.#purge(exchange, body));
      return;
    }
    const queried = method === "POST" ? ANALYTICS_PATH.exec(target)?.[1] : undefined;
    if (queried !== undefined) {
      exchange.takeBody(MAX_SQL_BYTES, (body) => this.#query(exchange, queried, body.toString()));
      return;
    }
    const logsAccount = method === "POST" ? LOGS_PATH.exec(target)?.[1] : undefined;
    if (logsAccount !== undefined) {
      serveLogQuery(this.#logs, exchange, logsAccount);
      return;
    }
    const [, kvAccount = "", namespaceId = "", rest] = KV_PATH.exec(target) ?? [];
    if (rest !== undefined) {
      const metadata = head.get(metadataId);
      serveKvApi(this.#kv, { exchange, method, target: rest, metadata, accountId: kvAccount, namespaceId });
      return;
    }
    const [, queueAccount = "", queueId = "", queueOperation] = QUEUE_PATH.exec(target) ?? [];
    if (method === "POST" && queueOperation !== undefined) {
      const call = { exchange, accountId: queueAccount, queueId, operation: queueOperation };
      serveQueueApi(this.#queues, this.#deliveryFailure, call);
      return;
    }
    const [, pushingAccount = "", asked] = LOGPUSH_PATH.exec(target) ?? [];
    if (method === "POST" && asked !== undefined) {
      serveLogpushApi(this.#logpush, { exchange, accountId: pushingAccount, operation: asked });
      return;
    }
    if (R2_API.test(target)) {
      serveR2Api(this.#buckets, { exchange, method, target, attributes: head.get(attributesId) });
      return;
    }
    const [, tailAccount = "", script, id] = TAILS_PATH.exec(target) ?? [];
    if (script !== undefined) {
      serveTailsApi(this.#tails, { exchange, method, accountId: tailAccount, script, id });
      return;
    }
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

  #query(exchange: Exchange<undefined>, accountId: string, sql: string): void {
    this.#analytics.query(
      accountId,
      { sql },
      () => exchange.open,
      ({ ok, bookmark: format, payload }) => {
        if (!exchange.open) return;
        if (ok) {
          exchange.respond(200, `freehold-format: ${format}\r\n`, payload);
          return;
        }
        const { code, message } = JSON.parse(payload.toString()) as D1Failure;
        exchange.respond(queryStatusOf[code] ?? 503, "Content-Type: text/plain\r\n", message);
      },
    );
  }

  async #purge(exchange: Exchange<undefined>, body: Buffer): Promise<void> {
    let status = 200;
    let reply: string;
    try {
      const { accountId, script, purge } = JSON.parse(body.toString());
      reply = JSON.stringify({ purged: await this.#caches.purge(accountId, script, purge) });
    } catch (error) {
      status = 500;
      reply = problem("unavailable", error instanceof Error ? error.message : String(error));
    }
    if (exchange.open) exchange.respond(status, JSON_TYPE, reply);
  }
}

function problem(code: D1Failure["code"], message: string): string {
  return JSON.stringify({ error: { code, message } satisfies D1Failure });
}
