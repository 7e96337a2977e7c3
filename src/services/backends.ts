import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AttachRequest } from "../domain/messages.ts";
import { versionKeyHeader, versionOverridesHeader } from "../domain/split.ts";
import type { TraceSource } from "../domain/trace.ts";
import type { Binding, LaunchRecord } from "../domain/version.ts";
import type { Exchange } from "../lib/http/exchange.ts";
import { HeaderNames } from "../lib/http/header-names.ts";
import type { RequestHead } from "../lib/http/request-head.ts";
import { Ticker } from "../lib/http/ticker.ts";
import type { TraceIntake } from "../observe/intake.ts";
import { traceSource } from "../observe/trace-source.ts";
import { serveDataPoint } from "../products/analytics/backend.ts";
import type { Intake } from "../products/analytics/intake.ts";
import { type CacheAccess, CacheBackend, cacheHeaderNames } from "../products/cache/backend.ts";
import { CACHE_CALLER } from "../products/cache/launch.ts";
import { type DatabaseCaller, SESSION_HEADER, serveD1 } from "../products/d1/backend.ts";
import { type ImagesCaller, serveImages } from "../products/images/backend.ts";
import { serveKv } from "../products/kv/backend.ts";
import type { KvNamespaces } from "../products/kv/namespaces.ts";
import { METADATA_HEADER } from "../products/kv/wire.ts";
import { serveQueue } from "../products/queues/backend.ts";
import type { Queues } from "../products/queues/queues.ts";
import { DELAY_HEADER, FORMAT_HEADER } from "../products/queues/wire.ts";
import { serveR2 } from "../products/r2/backend.ts";
import type { Buckets } from "../products/r2/buckets.ts";
import { METADATA_SIZE_HEADER, REQUEST_HEADER } from "../products/r2/wire.ts";
import { serveRateLimit } from "../products/rate-limiting/backend.ts";
import { Counters } from "../products/rate-limiting/counters.ts";
import { serveSecret } from "../products/secrets-store/backend.ts";
import type { SecretReader } from "../products/secrets-store/published.ts";
import { BINDING_HEADER } from "../workerd/binding-launch.ts";
import { VERSIONS_CALLER } from "../workerd/link.ts";
import { DROPPED_HEADER, TAIL_CALLER } from "../workerd/tail.ts";
import { scopeOf } from "./caches.ts";
import { InstanceSockets } from "./instance-sockets.ts";
import { MAX_BACKEND_CONNECTIONS } from "./limits.ts";
import { choiceHeaderNames, type VersionLinks } from "./version-links.ts";

/** Who is calling: the socket says which version, and so which bindings it has. */
interface Caller {
  instanceId: string;
  accountId: string;
  /** Whose caches it uses. */
  cacheScope: string;
  bindings: Map<string, Binding>;
  source: TraceSource;
}

export interface BackendsOptions {
  databases: DatabaseCaller;
  images: ImagesCaller;
  caches: CacheAccess;
  kv: KvNamespaces;
  buckets: Buckets;
  secrets: SecretReader;
  queues: Queues;
  dataPoints: Pick<Intake, "write">;
  versions: VersionLinks;
  traces: Pick<TraceIntake, "serve">;
  /** Path of a version's launch record. */
  launchRecord(versionId: string): string;
}

const names = new HeaderNames([
  "content-type",
  BINDING_HEADER,
  SESSION_HEADER,
  METADATA_HEADER,
  FORMAT_HEADER,
  DELAY_HEADER,
  REQUEST_HEADER,
  METADATA_SIZE_HEADER,
  DROPPED_HEADER,
  ...choiceHeaderNames,
  ...cacheHeaderNames,
]);
const bindingId = names.id(BINDING_HEADER);
const contentTypeId = names.id("content-type");
const sessionId = names.id(SESSION_HEADER);
const metadataId = names.id(METADATA_HEADER);
const formatId = names.id(FORMAT_HEADER);
const delayId = names.id(DELAY_HEADER);
const requestId = names.id(REQUEST_HEADER);
const metadataSizeId = names.id(METADATA_SIZE_HEADER);
const droppedId = names.id(DROPPED_HEADER);
const keyId = names.id(versionKeyHeader);
const overridesId = names.id(versionOverridesHeader);

