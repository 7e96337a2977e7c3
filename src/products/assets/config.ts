import { z } from "zod";
import { ApiError } from "../../lib/api.ts";
import { parseBasePath } from "./base-path.ts";
import type { RuleDiagnostic } from "./diagnostics.ts";
import { parseHeadersFile } from "./headers-file.ts";
import { MAX_BASE_PATH_CHARS, MAX_RULES_FILE_CHARS } from "./limits.ts";
import { parseRedirectsFile } from "./redirects-file.ts";
import { parseRunWorkerFirst, WorkerFirstError } from "./run-worker-first.ts";
import type { SiteConfig } from "./site.ts";

const RulesFile = z.string().max(MAX_RULES_FILE_CHARS);

/** `metadata.assets.config` as the client sends it (wrangler-api.md 2.4); unknown keys are ignored. */
const AssetConfig = z.object({
  html_handling: z
    .enum(["auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"])
    .default("auto-trailing-slash"),
  not_found_handling: z.enum(["none", "404-page", "single-page-application"]).default("none"),
  run_worker_first: z.union([z.boolean(), z.array(z.string())]).default(false),
  base_path: z.string().max(MAX_BASE_PATH_CHARS).default("/"),
  _headers: RulesFile.default(""),
  _redirects: RulesFile.default(""),
});

/**
 * Checks the configuration of a version's assets. Throws an `ApiError` (10021) when it is not valid; rules that do
 * nothing are no error but are listed, to be shown to the user.
 */
export function parseAssetConfig(
  raw: unknown,
  hasWorker: boolean,
): { config: SiteConfig; diagnostics: RuleDiagnostic[] } {
  const parsed = AssetConfig.safeParse(raw ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`${issue?.path.join(".") || "assets.config"}: ${issue?.message}`);
  }
  const { html_handling, not_found_handling, run_worker_first, base_path, _headers, _redirects } = parsed.data;
  const basePath = parseBasePath(base_path);
  if (basePath === undefined) {
    throw invalid(`base_path: ${JSON.stringify(base_path)} is no path without query, escapes and backslashes`);
  }
  try {
    parseRunWorkerFirst(run_worker_first);
  } catch (error) {
    if (error instanceof WorkerFirstError) throw invalid(error.message);
    throw error;
  }
  if (run_worker_first !== false && !hasWorker) throw invalid("run_worker_first needs a Worker script to run");
  return {
    config: {
      htmlHandling: html_handling,
      notFoundHandling: not_found_handling,
      runWorkerFirst: run_worker_first,
      headers: _headers,
      redirects: _redirects,
      ...(basePath !== "" && { basePath }),
    },
    diagnostics: [
      ...parseHeadersFile(_headers).diagnostics,
      ...parseRedirectsFile(_redirects, html_handling).diagnostics,
    ],
  };
}

function invalid(message: string): ApiError {
  return new ApiError(400, { code: 10021, message: `The assets configuration is not valid: ${message}.` });
}
