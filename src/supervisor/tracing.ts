import type { ScriptName } from "../domain/messages.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { HOME_TRACE_LINGER_MS, TRACE_LINGER_MS } from "./limits.ts";
import type { Runner } from "./runner.ts";

/** Which runners are to report their invocations: those of scripts that somebody wants to know of. */
export class Tracing {
  #observed = new Set<string>();
  #watched = new Set<string>();
  /** When the last one lost interest in a script; `performance.now()` time. */
  #leftAtMs = new Map<string, number>();

  /** The scripts that are observed whether anybody watches or not. Returns the keys of those of which nobody wanted to know before. */
  observe(scripts: readonly ScriptName[]): Set<string> {
    const before = this.#all();
    this.#observed = new Set(scripts.map(keyOf));
    this.#note(before);
    return this.#observed.difference(before);
  }

  /** The scripts that somebody watches now. */
  watch(scripts: readonly ScriptName[]): void {
    const before = this.#all();
    this.#watched = new Set(scripts.map(keyOf));
    this.#note(before);
  }

  /** Whether a runner of the version that starts now is to report. */
  wants({ accountId, scriptName: script }: Pick<LaunchRecord, "accountId" | "scriptName">): boolean {
    return this.#has(keyOf({ accountId, script }));
  }

  /**
   * Whether the runner has to be replaced: it does not report although it should, or it has long not had to. A home stays
   * as it is for longer, since replacing one ends WebSockets.
   */
  isStale({ plan, placement, record }: Pick<Runner, "plan" | "placement" | "record">): boolean {
    const key = keyOf({ accountId: record.accountId, script: record.scriptName });
    if (plan.traced === this.#has(key)) return false;
    if (!plan.traced) return true;
    const lingerMs = placement.kind === "none" ? TRACE_LINGER_MS : HOME_TRACE_LINGER_MS;
    return performance.now() - (this.#leftAtMs.get(key) ?? 0) >= lingerMs;
  }

  #has(key: string): boolean {
    return this.#observed.has(key) || this.#watched.has(key);
  }

  #all(): Set<string> {
    return this.#observed.union(this.#watched);
  }

  #note(before: Set<string>): void {
    const nowMs = performance.now();
    for (const key of before) if (!this.#has(key)) this.#leftAtMs.set(key, nowMs);
    for (const [key, leftAtMs] of this.#leftAtMs) {
      if (this.#has(key) || nowMs - leftAtMs > HOME_TRACE_LINGER_MS) this.#leftAtMs.delete(key);
    }
  }
}

/** What scripts are told apart by. */
export function keyOf({ accountId, script }: ScriptName): string {
  return `${accountId}/${script}`;
}
