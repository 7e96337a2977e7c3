import { existsSync } from "node:fs";
import type { Home, Homes, Placement } from "../domain/homes.ts";
import type { paths } from "../domain/paths.ts";
import type { Predecessor } from "../workerd/plan.ts";
import { AlarmClock } from "./alarm-clock.ts";
import { earliestAlarm } from "./alarms.ts";
import { ALARM_SOON_MS } from "./limits.ts";
import { stateDirectory, stateIds } from "./ownership.ts";
import type { Runner } from "./runner.ts";
import { isStateId, previewStateIds, previewVersions, removeIfEmpty, removeStateDirectory } from "./state-files.ts";
import { StateOwners } from "./state-owners.ts";

export interface StateKeeperOptions {
  files: ReturnType<typeof paths>;
  homes(): Homes;
  /** Starts the version's runner; true: it runs. */
  wake(versionId: string): Promise<boolean>;
  log(line: string): void;
}

/** The state of all scripts on this machine: who has it, when it has to be woken, and when it is removed. */
export class StateKeeper {
  #options: StateKeeperOptions;
  #owners = new StateOwners();
  #alarms: AlarmClock;

  constructor(options: StateKeeperOptions) {
    const { files, homes, wake } = options;
    this.#options = options;
    this.#alarms = new AlarmClock({
      homes,
      wake,
      directory: files.stateOf,
      isFree: (id) => this.#owners.isFree([files.stateOf(id)]),
    });
  }

  /** At the start of the platform: sets the clock for all homes, and removes what nobody needs any more. */
  async begin(): Promise<void> {
    this.cleanPreviews();
    await this.#alarms.lookAtHomes(this.#options.homes().all);
  }

  stop(): void {
    this.#alarms.stop();
  }

  /** There are other homes now. */
  homesChanged(before: Homes): void {
    // Owned again after a while: alarms are not known. Owned by another version: it may start where the last one did not.
    const isNew = (home: Home) => (id: string) => before.ownerOf(id)?.versionId !== home.versionId;
    const homes = this.#options.homes().all;
    void this.#alarms.lookAtHomes(homes.filter((home) => stateIds({ kind: "home", ...home }).some(isNew(home))));
    this.cleanPreviews();
  }

  isFree(placement: Placement, versionId: string): boolean {
    return this.#owners.isFree(this.#directories(placement, versionId));
  }

  /** Resolves with false when somebody has some of it for too long. */
  whenFree(placement: Placement, versionId: string, timeoutMs: number): Promise<boolean> {
    return this.#owners.whenFree(this.#directories(placement, versionId), timeoutMs);
  }

  predecessor(placement: Placement, versionId: string): Predecessor | undefined {
    return this.#owners.predecessor(this.#directories(placement, versionId));
  }

  /** Throws when somebody has some of it. */
  claim(runner: Runner): void {
    this.#owners.claim(this.#directories(runner.placement, runner.address.versionId), runner);
  }

  /** The runner has ended: its state is free. */
  release(runner: Runner, orderly: boolean): void {
    const { placement, address } = runner;
    if (placement.kind === "none") return;
    if (placement.kind === "preview") setImmediate(() => this.cleanPreviews());
    const directories = this.#directories(placement, address.versionId);
    this.#owners.release(directories, runner, { instanceId: address.instanceId, orderly });
    // Who takes over loads the alarms itself, and should not wait for this.
    if (placement.kind === "home" && !directories.some((directory) => this.#owners.isAwaited(directory))) {
      this.lookAtAlarms(placement);
    }
  }

  /** Reads anew when a home that does not run has to be woken. */
  lookAtAlarms(placement: Placement): void {
    const { files } = this.#options;
    if (placement.kind !== "home") return;
    this.#alarms.look(stateIds(placement).filter((id) => this.#owners.isFree([files.stateOf(id)])));
  }

  /** Whether an alarm is due so soon that stopping the runner is not worth it. */
  hasAlarmSoon({ placement }: Runner): boolean {
    if (placement.kind !== "home") return false;
    const soonMs = Date.now() + ALARM_SOON_MS;
    return stateIds(placement).some((id) => (earliestAlarm(this.#options.files.stateOf(id), true) ?? soonMs) < soonMs);
  }

  /** An alarm of the runner, which has just ended, that was due and not done. */
  overdueAlarm({ placement, address }: Runner): { dueMs: number; className: string } | undefined {
    if (placement.kind === "none") return undefined;
    for (const { namespaceId, className } of placement.classes) {
      const directory = stateDirectory(this.#options.files, placement, address.versionId, namespaceId);
      const dueMs = earliestAlarm(directory);
      if (dueMs !== undefined && dueMs <= Date.now()) return { dueMs, className };
    }
    return undefined;
  }

  /** Removes the states, those of previews too. Resolves when they are gone; throws when a home still owns one. */
  async discard(ids: string[]): Promise<void> {
    const { files, homes } = this.#options;
    const doomed = ids.filter((id) => isStateId(id) && !homes().ownerOf(id));
    this.#alarms.forget(doomed);
    const versions = previewVersions(files.previewState);
    const directories = doomed.flatMap((id) => [
      files.stateOf(id),
      ...versions.map((versionId) => files.previewStateOf(versionId, id)).filter((directory) => existsSync(directory)),
    ]);
    await Promise.all(directories.map((directory) => this.#remove(directory)));
    const owned = ids.find((id) => homes().ownerOf(id));
    if (owned) throw new Error(`the state ${owned} belongs to a deployed Worker, so it is not removed`);
  }

  /** Removes preview data of versions that are no more. */
  cleanPreviews(): void {
    const { previewState, launchRecord, previewStateOf } = this.#options.files;
    for (const versionId of previewVersions(previewState)) {
      if (existsSync(launchRecord(versionId))) continue;
      const removals = previewStateIds(previewState, versionId).map((id) =>
        this.#remove(previewStateOf(versionId, id)),
      );
      Promise.all(removals).then(
        () => removeIfEmpty(previewState, versionId),
        (error: unknown) => this.#notRemoved(versionId, error),
      );
    }
  }

  /** Waits until nobody has the directory: runners that should not have it are being stopped. */
  async #remove(directory: string): Promise<void> {
    for (;;) {
      const holder = this.#owners.holder(directory);
      if (!holder) break;
      await holder.ended;
    }
    const removal = { ended: removeStateDirectory(directory) };
    this.#owners.claim([directory], removal);
    await removal.ended.finally(() => this.#owners.release([directory], removal));
  }

  #notRemoved(versionId: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : error;
    this.#options.log(`preview data of version ${versionId} cannot be removed: ${reason}`);
  }

  #directories(placement: Placement, versionId: string): string[] {
    return stateIds(placement).map((id) => stateDirectory(this.#options.files, placement, versionId, id));
  }
}
