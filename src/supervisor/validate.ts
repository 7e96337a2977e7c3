import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { ValidateReply } from "../domain/messages.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { readInspection } from "../workerd/inspection.ts";
import { socketNames } from "../workerd/plan.ts";
import { type StartupEnd, startupError } from "../workerd/startup-error.ts";
import { makeInstance, publishSockets, removeInstance } from "./instance-files.ts";
import { type Launched, launchPlan } from "./launch.ts";
import {
  VALIDATE_CONCURRENCY,
  VALIDATE_CPU_MS,
  VALIDATE_MAX_BYTES,
  VALIDATE_QUEUE_TIMEOUT_MS,
  VALIDATE_TIMEOUT_MS,
} from "./limits.ts";
import { memoryBounds } from "./memory.ts";
import type { Planner } from "./planner.ts";
import { hasProc, ProcessMeter } from "./proc.ts";
import type { RunnerSurroundings } from "./runner.ts";
import { Slots } from "./slots.ts";

const CPU_LOOK_MS = 20;

export interface ValidatorOptions extends RunnerSurroundings {
  plan: Planner;
  /** A new instance's directory by its id. */
  instance(instanceId: string): string;
}

/** Starts uploaded code once, in the sandbox of any runner, to find out whether it starts and what it exports. */
export class Validator {
  #options: ValidatorOptions;
  #slots = new Slots(VALIDATE_CONCURRENCY);
  #running = new Set<Launched>();

  constructor(options: ValidatorOptions) {
    this.#options = options;
  }

  /** Never rejects for what the code does; rejects when the platform itself cannot do it. */
  async validate(record: LaunchRecord): Promise<ValidateReply> {
    if (!(await this.#slots.enter(VALIDATE_QUEUE_TIMEOUT_MS))) {
      throw new Error("too many uploads are being checked; try again in a moment");
    }
    const directory = this.#options.instance(randomBytes(6).toString("hex"));
    try {
      makeInstance(directory);
      return await this.#inspect(record, directory);
    } finally {
      this.#slots.leave();
      await removeInstance(directory);
    }
  }

  /** Ends what runs; its callers learn that the code did not start. */
  stop(): void {
    for (const launched of this.#running) launched.kill("SIGKILL");
  }

  async #inspect(record: LaunchRecord, directory: string): Promise<ValidateReply> {
    const { host, blobs, plan: planner, processes } = this.#options;
    const plan = planner(record, directory, "inspect");
    const maxDataBytes = host.idle && memoryBounds(host.idle.memory, record.limits.memoryMb).maxDataBytes;
    const spawnedAtMs = performance.now();
    const launched = await launchPlan(host, { directory, plan, blobs, maxDataBytes });
    this.#running.add(launched);
    const outer = launched.child.pid;
    if (outer !== undefined) processes.add(outer, directory);
    const guard = new StartupGuard(launched);
    try {
      if (await launched.listening) {
        const cpuMs = guard.cpuMs();
        const startupTimeMs =
          cpuMs === undefined || !host.idle ? performance.now() - spawnedAtMs : cpuMs - host.idle.startCpuMs;
        const published = await publishSockets(directory, [socketNames.http]).then(
          () => true,
          () => false,
        );
        const body = published ? await askExports(join(directory, socketNames.http)) : undefined;
        if (body !== undefined) return readInspection(body, Math.max(1, Math.round(startupTimeMs)));
      }
    } finally {
      guard.stop();
      launched.kill("SIGKILL");
      await launched.exited;
      this.#running.delete(launched);
      if (outer !== undefined) processes.remove(outer);
    }
    return { ok: false, ...startupError(launched.stderr(), guard.verdict, record) };
  }
}

/** Ends a process whose start takes too much CPU or time. */
class StartupGuard {
  /** Why the process ended, once it has. */
  verdict: StartupEnd = "exit";
  #meter: ProcessMeter | undefined;
  #timers: NodeJS.Timeout[] = [];

  constructor(launched: Launched) {
    const end = (verdict: StartupEnd) => {
      if (this.verdict === "exit") this.verdict = verdict;
      launched.kill("SIGKILL");
    };
    this.#timers.push(setTimeout(end, VALIDATE_TIMEOUT_MS, "timeout"));
    if (!hasProc) {
      // Wall time stands in for CPU.
      this.#timers.push(setTimeout(end, 2 * VALIDATE_CPU_MS, "cpu"));
      return;
    }
    void launched.workerdPid.then((pid) => {
      if (pid !== undefined) this.#watch(pid, end);
    });
  }

  /** CPU used so far by the main thread; undefined when unknown. */
  cpuMs(): number | undefined {
    return this.#meter?.mainThreadCpuMs();
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    this.#meter?.close();
    this.#meter = undefined;
  }

  #watch(pid: number, end: (verdict: StartupEnd) => void): void {
    if (this.#timers.length === 0) return;
    try {
      this.#meter = new ProcessMeter(pid);
    } catch {
      return;
    }
    this.#timers.push(
      setInterval(() => {
        if ((this.cpuMs() ?? 0) > VALIDATE_CPU_MS) end("cpu");
      }, CPU_LOOK_MS),
    );
  }
}

/** The body that a runner in `inspect` mode answers with; undefined when it gives none. */
async function askExports(socketPath: string): Promise<string | undefined> {
  // Loaded on use: the supervisor has no other need of it.
  const { get } = await import("../lib/http/node-http.ts");
  return new Promise((resolve) => {
    const request = get({ socketPath, path: "/", headers: { host: "inspect", connection: "close" } }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
        if (body.length > VALIDATE_MAX_BYTES) request.destroy();
      });
      response.on("end", () => resolve(response.statusCode === 200 ? body : undefined));
      response.on("close", () => resolve(undefined));
      response.on("error", () => {});
    });
    request.on("error", () => resolve(undefined));
  });
}
