import type { ExceededInvocation } from "../domain/exceeded.ts";
import type { AcquireReply, Cause, Unavailable } from "../domain/messages.ts";
import { UpstreamPool } from "../lib/http/pool.ts";
import type { Ticker } from "../lib/http/ticker.ts";
import { SERVICE_RESTART } from "../lib/http/websocket-frames.ts";
import { within } from "../lib/within.ts";
import { headerNames } from "./headers.ts";
import { edgeLimits } from "./limits.ts";

/** What the edge asks of the supervisor. */
export interface Supervisor {
  acquire(versionId: string): Promise<AcquireReply>;
  verdict(instanceId: string): Promise<Cause>;
  /** Tells of a request that ended with its runner. */
  exceeded(invocation: ExceededInvocation): void;
}

/** A runner instance that requests are, or were, sent to. */
export interface Runner {
  readonly instanceId: string;
  readonly versionId: string;
  readonly pool: UpstreamPool;
  /** It reports its invocations. */
  readonly traced: boolean;
  /** Why it ended, once the supervisor has said so. */
  cause: Cause | undefined;
  /** The question why, under way. */
  verdict: Promise<Cause> | undefined;
}

export type Acquired = Runner | { unavailable: Unavailable };

/** The runners this edge knows of. A version that is known is found without asking anybody. */
export class Runners {
  readonly #supervisor: Supervisor;
  readonly #ticker: Ticker;
  /** Those that take requests, by version. */
  readonly #live = new Map<string, Runner>();
  /** Those that have requests in flight or may get some, by instance. */
  readonly #instances = new Map<string, Runner>();
  readonly #acquiring = new Map<string, Promise<Acquired>>();
  /** Instances that take nothing more, although an answer that names them may still be on its way. */
  readonly #released = new Set<string>();

  constructor(supervisor: Supervisor, ticker: Ticker) {
    this.#supervisor = supervisor;
    this.#ticker = ticker;
  }

  get(versionId: string): Runner | undefined {
    return this.#live.get(versionId);
  }

  /** Has the runner started if need be. Callers that come meanwhile share the answer. Never rejects. */
  acquire(versionId: string): Promise<Acquired> {
    const live = this.#live.get(versionId);
    if (live) return Promise.resolve(live);
    let acquiring = this.#acquiring.get(versionId);
    if (!acquiring) {
      acquiring = this.#ask(versionId).finally(() => this.#acquiring.delete(versionId));
      this.#acquiring.set(versionId, acquiring);
    }
    return acquiring;
  }

  async #ask(versionId: string): Promise<Acquired> {
    const late: AcquireReply = { unavailable: "overloaded", message: "" };
    let reply: AcquireReply;
    for (let turns = 0; ; turns++) {
      reply = await within(this.#supervisor.acquire(versionId), edgeLimits.acquireMs, late);
      if ("unavailable" in reply) return reply;
      if (!this.#released.has(reply.runner.instanceId) || turns >= edgeLimits.releasedTurns) break;
    }
    const { instanceId, httpSocket, traced = false } = reply.runner;
    const runner: Runner = {
      instanceId,
      versionId,
      pool: new UpstreamPool({
        path: httpSocket,
        ticker: this.#ticker,
        idleMs: edgeLimits.runnerIdleConnectionMs,
        names: headerNames,
      }),
      traced,
      cause: undefined,
      verdict: undefined,
    };
    this.#live.set(versionId, runner);
    this.#instances.set(instanceId, runner);
    return runner;
  }

  /** Sends nothing more to a runner that cannot be reached; the next request asks anew. */
  forget(runner: Runner): void {
    if (this.#live.get(runner.versionId) === runner) this.#live.delete(runner.versionId);
    runner.pool.close();
    runner.pool.whenIdle().then(() => this.#instances.delete(runner.instanceId));
  }

  /**
   * Why requests on this runner failed; shared by those that ask at the same time. When nobody says in time, `unknown`.
   */
  verdict(runner: Runner, unknown: Cause): Promise<Cause> {
    if (runner.cause !== undefined) return Promise.resolve(runner.cause);
    runner.verdict ??= within(this.#supervisor.verdict(runner.instanceId), edgeLimits.verdictMs, undefined).then(
      (cause) => {
        runner.verdict = undefined;
        const found = runner.cause ?? cause ?? unknown;
        if (found !== "none") this.forget(runner);
        return found;
      },
    );
    return runner.verdict;
  }

  /** The supervisor's `release`: see `MemberCalls`. */
  async release(instanceId: string, onlyIfIdle: boolean, closeWebSockets = false): Promise<boolean> {
    if (!onlyIfIdle) this.#remember(instanceId);
    const runner = this.#instances.get(instanceId);
    if (!runner) return true;
    if (onlyIfIdle && runner.pool.inFlight > 0) return false;
    this.forget(runner);
    if (closeWebSockets) runner.pool.endTunnels(SERVICE_RESTART);
    await runner.pool.whenIdle();
    return true;
  }

  #remember(instanceId: string): void {
    this.#released.add(instanceId);
    const [oldest] = this.#released;
    if (oldest !== undefined && this.#released.size > edgeLimits.rememberedReleases) this.#released.delete(oldest);
  }

  /** The supervisor's `inFlight`: 0 for an instance that this edge does not know. */
  inFlight(instanceId: string): number {
    return this.#instances.get(instanceId)?.pool.inFlight ?? 0;
  }

  /** The supervisor's `gone`: what is in flight there fails with this cause. */
  gone(instanceId: string, cause: Cause): void {
    const runner = this.#instances.get(instanceId);
    if (!runner) return;
    runner.cause = cause;
    this.forget(runner);
    this.#instances.delete(instanceId);
    runner.pool.fail();
  }
}
