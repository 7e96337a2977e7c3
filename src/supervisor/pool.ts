import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../domain/config.ts";
import type { ExceededRunner } from "../domain/exceeded.ts";
import { Homes, type Placement } from "../domain/homes.ts";
import type {
  AcquireReply,
  AttachRequest,
  Cause,
  PlatformStatus,
  ReleaseRequest,
  ScriptName,
  Unavailable,
} from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import type { SilentRunner } from "../domain/silent-runners.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { drainHome } from "./home-drain.ts";
import { makeInstance } from "./instance-files.ts";
import { readLaunchRecord } from "./launch-record.ts";
import {
  HOME_TERMINATE_MS,
  MAX_RUNNERS,
  OUTGROWN_LINGER_MS,
  RESTART_PATIENCE_MS,
  START_FAILURE_TTL_MS,
  START_QUEUE_TIMEOUT_MS,
  STATE_WAIT_MS,
  VERDICT_TTL_MS,
  VERDICT_WAIT_MS,
} from "./limits.ts";
import { Lingering } from "./lingering.ts";
import { placedRecord, samePlacement, stateIds, stateMounts } from "./ownership.ts";
import type { Planner } from "./planner.ts";
import { Renewals } from "./renewals.ts";
import { Restarts } from "./restarts.ts";
import { type End, Runner, type RunnerSurroundings, StartError } from "./runner.ts";
import { Slots } from "./slots.ts";
import { StateKeeper } from "./state-keeper.ts";
import { Trials } from "./trials.ts";

export type MemberGroup = "all" | "edges" | "services";

/** What the pool asks of the edges and services. Nothing here rejects: who does not answer is gone. */
export interface Members {
  /** True when all of them send nothing to the instance any more. Bounded. */
  release(request: ReleaseRequest, group?: MemberGroup): Promise<boolean>;
  /** The same for events, by those that send them. */
  finishEvents(instanceId: string): Promise<boolean>;
  /** Requests and events in flight at the instance. Answers soon. */
  inFlight(instanceId: string): Promise<number>;
  gone(request: { instanceId: string; versionId: string; cause: Cause }): void;
  /** A runner that reports its invocations exceeded a limit. */
  exceeded(runner: ExceededRunner): void;
  attach(request: AttachRequest): Promise<void>;
  detach(instanceId: string): void;
}

export interface PoolOptions extends RunnerSurroundings {
  /** At the start; see {@link RunnerPool.useHomes} for later ones. */
  homes?: Homes;
  /** At the start; see {@link RunnerPool.observe} for later ones. */
  observed?: readonly ScriptName[];
  config: Config;
  plan: Planner;
  members: Members;
  log(line: string): void;
}

/** What the pool knows of a version. */
interface Slot {
  versionId: string;
  /** The instance that takes requests. */
  runner?: Runner | undefined;
  starting?: Promise<AcquireReply> | undefined;
  restarts: Restarts;
  /** The reply to give until `untilMs`, for a version that just failed to start. */
  failure?: { reply: AcquireReply; untilMs: number };
  /** Grows with each request for the runner: tells whether one came during something else. */
  acquisitions: number;
  /** The edges and services are being asked whether the runner is idle. */
  asking?: boolean;
}

