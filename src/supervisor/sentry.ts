import type { VersionLimits } from "../domain/version.ts";
import { probeHealth } from "./health.ts";
import { isFull, type MemoryBounds } from "./memory.ts";
import { hasProc, ProcessMeter } from "./proc.ts";

/** Pause between two looks at a runner that used CPU lately. */
const ACTIVE_PAUSE_MS = 100;
/** Pause between two looks at one that did not. What it used since the look before counts, so nothing is lost. */
const IDLE_PAUSE_MS = 500;
/** With a CPU limit below this, a runner is looked at every {@link FINE_PAUSE_MS}. */
const FINE_LIMIT_MS = 2000;
const FINE_PAUSE_MS = 50;
/** CPU since the last sign of life after which a new one is asked for, at the next look. */
const PROBE_AFTER_CPU_MS = 20;
/** CPU that has to pass with a probe unanswered, whatever the limit. */
const MIN_SILENCE_CPU_MS = 50;
/**
 * CPU granted for each further request in flight: workerd does all that it can of those it has before it looks
 * for new events (measured: 100 requests of 10 ms make one silence of 1 s), so they look like a single long one.
 */
const CPU_PER_OTHER_MS = 100;
/** All of them together get no more than this, or than the limit if that is larger. */
const CPU_OF_OTHERS_MS = 5000;
const MIN_CHECK_MS = 10;
/** CPU between two looks below this is the runtime's own housekeeping. */
const ACTIVITY_CPU_MS = 0.02;

/** What the watchdog must know of a runner. */
export interface Watched {
  /** Host id of the workerd process. */
  pid: number;
  healthSocket: string;
  limits: VersionLimits;
  memory: MemoryBounds | undefined;
  /** Requests in flight there. */
  inFlight(): Promise<number>;
  /** Called once, when it has more memory than its limit explains: another should take its place before it is ended. */
  outgrown(): void;
  /** Called once, when a limit is exceeded: end the process. */
  exceeded(cause: "cpu" | "memory"): void;
}

/** A question for a sign of life that has no answer yet. */
interface Probe {
  sentAtCpuMs: number;
  /** CPU granted to other requests in flight; undefined until that was asked. */
  othersMs?: number;
  asked: boolean;
  cancel(): void;
}

/** Looks at one runner; `watchdog.ts` says when and explains how. */
export class Sentry {
  activeAt = performance.now();
  /** When to look next. */
  dueAt = 0;

  #watched: Watched;
  #meter: ProcessMeter | undefined;
  #cpuMs = 0;
  /** CPU (or wall time, without `/proc`) at the last moment when the runner was surely not stuck. */
  #soundAtCpuMs = 0;
  #probe: Probe | undefined;
  #check: NodeJS.Timeout | undefined;
  #outgrown = false;
  #stopped = false;

  constructor(watched: Watched) {
    this.#watched = watched;
    try {
      if (hasProc) this.#meter = new ProcessMeter(watched.pid);
    } catch {
      // Ended already; its exit is on the way.
    }
    this.#cpuMs = this.#soundAtCpuMs = this.#clock() ?? 0;
    this.#lookAgainIn(this.#isFine() ? FINE_PAUSE_MS : IDLE_PAUSE_MS);
  }

