import { setTimeout as pause } from "node:timers/promises";
import type { AccessTarget } from "../domain/access.ts";
import { TAIL_PATH } from "../domain/live-tail.ts";
import type { Cause, EdgeCaller, Unavailable } from "../domain/messages.ts";
import type { Exchange } from "../lib/http/exchange.ts";
import type { UpstreamPool } from "../lib/http/pool.ts";
import type { Refusal, RequestHead } from "../lib/http/request-head.ts";
import type { ResponseHead } from "../lib/http/response-head.ts";
import type { Handler } from "../lib/http/server.ts";
import type { Ticker } from "../lib/http/ticker.ts";
import type { Loss } from "../lib/http/upstream.ts";
import type { SiteChoice } from "../products/assets/asset-server.ts";
import type { Access } from "./access.ts";
import type { EdgeAssets } from "./assets.ts";
import type { Client } from "./client.ts";
import { FOR_ONE_VISITOR } from "./cookies.ts";
import { type PageText, pageForStatus, pages } from "./error-catalogue.ts";
import { errorPage } from "./error-pages.ts";
import type { ExceededReports } from "./exceeded.ts";
import {
  apiRequest,
  clientResponse,
  isRuntimeFailure,
  pageFormat,
  sessionToken,
  storageRequest,
  workerRequest,
} from "./headers.ts";
import { type ImageGuard, imageGuard, passesGuard } from "./image-guard.ts";
import { edgeLimits } from "./limits.ts";
import type { Meter, Meters } from "./meters.ts";
import type { Quotas } from "./quotas.ts";
import { nextRay } from "./ray.ts";
import type { Router } from "./router.ts";
import type { Runners } from "./runners.ts";
import type { StorageTarget, WorkerTarget } from "./target.ts";
import { chooseVersionFor } from "./version-choice.ts";

type ClientExchange = Exchange<Client>;

export interface DispatchOptions {
  runners: Runners;
  /** Connections to the control process. */
  control: UpstreamPool;
  /** Connections to the services process, for objects over HTTP. */
  storage: UpstreamPool;
  /** Connections to the services process, for live logs. */
  tails: UpstreamPool;
  ticker: Ticker;
  maxBodyBytes: number;
  assets: EdgeAssets;
  meters: Meters;
  /** Absent: accounts have no quota. */
  quotas: Quotas | undefined;
  access: Access;
  exceeded: ExceededReports;
}

/** Search engines keep out of previews, whoever answers there (workers-semantics.md 3.6, pages-and-builds.md 2.5). */
const NOT_INDEXED = "X-Robots-Tag: noindex\r\n";
/** `GET /<host>` there asks whether requests for the host are for the edge (`workerd/outbound.worker.js`). */
const ASKED_HOST = "freehold.internal";
const ALLOW = "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";

/** Answers requests: each goes to a runner or to control, or gets an error page. */
export class Dispatch implements Omit<Handler<Client>, "opened"> {
  /** Replaced whole when the routing snapshot changes. */
  router: Router;
  readonly #options: DispatchOptions;

  constructor(router: Router, options: DispatchOptions) {
    this.router = router;
    this.#options = options;
  }

  request(exchange: ClientExchange, head: RequestHead): void {
    const client = exchange.state;
    client.ray = nextRay();
    client.pageFormat = pageFormat(head);
    client.answerFields = "";
    client.meter = undefined;
    client.credentials = "none";
    // Only HTTP/1.0 may leave the host away; it means whoever owns the address. Servers behind want one.
    if (head.host === "") head.host = "localhost";
    // `OPTIONS *` asks about the server as a whole, and has no URL that a Worker could see.
    if (head.method === "OPTIONS" && head.target === "*") {
      exchange.respond(204, ALLOW, "");
      return;
    }
    if (client.caller) {
      this.#fromWorker(exchange, head, client.caller);
      return;
    }
    const session = sessionToken(head);
    let target =
      session === undefined ? this.router.resolve(head.host) : this.router.resolveSession(session, head.host);
    if (target.kind === "paths") target = target.choose(client.scheme === "https://", head.target);
    if (target.kind === "worker") this.#toVersion(exchange, head, target);
    else if (target.kind === "api") this.#toApi(exchange, head);
    else if (target.kind === "storage") this.#toStorage(exchange, head, target);
    else this.#refuse(exchange, session === undefined ? pages.noWorker : pages.sessionOver);
  }