/** The runners: at most one that takes requests for each version, started on demand. */
export class RunnerPool {
  #options: PoolOptions;
  #files: ReturnType<typeof paths>;
  #slots = new Map<string, Slot>();
  /** All that have a process, those that drain included, by instance id. */
  #runners = new Map<string, Runner>();
  #verdicts = new Map<string, Cause>();
  #starts = new Slots(2 * availableParallelism());
  #lingering = new Lingering();
  #homes: Homes;
  /** Those of the snapshot that edges and services surely use: a request may have been routed by it. */
  #routed: Homes;
  #state: StateKeeper;
  #renewals: Renewals;
  #trials: Trials;
  #idleTimer: NodeJS.Timeout;
  #stopping = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#files = paths(options.config);
    this.#homes = this.#routed = options.homes ?? new Homes();
    this.#state = new StateKeeper({
      files: this.#files,
      homes: () => this.#homes,
      wake: async (versionId) => "runner" in (await this.acquire(versionId)),
      log: options.log,
    });
    this.#trials = new Trials({ ...options, files: this.#files, starts: this.#starts });
    this.#renewals = new Renewals({
      runners: () => this.#runners.values(),
      renew: (runner) => this.#renew(runner),
      file: this.#files.silentRunners,
      log: options.log,
    });
    void this.#renewals.observe(options.observed ?? []);
    const { runnerIdleMs } = options.config;
    this.#idleTimer = setInterval(() => this.#stopIdle(), Math.min(5000, Math.max(100, runnerIdleMs / 4)));
  }

  /** Says where the version's runner is; starts it first if need be. Never rejects. */
  async acquire(versionId: string): Promise<AcquireReply> {
    if (this.#stopping) return unavailable("overloaded", "the platform is stopping");
    const slot = this.#slot(versionId);
    slot.acquisitions++;
    if (slot.runner?.state === "ready") return { runner: slot.runner.address };
    slot.starting ??= this.#startWhenAllowed(slot).finally(() => {
      slot.starting = undefined;
    });
    return slot.starting;
  }

  /** What happened to an instance. Ends one that is out of memory. */
  async verdict(instanceId: string): Promise<Cause> {
    const known = this.#verdicts.get(instanceId);
    if (known) return known;
    const runner = this.#runners.get(instanceId);
    if (!runner) return "crash";
    switch (runner.examine()) {
      case "sound":
        return "none";
      case "memory":
        return "memory";
      case "gone":
        if (runner.endedFor) return runner.endedFor;
        return Promise.race([runner.ended.then((end) => end.cause), delay(VERDICT_WAIT_MS, "crash" as const)]);
    }
  }

  /** Begins to stop the versions' runners: once their requests are done. Does not wait for it. */
  retire(versionIds: string[]): void {
    // Those that were deleted have no launch record any more.
    this.#state.cleanPreviews();
    for (const versionId of versionIds) {
      const slot = this.#slots.get(versionId);
      if (!slot) continue;
      void Promise.resolve(slot.starting).then(() => {
        if (slot.runner?.state === "ready") return this.#drain(slot, slot.runner);
      });
    }
  }

  /** The roles serve: homes whose alarms are due may be woken. */
  async begin(): Promise<void> {
    await this.#state.begin();
  }

  /**
   * Other versions own state now. Takes runners out of service that are to own what they did not: no request that is routed
   * by the new snapshot may meet them as they are. The caller then has the edges route by it, and calls
   * the returned function, which has the runners replaced that own what they no longer should.
   */
  useHomes(homes: Homes): () => void {
    const before = this.#homes;
    this.#homes = homes;
    this.#replaceStale((runner) => homes.placementOf(runner.record).kind === "home");
    this.#state.homesChanged(before);
    return () => {
      this.#routed = homes;
      this.#replaceStale(() => true);
    };
  }

  /** These scripts are observed from now on. Resolves when runners of those that are new report, within some seconds. */
  observe(scripts: readonly ScriptName[]): Promise<void> {
    return this.#renewals.observe(scripts);
  }

  /** Somebody watches these scripts. The same for `opened`; resolves with those of its runners that do not report. */
  watch(scripts: readonly ScriptName[], opened?: ScriptName): Promise<SilentRunner[]> {
    return this.#renewals.watch(scripts, opened);
  }

  /** Removes the data of deleted namespaces and workflows once nobody has it. Throws when one is owned. */
  async discardState(ids: string[]): Promise<void> {
    const doomed = new Set(ids.filter((id) => !this.#homes.ownerOf(id)));
    for (const slot of this.#slots.values()) {
      const { runner } = slot;
      if (runner?.state === "ready" && stateIds(runner.placement).some((id) => doomed.has(id))) {
        void this.#drain(slot, runner);
      }
    }
    await this.#state.discard(ids);
  }

  /** Runners whose sockets the services role has to serve. */
  attachments(): AttachRequest[] {
    return [...this.#runners.values()].filter(hasLinks).map(attachment);
  }

  status(): PlatformStatus["runners"] {
    return [...this.#runners.values()].map(({ address: { versionId, instanceId }, pid, state }) => ({
      versionId,
      instanceId,
      pid,
      state,
    }));
  }

  /** Ends all runners: those that are ready finish their requests, those that start are killed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#idleTimer);
    this.#lingering.endAll();
    this.#state.stop();
    const ended = [...this.#runners.values()].map((runner) => {
      if (runner.state === "starting") runner.kill("none");
      return this.#stopRunner(runner);
    });
    await Promise.all([
      this.#trials.stop(),
      this.#renewals.stop(),
      ...ended,
      ...[...this.#slots.values()].map((slot) => slot.starting),
    ]);
  }

  #slot(versionId: string): Slot {
    const known = this.#slots.get(versionId);
    if (known) return known;
    const slot: Slot = { versionId, restarts: new Restarts(), acquisitions: 0 };
    this.#slots.set(versionId, slot);
    return slot;
  }

  async #startWhenAllowed(slot: Slot): Promise<AcquireReply> {
    const routed = this.#routed;
    if (slot.failure && performance.now() < slot.failure.untilMs) return slot.failure.reply;
    const delayMs = slot.restarts.delayMs();
    if (delayMs > RESTART_PATIENCE_MS) {
      return unavailable(
        "crash-loop",
        `it ended ${slot.restarts.deaths} times in a row; next try in ${Math.ceil(delayMs / 1000)} s`,
      );
    }
    if (delayMs > 0) await delay(delayMs);
    if (this.#runners.size >= MAX_RUNNERS) return unavailable("overloaded", "too many Workers are running");
    let record: LaunchRecord | undefined;
    try {
      record = await readLaunchRecord(this.#files, slot.versionId);
    } catch (error) {
      return unavailable("startup-failed", messageOf(error));
    }
    if (!record) return unavailable("missing", "there is no such version");
    for (;;) {
      const refusal = await this.#enter(record, routed);
      if (refusal) return refusal;
      const placement = this.#placement(record, routed);
      try {
        if (this.#stopping) return unavailable("overloaded", "the platform is stopping");
        const runner = await this.#start(slot, record, placement);
        // The homes may have changed meanwhile: nobody who is routed by them may meet it. Each publication is a turn.
        const wanted = samePlacement(placement, this.#placement(record, routed));
        if (!wanted) void this.#drain(slot, runner);
        // Good for this request, and for no later one: after the answer. (In a publication its end sees to that.)
        else if (this.#isStale(runner) && this.#routed === this.#homes) setImmediate(() => this.#drain(slot, runner));
        if (wanted) return { runner: runner.address };
      } catch (error) {
        const reply = unavailable("startup-failed", messageOf(error));
        slot.failure = { reply, untilMs: performance.now() + START_FAILURE_TTL_MS };
        this.#state.lookAtAlarms(placement);
        return reply;
      } finally {
        this.#starts.leave();
      }
    }
  }

  /** Waits for the version's state, and for a place among those that start. Says why when it gets one of them too late. */
  async #enter(record: LaunchRecord, routed: Homes): Promise<AcquireReply | undefined> {
    const { versionId } = record;
    const deadlineMs = performance.now() + STATE_WAIT_MS;
    for (;;) {
      const leftMs = Math.max(0, deadlineMs - performance.now());
      if (!(await this.#state.whenFree(this.#placement(record, routed), versionId, leftMs))) {
        return unavailable("overloaded", "the process that has its objects does not end");
      }
      if (!(await this.#starts.enter(START_QUEUE_TIMEOUT_MS))) {
        return unavailable("overloaded", "too many Workers are starting");
      }
      if (this.#state.isFree(this.#placement(record, routed), versionId)) return undefined;
      this.#starts.leave();
    }
  }

  /** What a runner of the version is to own for a request that may have been routed by the snapshot of `routed`. */
  #placement(record: LaunchRecord, routed: Homes): Placement {
    const placement = this.#homes.placementOf(record);
    // A request that was routed to it as deployed means the script's data, which another version has by now.
    if (placement.kind === "preview" && routed.placementOf(record).kind !== "preview") return { kind: "none" };
    return placement;
  }

  /** Throws {@link StartError}. */
  async #start(slot: Slot, record: LaunchRecord, placement: Placement): Promise<Runner> {
    const { members } = this.#options;
    const runner = this.#prepare(record, placement);
    this.#runners.set(runner.address.instanceId, runner);
    void runner.ended.then((end) => this.#ended(slot, runner, end));
    await Promise.all([runner.start(), hasLinks(runner) && members.attach(attachment(runner))]);
    if (runner.state !== "ready") throw new StartError("it ended right after its start");
    slot.runner = runner;
    return runner;
  }

  /** Throws {@link StartError}. */
  #prepare(version: LaunchRecord, placement: Placement): Runner {
    const { config, plan: planner, members } = this.#options;
    const instanceId = randomBytes(6).toString("hex");
    const directory = this.#files.instance(instanceId);
    const { homeMemoryMb, maxDatabaseBytes } = config.state;
    try {
      const record = placedRecord(version, placement, homeMemoryMb);
      const predecessor = this.#state.predecessor(placement, record.versionId);
      const traced = this.#renewals.tracing.wants(record);
      const plan = planner(record, directory, "serve", { instanceId, placement, predecessor, traced });
      const mounts = stateMounts(this.#files, placement, record.versionId, plan);
      const state = mounts.length > 0 ? { mounts, maxFileBytes: maxDatabaseBytes } : undefined;
      makeInstance(directory);
      const instance = { instanceId, directory, record, plan, placement, state };
      const runner: Runner = new Runner(instance, this.#options, {
        inFlight: () => members.inFlight(instanceId),
        outgrown: () => void this.#relieve(runner),
      });
      this.#state.claim(runner);
      return runner;
    } catch (error) {
      throw new StartError(messageOf(error));
    }
  }

  #ended(slot: Slot, runner: Runner, end: End): void {
    const { instanceId, versionId } = runner.address;
    this.#runners.delete(instanceId);
    this.#verdicts.set(instanceId, end.cause);
    setTimeout(() => this.#verdicts.delete(instanceId), VERDICT_TTL_MS).unref();
    if (hasLinks(runner)) this.#options.members.detach(instanceId);
    if (slot.runner === runner) slot.runner = undefined;
    if (runner.plan.traced && (end.cause === "cpu" || end.cause === "memory")) {
      const alarm = this.#state.overdueAlarm(runner);
      this.#options.members.exceeded({ instanceId, versionId, cause: end.cause, ...(alarm && { alarm }) });
    }
    this.#state.release(runner, runner.orderly && end.cause === "none");
    if (end.cause === "none" || !runner.served) return;
    // A request that exceeds a limit says nothing about the next one: that one waits a little, but is served.
    slot.restarts.died(end.lifetimeMs, end.cause === "crash" ? undefined : RESTART_PATIENCE_MS);
    this.#options.members.gone({ instanceId, versionId, cause: end.cause });
    this.#options.log(`runner of ${runner.record.scriptName} (version ${versionId}) ended: ${end.cause}`);
  }

  /**
   * Takes the runner out of service, waits for its requests and for `waitUntil`, and stops it. Calls `released` when
   * nobody sends it requests any more.
   */
  async #drain(slot: Slot, runner: Runner, released?: () => void): Promise<void> {
    const { instanceId, versionId } = runner.address;
    runner.state = "draining";
    if (slot.runner === runner) slot.runner = undefined;
    if (runner.placement.kind !== "none") {
      await this.#stopRunner(runner);
      return;
    }
    const { members } = this.#options;
    // Nobody waits for this runner, so an event may take all the time that events have.
    const finished = runner.plan.events && members.finishEvents(instanceId);
    await members.release({ instanceId, versionId, onlyIfIdle: false });
    released?.();
    await Promise.race([finished, runner.ended]);
    // SIGTERM drops what `waitUntil` still does, and would leave new connections hanging: hence the order.
    if (!this.#stopping) await this.#lingering.add(runner.ended, runner.outgrown ? OUTGROWN_LINGER_MS : undefined);
    await runner.stop();
  }

  /** Stops a runner to which nobody sends requests any more, or one that owns state: soon, as others wait for that. */
  async #stopRunner(runner: Runner): Promise<void> {
    if (runner.placement.kind !== "none" && runner.state !== "dead" && runner.served) {
      runner.state = "draining";
      runner.orderly = await drainHome(runner, this.#options.members);
      await runner.stop(HOME_TERMINATE_MS);
    } else await runner.stop();
  }

  #isStale(runner: Runner): boolean {
    return !samePlacement(runner.placement, this.#homes.placementOf(runner.record));
  }

  /** Has runners replaced that own what they should not, or do not own what they should. */
  #replaceStale(which: (runner: Runner) => boolean): void {
    for (const slot of this.#slots.values()) {
      const { runner } = slot;
      if (runner?.state !== "ready" || !this.#isStale(runner) || !which(runner)) continue;
      void this.#drain(slot, runner);
      if (runner.placement.kind !== "home") continue;
      // They wait until this one has ended, and requests wait for them.
      const successors = new Set(stateIds(runner.placement).map((id) => this.#homes.ownerOf(id)?.versionId));
      for (const versionId of successors) if (versionId !== undefined) void this.acquire(versionId);
    }
  }

  /** Has a runner replaced that has too much memory. One with state would have to end first, and may come to rest by itself. */
  async #relieve(runner: Runner): Promise<void> {
    if (runner.placement.kind !== "none" || (await this.#renew(runner)) !== undefined) return;
    this.#options.log(`runner of ${runner.record.scriptName} had more memory than its limit; another took its place`);
  }

  /** Puts another runner in the place of one, which serves until that is there, or is known to start. Says why there is none. */
  async #renew(runner: Runner): Promise<string | undefined> {
    const slot = this.#slot(runner.address.versionId);
    const isReplaced = () => slot.runner !== runner || runner.state !== "ready";
    await slot.starting;
    if (isReplaced()) return undefined;
    if (runner.placement.kind !== "none") {
      const why = await this.#trials.whyNot(runner);
      if (why !== undefined || isReplaced()) return why;
      // Both need the same state, so one has to end before the other starts.
      void this.#drain(slot, runner);
      await this.acquire(slot.versionId);
      return undefined;
    }
    slot.starting ??= this.#startWhenAllowed(slot).finally(() => {
      slot.starting = undefined;
    });
    const reply = await slot.starting;
    if (slot.runner === runner) return "unavailable" in reply ? reply.message : undefined;
    if (runner.state === "ready") await new Promise<void>((resolve) => void this.#drain(slot, runner, resolve));
    return undefined;
  }

  #stopIdle(): void {
    this.#renewals.look();
    const before = performance.now() - this.#options.config.runnerIdleMs;
    for (const slot of this.#slots.values()) {
      const { runner } = slot;
      if (runner && runner.activeAtMs < before) void this.#stopIfIdle(slot, runner);
      else if (!runner && !slot.starting && slot.restarts.isForgettable()) this.#slots.delete(slot.versionId);
    }
  }

  async #stopIfIdle(slot: Slot, runner: Runner): Promise<void> {
    if (slot.asking || this.#state.hasAlarmSoon(runner)) return;
    slot.asking = true;
    const { instanceId, versionId } = runner.address;
    const { acquisitions } = slot;
    const released = await this.#options.members.release({ instanceId, versionId, onlyIfIdle: true });
    slot.asking = false;
    // Whoever asked for the runner meanwhile was given this one.
    if (!released || slot.acquisitions !== acquisitions || slot.runner !== runner) return;
    slot.runner = undefined;
    await this.#stopRunner(runner);
  }
}

function hasLinks({ plan: { links, assets, backends, outbound } }: Runner): boolean {
  return links.length > 0 || assets !== undefined || backends !== undefined || outbound !== undefined;
}

function attachment({ address, record, directory, plan }: Runner): AttachRequest {
  return {
    instanceId: address.instanceId,
    versionId: address.versionId,
    accountId: record.accountId,
    directory: join(directory, "svc"),
    links: plan.links,
    ...(plan.assets && { assets: plan.assets }),
    ...(plan.backends && { backends: plan.backends }),
    ...(plan.outbound && { outbound: plan.outbound }),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unavailable(reason: Unavailable, message: string): AcquireReply {
  return { unavailable: reason, message };
}
