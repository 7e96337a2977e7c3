import type { Predecessor } from "../workerd/plan.ts";

/** Somebody who has directories: a runner, or who removes them. */
export interface Holder {
  /** Resolves when nothing of it is left. */
  ended: Promise<unknown>;
}

/**
 * Who has which state directory: one at a time, whatever happens. (The locks of `state-files.ts` say the same to
 * processes that this supervisor knows nothing of.)
 */
export class StateOwners {
  #holders = new Map<string, Holder>();
  #predecessors = new Map<string, Predecessor>();
  #awaited = new Map<string, number>();

  isFree(directories: string[]): boolean {
    return !directories.some((directory) => this.#holders.has(directory));
  }

  holder(directory: string): Holder | undefined {
    return this.#holders.get(directory);
  }

  /** Resolves with true once nobody has any of them, with false when that takes too long. */
  async whenFree(directories: string[], timeoutMs: number): Promise<boolean> {
    if (this.isFree(directories)) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, false);
    });
    for (const directory of directories) this.#awaited.set(directory, (this.#awaited.get(directory) ?? 0) + 1);
    try {
      for (;;) {
        const holders = directories.flatMap((directory) => this.#holders.get(directory) ?? []);
        if (holders.length === 0) return true;
        const gone = Promise.all(holders.map((holder) => holder.ended)).then(() => true);
        if (!(await Promise.race([gone, late]))) return false;
      }
    } finally {
      clearTimeout(timer);
      for (const directory of directories) {
        const left = (this.#awaited.get(directory) ?? 1) - 1;
        if (left > 0) this.#awaited.set(directory, left);
        else this.#awaited.delete(directory);
      }
    }
  }

  /** Whether somebody waits for the directory. */
  isAwaited(directory: string): boolean {
    return this.#awaited.has(directory);
  }

  /** Gives the directories to `holder`. Throws when one is held. */
  claim(directories: string[], holder: Holder): void {
    if (!this.isFree(directories)) throw new Error("its state is in use by another process");
    for (const directory of directories) this.#holders.set(directory, holder);
  }

  /** `holder` has ended; `last` is remembered for the next one. */
  release(directories: string[], holder: Holder, last?: Predecessor): void {
    for (const directory of directories) {
      if (this.#holders.get(directory) !== holder) continue;
      this.#holders.delete(directory);
      if (last) this.#predecessors.set(directory, last);
      else this.#predecessors.delete(directory);
    }
  }

  /** Who had the state last. Where several had parts of it, all count as orderly only if all were. */
  predecessor(directories: string[]): Predecessor | undefined {
    const found = directories.flatMap((directory) => this.#predecessors.get(directory) ?? []);
    return found.find((predecessor) => !predecessor.orderly) ?? found[0];
  }
}
