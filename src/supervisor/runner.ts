import { join } from "node:path";
import type { Placement } from "../domain/homes.ts";
import type { Cause, RunnerAddress } from "../domain/messages.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { type LaunchPlan, socketNames } from "../workerd/plan.ts";
import { startupError } from "../workerd/startup-error.ts";
import { drainReports } from "./drains.ts";
import { exitCause } from "./exit-cause.ts";
import type { RuntimeHost } from "./host.ts";
import { publishSockets, removeConfig, removeInstance } from "./instance-files.ts";
import { type Launched, launchPlan } from "./launch.ts";
import { REPORTS_DRAIN_MS, START_TIMEOUT_MS, TERMINATE_TIMEOUT_MS } from "./limits.ts";
import { memoryBounds } from "./memory.ts";
import type { ProcessList } from "./process-list.ts";
import { LOCKED_EXIT_CODE, type RunnerState } from "./sandbox.ts";
import { lockFile } from "./state-files.ts";
import type { Watch, Watchdog } from "./watchdog.ts";

/** The version's code did not start; `message` holds the runtime's own words. */
export class StartError extends Error {
  override name = "StartError";
}

/** What all runners of this supervisor share. */
export interface RunnerSurroundings {
  host: RuntimeHost;
  blobs: string;
  watchdog: Watchdog;
  processes: ProcessList;
}

/** What a runner asks of who has it. */
export interface RunnerOwner {
  /** Requests that it has in flight. */
  inFlight(): Promise<number>;
  /** It has more memory than its limit explains: another should take its place before it is ended. */
  outgrown(): void;
}

/** How a runner ended. */
export interface End {
  /** `none`: it was stopped on purpose. */
  cause: Cause;
  lifetimeMs: number;
  /** The end of what it wrote. */
  stderr: string;
}

/** What a runner is made of. */
export interface RunnerInstance {
  instanceId: string;
  directory: string;
  record: LaunchRecord;
  plan: LaunchPlan;
  placement: Placement;
  /** Present when the plan has state. */
  state?: RunnerState | undefined;
}

/** One workerd process for one version: starts it, has it watched, ends it. It never starts twice. */
export class Runner {
  readonly address: RunnerAddress;
  readonly record: LaunchRecord;
  readonly plan: LaunchPlan;
  readonly directory: string;
  /** What it owns of its script's state. */
  readonly placement: Placement;
  state: "starting" | "ready" | "draining" | "dead" = "starting";
  /** Host id of the workerd process; 0 until it is known. */
  pid = 0;
  /** It took requests once. */
  served = false;
  /** It came to have more memory than its limit explains. */
  outgrown = false;
  /** All calls to its objects were done before it was told to end. */
  orderly = false;
  /** Resolves when the process has ended and its directory is gone, also when it never got ready. */
  readonly ended: Promise<End>;

  #around: RunnerSurroundings;
  #state: RunnerState | undefined;
  #owner: RunnerOwner;
  #launched: Launched | undefined;
  #watch: Watch | undefined;
  #endedFor: Cause | undefined;
  #startedAtMs = performance.now();
  #resolveEnded: (end: End) => void;

  constructor(instance: RunnerInstance, around: RunnerSurroundings, owner: RunnerOwner) {
    this.#owner = owner;
    const { instanceId, directory, record, plan } = instance;
    this.#around = around;
    this.#state = instance.state;
    this.placement = instance.placement;
    this.record = record;
    this.plan = plan;
    this.directory = directory;
    this.address = {
      instanceId,
      versionId: record.versionId,
      httpSocket: join(directory, socketNames.http),
      rpcSocket: join(directory, socketNames.rpc),
      ...(plan.state.length > 0 && { gateSocket: join(directory, socketNames.gate) }),
      ...(plan.events && { eventsSocket: join(directory, socketNames.events) }),
      ...(plan.traced && { traced: true as const }),
    };
    const { promise, resolve } = Promise.withResolvers<End>();
    this.ended = promise;
    this.#resolveEnded = resolve;
  }

