import { matchesGlob, splitGlob } from "./glob.ts";
import { MAX_WORKER_FIRST_RULE_CHARS, MAX_WORKER_FIRST_RULES } from "./limits.ts";

/** `true`: every request goes to the Worker; a list: those that its rules select (workers-semantics.md 2.3). */
export type RunWorkerFirst = boolean | WorkerFirstRules;

export interface WorkerFirstRules {
  /** Pieces of the rules between their stars. */
  positive: string[][];
  negative: string[][];
}

/** The setting is not valid; `message` is for the user. */
export class WorkerFirstError extends Error {
  override name = "WorkerFirstError";
}

/** Checks and prepares `assets.config.run_worker_first`. Throws {@link WorkerFirstError}. */
export function parseRunWorkerFirst(value: unknown): RunWorkerFirst {
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  if (!Array.isArray(value)) throw new WorkerFirstError("run_worker_first must be true, false or a list of rules");
  if (value.length === 0) throw new WorkerFirstError("run_worker_first needs at least one rule");
  if (value.length > MAX_WORKER_FIRST_RULES) {
    throw new WorkerFirstError(
      `run_worker_first has ${value.length} rules; at most ${MAX_WORKER_FIRST_RULES} are allowed`,
    );
  }
  const rules = value.map(checkRule);
  const seen = new Set<string>();
  for (const rule of rules) {
    if (seen.has(rule)) throw new WorkerFirstError(`run_worker_first has the rule "${rule}" twice`);
    seen.add(rule);
  }
  for (const rule of rules) {
    // The star must not be doubled by the rule itself, so a rule never covers its own text.
    const cover = rules.find((other) => other !== rule && other.endsWith("*") && rule.startsWith(other.slice(0, -1)));
    if (cover)
      throw new WorkerFirstError(`run_worker_first: the rule "${rule}" is redundant, since "${cover}" covers it`);
  }
  const positive = rules.filter((rule) => rule.startsWith("/"));
  if (positive.length === 0)
    throw new WorkerFirstError("run_worker_first needs at least one rule that is not negative");
  const negative = rules.filter((rule) => rule.startsWith("!")).map((rule) => rule.slice(1));
  return { positive: positive.map(splitGlob), negative: negative.map(splitGlob) };
}

function checkRule(rule: unknown): string {
  if (typeof rule !== "string") throw new WorkerFirstError("run_worker_first: each rule must be text");
  if (!/^!?\//.test(rule))
    throw new WorkerFirstError(`run_worker_first: the rule "${rule.slice(0, 100)}" must start with "/" or "!/"`);
  if (rule.length > MAX_WORKER_FIRST_RULE_CHARS) {
    throw new WorkerFirstError(
      `run_worker_first: the rule "${rule.slice(0, 40)}…" is longer than ${MAX_WORKER_FIRST_RULE_CHARS} characters`,
    );
  }
  return rule;
}

/** What the setting says of a path: the Worker, the assets, or (undefined) whichever has an answer. */
export function workerFirst(setting: RunWorkerFirst, path: string): "worker" | "assets" | undefined {
  if (typeof setting === "boolean") return setting ? "worker" : undefined;
  if (setting.negative.some((pieces) => matchesGlob(pieces, path))) return "assets";
  return setting.positive.some((pieces) => matchesGlob(pieces, path)) ? "worker" : undefined;
}
