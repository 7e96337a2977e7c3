import type { FunctionRoutes } from "../../products/assets/routes-json.ts";
import { parseRunWorkerFirst } from "../../products/assets/run-worker-first.ts";

/** `_routes.json` as `run_worker_first`; true where the list cannot say it, so that the code sees too much rather than too little. */
export function workerFirst({ include, exclude }: FunctionRoutes): true | string[] {
  if (include.includes("/*") && exclude.length === 0) return true;
  const rules = [...include.flatMap(twins), ...exclude.flatMap(twins).map((rule) => `!${rule}`)];
  const covers = (wide: string, rule: string) =>
    wide !== rule && wide.endsWith("*") && rule.startsWith(wide.slice(0, -1));
  const needed = [...new Set(rules)].filter((rule) => !rules.some((wide) => covers(wide, rule)));
  try {
    parseRunWorkerFirst(needed);
    return needed;
  } catch {
    return true;
  }
}

/** A rule takes its path with and without a slash behind in `_routes.json`, and the directory itself; not so in `run_worker_first`. */
function twins(rule: string): string[] {
  if (rule === "/" || rule === "/*") return [rule];
  if (rule.endsWith("/*")) return [rule.slice(0, -2), rule];
  if (rule.endsWith("*")) return [rule];
  return rule.endsWith("/") ? [rule.slice(0, -1), rule] : [rule, `${rule}/`];
}
