import type { TLSSocket } from "node:tls";
import { certifiedDomains } from "../domain/certified-domains.ts";
import type { Config } from "../domain/config.ts";
import type { EdgeCaller } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import { namedSites } from "../domain/routing.ts";
import type { EdgeCounts } from "../domain/version-counts.ts";
import { type HttpLimits, httpLimits } from "../lib/http/limits.ts";
import { UpstreamPool } from "../lib/http/pool.ts";
import { HttpServer } from "../lib/http/server.ts";
import { Ticker } from "../lib/http/ticker.ts";
import { Access } from "./access.ts";
import { EdgeAssets } from "./assets.ts";
import { type Client, newClient } from "./client.ts";
import { Dispatch } from "./dispatch.ts";
import { ExceededReports } from "./exceeded.ts";
import { headerNames } from "./headers.ts";
import { InnerListener } from "./inner-listener.ts";
import { edgeLimits } from "./limits.ts";
import { Listener } from "./listener.ts";
import { Meters } from "./meters.ts";
import { Quotas } from "./quotas.ts";
import { Router } from "./router.ts";
import { Runners, type Supervisor } from "./runners.ts";
import { readSnapshot } from "./snapshot-file.ts";
import { isTls, TlsFront } from "./tls.ts";

export interface EdgeOptions {
  config: Config;
  supervisor: Supervisor;
  /** For tests: shorter limits and a clock of their own. */
  limits?: HttpLimits;
  ticker?: Ticker;
}

/** The edge of one process, not yet listening. */
export interface Edge {
  readonly runners: Runners;
  /** What was counted since the start, and today. */
  counts(): EdgeCounts;
  /** Requests are routed by `routes.json` as it is now, and TLS uses the certificate as it is now. */
  reload(): Promise<void>;
  /** Returns the port. */
  listen(): Promise<number>;
  /** Accepts nothing more; resolves when all clients are answered and gone, or after the limit. */
  drain(timeoutMs?: number): Promise<void>;
  /** Ends everything at once. */
  close(): void;
}

export function createEdge(options: EdgeOptions): Edge {
  const { config, supervisor } = options;
  const limits = options.limits ?? httpLimits;
  const ticker = options.ticker ?? new Ticker();
  const files = paths(config);
  const runners = new Runners(supervisor, ticker);
  const control = new UpstreamPool({
    path: files.controlSocket,
    ticker,
    idleMs: edgeLimits.controlIdleConnectionMs,
    names: headerNames,
  });
  const meters = new Meters();
  const quotas = config.dailyRequests > 0 ? new Quotas() : undefined;
  const storage = new UpstreamPool({
    path: files.storageSocket,
    ticker,
    idleMs: edgeLimits.storageIdleConnectionMs,
    names: headerNames,
  });
  const tails = new UpstreamPool({
    path: files.tailsSocket,
    ticker,
    idleMs: edgeLimits.controlIdleConnectionMs,
    names: headerNames,
  });
  const access = new Access();
  const exceeded = new ExceededReports((request) => supervisor.exceeded(request));
  const empty = new Router(config.domain, { generation: 0, accounts: [], scripts: [] });
  const assets = new EdgeAssets({
    blobs: files.blobs,
    assets: files.assets,
    cacheBytes: Math.ceil(config.assets.cacheBytes / config.edges),
    ticker,
    lost: (exchange) => dispatch.assetsLost(exchange),
  });
  const dispatch = new Dispatch(empty, {
    runners,
    control,
    storage,
    tails,
    ticker,
    maxBodyBytes: config.maxBodyBytes,
    assets,
    meters,
    quotas,
    access,
    exceeded,
  });
  const callers = new WeakMap<object, EdgeCaller>();
  const secured = new WeakMap<object, { version: string; cipher: string }>();
  const server = new HttpServer<Client>({
    names: headerNames,
    ticker,
    limits,
    handler: {
      opened: (socket) => newClient(socket, secured.get(socket), callers.get(socket)),
      takesOver: isTls,
      takeOver: (socket, chunk) => tls.takeOver(socket, chunk),
      request: (exchange, head) => dispatch.request(exchange, head),
      response: (exchange, head) => dispatch.response(exchange, head),
      failed: (exchange, loss) => dispatch.failed(exchange, loss),
      refused: (exchange, refusal) => dispatch.refused(exchange, refusal),
    },
  });
  const tls = new TlsFront(files.tls, files.tlsOf, (socket: TLSSocket) => {
    secured.set(socket, { version: socket.getProtocol() ?? "", cipher: socket.getCipher().name });
    server.accept(socket);
  });
  const load = async () => {
    const snapshot = await readSnapshot(files.routes);
    if (snapshot.scripts.some(({ protection }) => protection)) await access.load(files.accessKey);
    dispatch.router = new Router(config.domain, snapshot);
    assets.sites.keepOnly(namedSites(snapshot));
    meters.keepOnly(snapshot);
    quotas?.load(snapshot.spent);
    // The platform's own names have no other certificate, whatever zone is above them.
    await tls.load([...certifiedDomains(snapshot).map(({ name }) => name), config.domain, "localhost"]);
  };
  let loading: Promise<void> = Promise.resolve();
  const listener = new Listener((socket) => server.accept(socket));
  const inner = new InnerListener((socket, caller) => {
    callers.set(socket, caller);
    server.accept(socket);
  });
  const second = config.httpsPort === 0 ? undefined : new Listener((socket) => server.accept(socket));

  return {
    runners,
    counts: () => ({ ...meters.report(), ...(quotas && { daily: quotas.report() }) }),
    reload() {
      // One after the other, so that an older file can never replace a newer one.
      loading = loading.then(load, load);
      return loading;
    },
    async listen() {
      const { host, port, httpsPort, edges } = config;
      const options = { host, shared: edges > 1, maxConnections: limits.connections };
      await inner.listen(files.edgeSocket);
      await second?.listen({ ...options, port: httpsPort });
      return listener.listen({ ...options, port });
    },
    async drain(timeoutMs = edgeLimits.drainMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
      });
      await Promise.race([Promise.all([listener.drain(), second?.drain()]).then(() => server.drain()), late]);
      clearTimeout(timer);
    },
    close() {
      listener.close();
      inner.close();
      second?.close();
      server.destroy();
      control.close();
      storage.close();
      tails.close();
    },
  };
}
