import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Config } from "../domain/config.ts";
import type { Placement } from "../domain/homes.ts";
import type { paths } from "../domain/paths.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { makeInstance } from "./instance-files.ts";
import { readLaunchRecord } from "./launch-record.ts";
import { START_QUEUE_TIMEOUT_MS } from "./limits.ts";
import { placedRecord } from "./ownership.ts";
import type { Planner } from "./planner.ts";
import { Runner, type RunnerSurroundings } from "./runner.ts";
import type { Slots } from "./slots.ts";

export interface TrialsOptions extends RunnerSurroundings {
  config: Config;
  files: ReturnType<typeof paths>;
  plan: Planner;
  /** Those of the pool. */
  starts: Slots;
}

/**
 * Starts a version beside the runner that owns its state, as its successor would start but with state that is empty: whether
 * the code starts is known before that runner is stopped. Nobody's requests or alarms reach it.
 */
export class Trials {
  #options: TrialsOptions;
  #running = new Set<Runner>();

  constructor(options: TrialsOptions) {
    this.#options = options;
  }

  /** Why a successor of the runner would not start now. Resolves when nothing of the trial is left. */
  async whyNot({ address: { versionId }, placement }: Runner): Promise<string | undefined> {
    const { starts, files } = this.#options;
    if (!(await starts.enter(START_QUEUE_TIMEOUT_MS))) return "too many Workers are starting";
    try {
      const record = await readLaunchRecord(files, versionId);
      if (!record) return "there is no such version";
      await this.#run(this.#prepare(record, placement));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      starts.leave();
    }
  }

  async stop(): Promise<void> {
    for (const runner of this.#running) runner.kill("none");
    await Promise.all([...this.#running].map((runner) => runner.ended));
  }

  async #run(runner: Runner): Promise<void> {
    this.#running.add(runner);
    try {
      await runner.start();
    } finally {
      runner.kill("none");
      await runner.ended;
      this.#running.delete(runner);
    }
  }

  #prepare(version: LaunchRecord, placement: Placement): Runner {
    const { config, files, plan: planner } = this.#options;
    const { homeMemoryMb, maxDatabaseBytes } = config.state;
    const instanceId = randomBytes(6).toString("hex");
    const directory = files.instance(instanceId);
    const record = placedRecord(version, placement, homeMemoryMb);
    const plan = planner(record, directory, "serve", { instanceId, placement, predecessor: undefined, traced: true });
    const mounts = plan.state.map(({ name }) => ({ name, directory: join(directory, "trial", name) }));
    makeInstance(directory);
    const state = mounts.length > 0 ? { mounts, maxFileBytes: maxDatabaseBytes } : undefined;
    return new Runner({ instanceId, directory, record, plan, placement, state }, this.#options, {
      inFlight: async () => 0,
      outgrown() {},
    });
  }
}