/** The sockets behind bindings that speak HTTP: one for each runner, on which a header says which binding is meant. */
export class Backends {
  readonly #options: BackendsOptions;
  readonly #counters = new Counters();
  readonly #caches: CacheBackend;
  readonly #sockets = new InstanceSockets<Caller>({
    names,
    ticker: new Ticker(),
    maxConnections: MAX_BACKEND_CONNECTIONS,
    request: (exchange, head) => this.#serve(exchange, head),
  });

  constructor(options: BackendsOptions) {
    this.#options = options;
    this.#caches = new CacheBackend(options.caches, names);
  }

  /** Opens the instance's socket when its version has such bindings; resolves when it listens. A second call replaces the first. */
  async attach({ instanceId, versionId, directory, backends }: AttachRequest): Promise<void> {
    this.detach(instanceId);
    if (!backends) return;
    const record = JSON.parse(await readFile(this.#options.launchRecord(versionId), "utf8")) as LaunchRecord;
    const bindings = new Map(record.bindings.map((binding) => [encodeURIComponent(binding.name), binding]));
    const { accountId, scriptName } = record;
    const cacheScope = scopeOf(accountId, scriptName);
    const source = traceSource(record);
    const caller = { instanceId, accountId, cacheScope, bindings, source };
    await this.#sockets.open(instanceId, join(directory, backends.socket), caller);
  }

  /** Closes the instance's socket. Answers in flight go on. */
  detach(instanceId: string): void {
    void this.#sockets.close(instanceId);
  }

  /** Closes all sockets; resolves when what is in flight is answered. */
  detachAll(): Promise<void> {
    return this.#sockets.closeAll();
  }

  #serve(exchange: Exchange<Caller>, head: RequestHead): void {
    const { instanceId, accountId, cacheScope, bindings, source } = exchange.state;
    const caller = head.get(bindingId) ?? "";
    if (caller === CACHE_CALLER) {
      this.#caches.serve(exchange, head, cacheScope);
      return;
    }
    if (caller === TAIL_CALLER) {
      this.#options.traces.serve(exchange, source, head.get(droppedId));
      return;
    }
    if (caller === VERSIONS_CALLER) {
      const [key, overrides] = [head.get(keyId), head.get(overridesId)];
      const { target } = head;
      this.#options.versions.serve({
        exchange,
        instanceId,
        accountId,
        bindings: bindings.values(),
        target,
        key,
        overrides,
      });
      return;
    }
    const binding = bindings.get(caller);
    switch (binding?.type) {
      case "d1":
        serveD1(this.#options.databases, { exchange, head, accountId, binding, session: head.get(sessionId) ?? "" });
        return;
      case "images":
        void serveImages(this.#options.images, {
          exchange,
          head,
          accountId,
          contentType: head.get(contentTypeId) ?? "",
        });
        return;
      case "ratelimit":
        serveRateLimit(this.#counters, { exchange, head, accountId, binding });
        return;
      case "analytics_engine":
        serveDataPoint(this.#options.dataPoints, { exchange, head, accountId, binding });
        return;
      case "secrets_store_secret":
        serveSecret(this.#options.secrets, { exchange, head, accountId, binding });
        return;
      case "kv_namespace": {
        const { method, target } = head;
        const { namespaceId } = binding;
        serveKv(this.#options.kv, { exchange, method, target, metadata: head.get(metadataId), accountId, namespaceId });
        return;
      }
      case "queue": {
        const { target } = head;
        const [format, delay] = [head.get(formatId), head.get(delayId)];
        serveQueue(this.#options.queues, { exchange, target, format, delay, accountId, binding });
        return;
      }
      case "r2_bucket": {
        const request = head.get(requestId);
        const metadataSize = head.get(metadataSizeId);
        serveR2(this.#options.buckets, { exchange, request, metadataSize, accountId, bucketName: binding.bucketName });
        return;
      }
      default:
        exchange.respond(404, "Content-Type: text/plain\r\n", "This version has no such binding.");
    }
  }
}