  /** Resolves when it takes requests. Throws {@link StartError}. */
  async start(): Promise<void> {
    try {
      const { host, blobs } = this.#around;
      const { directory, plan, record } = this;
      const bounds = host.idle && memoryBounds(host.idle.memory, record.limits.memoryMb);
      const launched = await launchPlan(host, {
        directory,
        plan,
        blobs,
        maxDataBytes: bounds?.maxDataBytes,
        state: this.#state,
      });
      this.#launched = launched;
      void this.#awaitEnd(launched);
      if (this.#endedFor !== undefined) launched.kill("SIGKILL");
      await this.#awaitListening(launched);
      removeConfig(directory);
      this.pid = (await launched.workerdPid) ?? 0;
      const { gate, events, reports, ...always } = socketNames;
      await publishSockets(directory, [
        ...Object.values(always),
        ...(plan.state.length > 0 ? [gate] : []),
        ...(plan.events ? [events] : []),
        ...(plan.traced ? [reports] : []),
      ]);
      if (this.#endedFor !== undefined || this.state === "dead") throw new StartError("it ended while it started");
      this.#watch = this.#around.watchdog.watch({
        pid: this.pid,
        healthSocket: join(directory, socketNames.health),
        limits: record.limits,
        memory: bounds,
        inFlight: () => this.#owner.inFlight(),
        outgrown: () => {
          this.outgrown = true;
          this.#owner.outgrown();
        },
        exceeded: (cause) => this.kill(cause),
      });
      this.state = "ready";
      this.served = true;
    } catch (error) {
      this.kill("none");
      if (!this.#launched) await this.#finish({ cause: "none", lifetimeMs: 0, stderr: "" });
      throw error instanceof StartError
        ? error
        : new StartError(error instanceof Error ? error.message : String(error));
    }
  }

  /** When it last used CPU; `performance.now()` time. */
  get activeAtMs(): number {
    return this.#watch?.activeAtMs() ?? this.#startedAtMs;
  }

  /** Set when we end the process ourselves, before it has ended; the first reason counts. */
  get endedFor(): Cause | undefined {
    return this.#endedFor;
  }

  /** Looks at the process now, and ends it if it is out of memory. `gone`: it has ended or is about to. */
  examine(): "memory" | "gone" | "sound" {
    return this.#watch?.examine() ?? "gone";
  }

  /**
   * Lets it deliver what it has to report, and requests in flight end, each for a bounded time. Resolves when the process
   * has ended.
   */
  async stop(timeoutMs = TERMINATE_TIMEOUT_MS): Promise<End> {
    const reports = this.plan.traced && this.state !== "dead" && this.served;
    if (this.state !== "dead") this.state = "draining";
    if (reports) await drainReports(join(this.directory, socketNames.reports), REPORTS_DRAIN_MS);
    this.#endedFor ??= "none";
    this.#launched?.kill("SIGTERM");
    const timer = setTimeout(() => this.#launched?.kill("SIGKILL"), timeoutMs);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  /** Ends the process at once. */
  kill(cause: Cause): void {
    if (this.state !== "dead") this.state = "draining";
    this.#endedFor ??= cause;
    this.#launched?.kill("SIGKILL");
  }

  async #awaitListening(launched: Launched): Promise<void> {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      launched.kill("SIGKILL");
    }, START_TIMEOUT_MS);
    const listening = await launched.listening;
    clearTimeout(timer);
    if (listening) return;
    const { code } = await launched.exited;
    if (code === LOCKED_EXIT_CODE && this.#state) throw new StartError(lockedMessage(this.#state));
    throw new StartError(startupError(launched.stderr(), timedOut ? "timeout" : "exit", this.record).message);
  }

  async #awaitEnd(launched: Launched): Promise<void> {
    const outer = launched.child.pid;
    if (outer !== undefined) this.#around.processes.add(outer, this.directory);
    const exit = await launched.exited;
    if (outer !== undefined) this.#around.processes.remove(outer);
    const stderr = launched.stderr();
    await this.#finish({
      cause: this.#endedFor ?? exitCause(exit, stderr),
      lifetimeMs: performance.now() - this.#startedAtMs,
      stderr,
    });
  }

  async #finish(end: End): Promise<void> {
    this.state = "dead";
    this.#watch?.stop();
    this.#watch = undefined;
    await removeInstance(this.directory);
    this.#resolveEnded(end);
  }
}

function lockedMessage({ mounts }: RunnerState): string {
  const locks = mounts.map(({ directory }) => lockFile(directory)).join(" ");
  return `Its state is in use by a process that this platform did not start. Find it with: fuser ${locks}`;
}
