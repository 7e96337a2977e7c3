/** Whether a request goes to the assets or to the Worker behind them (workers-semantics.md 2.2). */

import type { Answer } from "./prepare.ts";
import { type RouteMatcher, startsCode } from "./routes-json.ts";
import { type RunWorkerFirst, workerFirst } from "./run-worker-first.ts";

export interface AssetRouting {
  hasWorker: boolean;
  runWorkerFirst: RunWorkerFirst;
  /** See {@link navigationPrefersAssets}. */
  navigationPrefersAssets: boolean;
  /** Of a Pages project with Functions: they alone decide. */
  functionRoutes?: RouteMatcher;
}

const PREFER_FLAG = "assets_navigation_prefers_asset_serving";
const NO_EFFECT_FLAG = "assets_navigation_has_no_effect";
/** From this compatibility date on, the flag is on by default. */
const PREFER_SINCE = "2025-04-01";

/** Whether browser navigations get the not-found page before the Worker is asked. */
export function navigationPrefersAssets(compatibilityDate: string, flags: readonly string[]): boolean {
  if (flags.includes(NO_EFFECT_FLAG)) return false;
  return flags.includes(PREFER_FLAG) || compatibilityDate >= PREFER_SINCE;
}

/**
 * Where the request goes. `answer` is asked only when the rules leave it open. `secFetchMode` is the request's
 * `Sec-Fetch-Mode`.
 */
export function route(
  routing: AssetRouting,
  path: string,
  secFetchMode: string | undefined,
  answer: () => Answer,
): "assets" | "worker" {
  if (!routing.hasWorker) return "assets";
  if (routing.functionRoutes) return startsCode(routing.functionRoutes, path) ? "worker" : "assets";
  const decided = workerFirst(routing.runWorkerFirst, path);
  if (decided) return decided;
  const fallbackCounts =
    typeof routing.runWorkerFirst === "object" || (routing.navigationPrefersAssets && secFetchMode === "navigate");
  return canFetch(answer(), fallbackCounts) ? "assets" : "worker";
}

/** Whether the asset server has an answer: anything but "nothing here". A not-found page is one only with `fallbackCounts`. */
export function canFetch(answer: Answer, fallbackCounts: boolean): boolean {
  return answer.own || (fallbackCounts && answer.kind !== "none");
}

/** The guard before everything: a backslash behind `/cdn-cgi/` must not hide a path. Give it the target as it was sent. */
export function hidesCdnCgi(rawTarget: string, path: string): boolean {
  return path.startsWith("/cdn-cgi/") && rawTarget.includes("/cdn-cgi\\");
}