  /** What a Worker fetches: from a host of its account, or just the question whether a host is one. */
  #fromWorker(exchange: ClientExchange, head: RequestHead, caller: EdgeCaller): void {
    if (head.host === ASKED_HOST) {
      exchange.respond(this.router.resolveFrom(caller, head.target.slice(1)) ? 204 : 404, "", "");
      return;
    }
    let target = this.router.resolveFrom(caller, head.host);
    if (target?.kind === "paths") target = target.choose(exchange.state.scheme === "https://", head.target);
    if (target?.kind === "worker") this.#toVersion(exchange, head, target);
    else if (target?.kind === "storage") this.#toStorage(exchange, head, target);
    else this.#refuse(exchange, pages.noOrigin);
  }

  response(exchange: ClientExchange, head: ResponseHead): string | undefined {
    const client = exchange.state;
    if (client.destination === "worker" && isRuntimeFailure(head)) {
      if (head.status === 500) this.#explain(exchange, "none");
      else this.#refuse(exchange, pageForStatus(head.status));
      return undefined;
    }
    if (client.destination === "worker") {
      if (client.imageOnly && !passesGuard(head)) {
        this.#refuse(exchange, pages.blocked);
        return undefined;
      }
      this.#options.assets.hints.learn(client.hintKey, head);
      if (client.meter !== undefined) this.#measure(client, client.meter, head.status);
    }
    return clientResponse(head, client, this.#options.ticker.date);
  }

  failed(exchange: ClientExchange, loss: Loss): void {
    const client = exchange.state;
    if (client.destination === "storage" || client.destination === "tails") {
      this.#refuse(exchange, client.destination === "storage" ? pages.storageAway : pages.tailsAway);
      return;
    }
    if (client.destination !== "worker") {
      this.#controlAway(exchange);
      return;
    }
    if (loss === "unreachable") {
      // It has seen nothing of the request, so another instance may have it.
      if (client.runner) this.#options.runners.forget(client.runner);
      this.#reacquire(exchange);
    } else if (loss === "invalid") this.#refuse(exchange, pages.badGateway);
    // Not the runner's end: a response body that throws at once loses the connection before the head is out.
    else this.#explain(exchange, "crash");
  }

  refused(exchange: ClientExchange, refusal: Refusal): void {
    if (!exchange.seen) {
      exchange.state.ray = nextRay();
      exchange.state.answerFields = "";
      exchange.state.meter = undefined;
    }
    const page = pageForStatus(refusal.status);
    this.#refuse(exchange, page, refusal.status === 400 ? refusal.reason : undefined);
  }

  /** To the version's assets, its Worker, or whichever has the answer. The version is chosen once and for all here. */
  #toVersion(exchange: ClientExchange, head: RequestHead, target: WorkerTarget): void {
    const client = exchange.state;
    const allowance = this.#options.quotas?.of(target.script.accountId);
    const { hostname, retained, prefix, behind } = target;
    if (allowance?.spent && behind?.kind === "worker" && !target.sites?.[target.versionId]) {
      this.#toVersion(exchange, head, behind);
      return;
    }
    client.allowance = allowance;
    if (target.preview) client.answerFields = NOT_INDEXED;
    if (target.access && !this.#admits(exchange, head, target.access)) return;
    const { split } = target;
    const versionId = split ? chooseVersionFor(target, split, head, client) : target.versionId;
    const meter = split && target.script.measured ? this.#options.meters.of(versionId) : undefined;
    if (meter) {
      client.meter = meter;
      client.startedMs = performance.now();
    }
    const site = target.sites?.[versionId];
    if (site === undefined) {
      this.#prepareWorker(exchange, head, versionId);
      this.#toWorker(exchange);
      return;
    }
    const origin = client.scheme + head.host;
    const alone = allowance?.spent ? (behind ? "always" : "site") : undefined;
    const choice: SiteChoice = { site, retained, prefix, alone };
    const outcome = this.#options.assets.server.serve(exchange, head, choice, origin, hostname);
    if (outcome === "answered") {
      // The connection may be at its next request by now.
      meter?.served();
      return;
    }
    this.#prepareWorker(exchange, head, versionId, imageGuard(head));
    if (outcome === "worker") this.#toWorker(exchange);
    else {
      void outcome.then((found) => {
        if (found === "worker") this.#toWorker(exchange);
        else meter?.served();
      });
    }
  }

  /** Whether the request may have what a protected address shows; if not, it is answered. */
  #admits(exchange: ClientExchange, head: RequestHead, target: AccessTarget): boolean {
    const client = exchange.state;
    const admission = this.#options.access.admit(head, client, target);
    if (admission.kind === "admitted") {
      client.answerFields += FOR_ONE_VISITOR;
      return true;
    }
    if (admission.kind === "redirected") {
      const kept = "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n";
      exchange.respond(303, admission.fields + kept + client.answerFields, "");
      return false;
    }
    client.answerFields += 'WWW-Authenticate: Bearer realm="freehold"\r\n';
    this.#refuse(exchange, pages.protected);
    return false;
  }

  /** Keeps what the Worker needs of the request; its head is gone afterwards. */
  #prepareWorker(exchange: ClientExchange, head: RequestHead, versionId: string, guard: ImageGuard = "none"): void {
    const client = exchange.state;
    const text = workerRequest(head, client);
    client.versionId = versionId;
    client.unreachable = 0;
    client.imageOnly = guard === "check";
    client.hintKey = this.#options.assets.hints.key(head, versionId);
    client.interim = this.#options.assets.hints.interim(client.hintKey);
    client.refusal = text === undefined ? pages.loop : guard === "block" ? pages.blocked : undefined;
    if (client.allowance?.spent) client.refusal ??= pages.dailyLimit;
    exchange.prepare(text ?? "", this.#options.maxBodyBytes);
  }

  #toWorker(exchange: ClientExchange): void {
    const client = exchange.state;
    if (client.refusal) {
      this.#refuse(exchange, client.refusal);
      return;
    }
    if (client.allowance !== undefined) client.allowance.requests++;
    client.destination = "worker";
    if (client.interim !== "") exchange.interim(client.interim);
    const runner = this.#options.runners.get(client.versionId);
    if (runner === undefined) {
      this.#acquire(exchange);
      return;
    }
    client.runner = runner;
    exchange.send(runner.pool);
  }

  /** Static assets that should be there cannot be read. */
  assetsLost(exchange: ClientExchange): void {
    this.#refuse(exchange, pages.assetsLost);
  }

  /** To control; live logs to services, so that they go on without it. */
  #toApi(exchange: ClientExchange, head: RequestHead): void {
    const client = exchange.state;
    const path = head.target;
    if (path.startsWith(TAIL_PATH)) {
      client.destination = "tails";
      exchange.prepare(apiRequest(head, client), 0);
      exchange.send(this.#options.tails);
      return;
    }
    client.destination = path.startsWith("/client/v4") ? "api-client" : "api";
    if (path === "/ready") client.pageFormat = "text";
    exchange.prepare(apiRequest(head, client), edgeLimits.apiBodyBytes);
    exchange.send(this.#options.control);
  }

  #toStorage(exchange: ClientExchange, head: RequestHead, target: StorageTarget): void {
    const client = exchange.state;
    if (target.onlyTls13 && client.tlsVersion !== "" && client.tlsVersion !== "TLSv1.3") {
      this.#refuse(exchange, pages.tlsTooOld);
      return;
    }
    client.destination = "storage";
    client.pageFormat = "xml";
    exchange.prepare(storageRequest(head, client), edgeLimits.storageBodyBytes);
    exchange.send(this.#options.storage);
  }

  async #acquire(exchange: ClientExchange): Promise<void> {
    const client = exchange.state;
    const acquired = await this.#options.runners.acquire(client.versionId);
    if ("unavailable" in acquired) return this.#refuse(exchange, unavailablePages[acquired.unavailable]);
    client.runner = acquired;
    exchange.send(acquired.pool);
  }

  /** Asks for the runner again, with pauses that give the supervisor time to notice. */
  async #reacquire(exchange: ClientExchange): Promise<void> {
    const pauseMs = edgeLimits.unreachablePausesMs[exchange.state.unreachable++];
    if (pauseMs === undefined) return this.#refuse(exchange, pages.crashed);
    if (pauseMs > 0) await pause(pauseMs);
    await this.#acquire(exchange);
  }

  /** Answers a failed request once it is known why; `unknown`: what to think when nobody says. */
  async #explain(exchange: ClientExchange, unknown: Cause): Promise<void> {
    const { runner } = exchange.state;
    const cause = runner ? await this.#options.runners.verdict(runner, unknown) : unknown;
    if (runner?.traced && (cause === "cpu" || cause === "memory")) {
      const { instanceId, versionId } = runner;
      this.#options.exceeded.report({ instanceId, versionId, cause, head: exchange.prepared });
    }
    this.#refuse(exchange, causePages[cause]);
  }

  #refuse(exchange: ClientExchange, page: PageText, detail?: string): void {
    const { ray, pageFormat: format, answerFields, meter } = exchange.state;
    if (meter !== undefined) this.#measure(exchange.state, meter, page.status);
    const { status, fields, body } = errorPage(page, { ray, format, detail });
    exchange.respond(status, fields + answerFields, body);
  }

  /** Counts the answer to the request in progress, once. */
  #measure(client: Client, meter: Meter, status: number): void {
    client.meter = undefined;
    meter.answered(status, performance.now() - client.startedMs);
  }

  /** The client of the API reads an envelope even now (wrangler-api.md 1.3). */
  #controlAway(exchange: ClientExchange): void {
    const client = exchange.state;
    if (client.destination !== "api-client") {
      this.#refuse(exchange, pages.controlAway);
      return;
    }
    const { status, fields } = errorPage(pages.controlAway, { ray: client.ray, format: "json" });
    const errors = [{ code: 10001, message: `${pages.controlAway.explanation} ${pages.controlAway.remedy}` }];
    const envelope = { success: false, errors, messages: [], result: null };
    exchange.respond(status, fields, JSON.stringify(envelope));
  }
}

const unavailablePages: Record<Unavailable, PageText> = {
  missing: pages.noWorker,
  "startup-failed": pages.startupFailed,
  "crash-loop": pages.crashLoop,
  overloaded: pages.overloaded,
};

const causePages: Record<Cause, PageText> = {
  cpu: pages.limits,
  memory: pages.limits,
  crash: pages.crashed,
  none: pages.exception,
};