  look(): void {
    if (this.#stopped) return;
    const now = performance.now();
    const cpuMs = this.#clock();
    if (cpuMs === undefined) return;
    const usedMs = cpuMs - this.#cpuMs;
    this.#cpuMs = cpuMs;
    const active = usedMs > ACTIVITY_CPU_MS && this.#meter !== undefined;
    if (active) {
      this.activeAt = now;
      if (!this.#lookAtMemory()) return;
    }
    this.#lookAgainIn(this.#isFine() ? FINE_PAUSE_MS : active || this.#probe ? ACTIVE_PAUSE_MS : IDLE_PAUSE_MS);
    if (this.#probe) this.#judge(this.#probe, cpuMs);
    // On a crowded machine even a stuck runner gets no CPU for a while: only a long rest is one.
    else if (this.#meter && now - this.activeAt >= IDLE_PAUSE_MS) this.#soundAtCpuMs = cpuMs;
    else if (cpuMs - this.#soundAtCpuMs > PROBE_AFTER_CPU_MS) this.#sendProbe(cpuMs);
  }

  examine(): "memory" | "gone" | "sound" {
    this.look();
    if (this.#stopped) return "gone";
    if (!this.#meter) return "sound";
    const memory = this.#meter.memory();
    // A process on its way out has given up its memory before its id.
    if (!memory || memory.dataBytes === 0) return "gone";
    if (!this.#watched.memory || !isFull(memory, this.#watched.memory)) return "sound";
    this.#exceeded("memory");
    return "memory";
  }

  stop(): void {
    this.#stopped = true;
    this.dueAt = Number.POSITIVE_INFINITY;
    clearTimeout(this.#check);
    this.#probe?.cancel();
    this.#meter?.close();
    this.#meter = undefined;
  }

  /** At the next multiple of the pause: a wake-up costs far more than a look (100 µs, 2 µs), so all share one. */
  #lookAgainIn(pauseMs: number): void {
    this.dueAt = (Math.floor(performance.now() / pauseMs) + 1) * pauseMs;
  }

  /** Whether this runner's limit is too small for the slow pace. */
  #isFine(): boolean {
    return this.#watched.limits.cpuMs < FINE_LIMIT_MS;
  }

  #clock(): number | undefined {
    return hasProc ? this.#meter?.mainThreadCpuMs() : performance.now();
  }

  /** False: it had too much, and is ended. */
  #lookAtMemory(): boolean {
    const bounds = this.#watched.memory;
    const bytes = this.#meter?.memory()?.anonymousBytes;
    if (!bounds || bytes === undefined) return true;
    if (bytes > bounds.maxAnonymousBytes) {
      this.#exceeded("memory");
      return false;
    }
    if (bytes > bounds.renewAnonymousBytes && !this.#outgrown) {
      this.#outgrown = true;
      this.#watched.outgrown();
    }
    return true;
  }

  #sendProbe(cpuMs: number): void {
    const { cancel } = probeHealth(this.#watched.healthSocket, () => {
      // An end without answer is that of the process: its exit is on the way.
      this.#probe = undefined;
      clearTimeout(this.#check);
      this.#soundAtCpuMs = this.#clock() ?? this.#soundAtCpuMs;
    });
    this.#probe = { sentAtCpuMs: cpuMs, asked: false, cancel };
    if (this.#isFine()) this.#checkIn(MIN_CHECK_MS);
  }

  /** Ends a runner that is silent beyond its limit, or looks again when it could be. */
  #judge(probe: Probe, cpuMs: number): void {
    if (probe.othersMs === undefined) {
      void this.#askForOthers(probe);
      return;
    }
    const leftMs = Math.max(
      this.#watched.limits.cpuMs + probe.othersMs - (cpuMs - this.#soundAtCpuMs),
      MIN_SILENCE_CPU_MS - (cpuMs - probe.sentAtCpuMs),
    );
    if (leftMs <= 0) this.#exceeded("cpu");
    else if (leftMs < ACTIVE_PAUSE_MS) this.#checkIn(leftMs);
  }

  async #askForOthers(probe: Probe): Promise<void> {
    if (probe.asked) return;
    probe.asked = true;
    const others = Math.max(0, (await this.#watched.inFlight()) - 1);
    const { cpuMs: limitMs } = this.#watched.limits;
    probe.othersMs = Math.min(others * Math.min(limitMs, CPU_PER_OTHER_MS), Math.max(limitMs, CPU_OF_OTHERS_MS));
    if (probe === this.#probe) this.look();
  }

  #checkIn(ms: number): void {
    clearTimeout(this.#check);
    this.#check = setTimeout(() => this.look(), Math.max(ms, MIN_CHECK_MS));
  }

  #exceeded(cause: "cpu" | "memory"): void {
    this.stop();
    this.#watched.exceeded(cause);
  }
}
