import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../domain/config.ts";
import type { AcquireReply, AttachRequest, Cause, PlatformStatus, Unavailable } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { makeInstance } from "./instance-files.ts";
import {
  MAX_RUNNERS,
  RESTART_PATIENCE_MS,
  START_FAILURE_TTL_MS,
  START_QUEUE_TIMEOUT_MS,
  VERDICT_TTL_MS,
  VERDICT_WAIT_MS,
} from "./limits.ts";
import { Lingering } from "./lingering.ts";
import type { Planner } from "./planner.ts";
import { Restarts } from "./restarts.ts";
import { type End, Runner, type RunnerSurroundings, StartError } from "./runner.ts";
import { Slots } from "./slots.ts";

/** What the pool asks of the edges and services. Nothing here rejects: who does not answer is gone. */
export interface Members {
  /** True when all of them send nothing to the instance any more. Bounded. */
  release(request: { instanceId: string; versionId: string; onlyIfIdle: boolean }): Promise<boolean>;
  /** Requests in flight at the instance. Answers soon. */
  inFlight(instanceId: string): Promise<number>;
  gone(request: { instanceId: string; versionId: string; cause: Cause }): void;
  attach(request: AttachRequest): Promise<void>;
  detach(instanceId: string): void;
}

export interface PoolOptions extends RunnerSurroundings {
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
  #idleTimer: NodeJS.Timeout;
  #stopping = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#files = paths(options.config);
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
        return Promise.race([runner.ended.then((end) => end.cause), delay(VERDICT_WAIT_MS, "crash" as const)]);
    }
  }

  /** Begins to stop the versions' runners: once their requests are done. Does not wait for it. */
  retire(versionIds: string[]): void {
    for (const versionId of versionIds) {
      const slot = this.#slots.get(versionId);
      if (!slot) continue;
      void Promise.resolve(slot.starting).then(() => {
        if (slot.runner?.state === "ready") return this.#drain(slot, slot.runner);
      });
    }
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
    const ended = [...this.#runners.values()].map((runner) => {
      if (runner.state === "starting") runner.kill("none");
      return runner.stop();
    });
    await Promise.all([...ended, ...[...this.#slots.values()].map((slot) => slot.starting)]);
  }

  #slot(versionId: string): Slot {
    const known = this.#slots.get(versionId);
    if (known) return known;
    const slot: Slot = { versionId, restarts: new Restarts(), acquisitions: 0 };
    this.#slots.set(versionId, slot);
    return slot;
  }

  async #startWhenAllowed(slot: Slot): Promise<AcquireReply> {
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
    if (!(await this.#starts.enter(START_QUEUE_TIMEOUT_MS))) {
      return unavailable("overloaded", "too many Workers are starting");
    }
    try {
      const record = await this.#readRecord(slot.versionId);
      if (!record) return unavailable("missing", "there is no such version");
      if (this.#stopping) return unavailable("overloaded", "the platform is stopping");
      return { runner: (await this.#start(slot, record)).address };
    } catch (error) {
      const reply = unavailable("startup-failed", messageOf(error));
      slot.failure = { reply, untilMs: performance.now() + START_FAILURE_TTL_MS };
      return reply;
    } finally {
      this.#starts.leave();
    }
  }

  /** Throws {@link StartError}. */
  async #start(slot: Slot, record: LaunchRecord): Promise<Runner> {
    const { members, plan } = this.#options;
    const runner = this.#prepare(record, plan);
    this.#runners.set(runner.address.instanceId, runner);
    void runner.ended.then((end) => this.#ended(slot, runner, end));
    await Promise.all([runner.start(), hasLinks(runner) && members.attach(attachment(runner))]);
    if (runner.state !== "ready") throw new StartError("it ended right after its start");
    slot.runner = runner;
    return runner;
  }

  /** Throws {@link StartError}. */
  #prepare(record: LaunchRecord, plan: Planner): Runner {
    const instanceId = randomBytes(6).toString("hex");
    const directory = this.#files.instance(instanceId);
    try {
      const instance = { instanceId, directory, record, plan: plan(record, directory, "serve") };
      makeInstance(directory);
      return new Runner(instance, this.#options, () => this.#options.members.inFlight(instanceId));
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
    if (end.cause === "none" || !runner.served) return;
    // A request that exceeds a limit says nothing about the next one: that one waits a little, but is served.
    slot.restarts.died(end.lifetimeMs, end.cause === "crash" ? undefined : RESTART_PATIENCE_MS);
    this.#options.members.gone({ instanceId, versionId, cause: end.cause });
    this.#options.log(`runner of ${runner.record.scriptName} (version ${versionId}) ended: ${end.cause}`);
  }

  /** Takes the runner out of service, waits for its requests and for `waitUntil`, and stops it. */
  async #drain(slot: Slot, runner: Runner): Promise<void> {
    const { instanceId, versionId } = runner.address;
    runner.state = "draining";
    slot.runner = undefined;
    await this.#options.members.release({ instanceId, versionId, onlyIfIdle: false });
    // SIGTERM drops what `waitUntil` still does, and would leave new connections hanging: hence the order.
    if (!this.#stopping) await this.#lingering.add(runner.ended);
    await runner.stop();
  }

  #stopIdle(): void {
    const before = performance.now() - this.#options.config.runnerIdleMs;
    for (const slot of this.#slots.values()) {
      const { runner } = slot;
      if (runner && runner.activeAtMs < before) void this.#stopIfIdle(slot, runner);
      else if (!runner && !slot.starting && slot.restarts.isForgettable()) this.#slots.delete(slot.versionId);
    }
  }

  async #stopIfIdle(slot: Slot, runner: Runner): Promise<void> {
    if (slot.asking) return;
    slot.asking = true;
    const { instanceId, versionId } = runner.address;
    const { acquisitions } = slot;
    const released = await this.#options.members.release({ instanceId, versionId, onlyIfIdle: true });
    slot.asking = false;
    // Whoever asked for the runner meanwhile was given this one.
    if (!released || slot.acquisitions !== acquisitions || slot.runner !== runner) return;
    slot.runner = undefined;
    await runner.stop();
  }

  async #readRecord(versionId: string): Promise<LaunchRecord | undefined> {
    // The id comes from a table of ours, but it becomes part of a path.
    if (!/^[\w-]{1,64}$/.test(versionId)) return undefined;
    try {
      return JSON.parse(await readFile(this.#files.launchRecord(versionId), "utf8"));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }
}

function hasLinks(runner: Runner): boolean {
  return runner.plan.links.length > 0 || runner.plan.assets !== undefined;
}

function attachment({ address, record, directory, plan }: Runner): AttachRequest {
  return {
    instanceId: address.instanceId,
    versionId: address.versionId,
    accountId: record.accountId,
    directory: join(directory, "svc"),
    links: plan.links,
    ...(plan.assets && { assets: plan.assets }),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unavailable(reason: Unavailable, message: string): AcquireReply {
  return { unavailable: reason, message };
}
