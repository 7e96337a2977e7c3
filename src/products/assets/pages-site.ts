import type { SiteRecord } from "../../domain/version.ts";
import type { RuleDiagnostic } from "./diagnostics.ts";
import { parseHeadersFile } from "./headers-file.ts";
import { parseRedirectsFile } from "./redirects-file.ts";
import type { FunctionRoutes } from "./routes-json.ts";

/** The files of a deployment of a Pages project that say how the others are served. */
export interface PagesFiles {
  /** Text of `_headers` and `_redirects`; empty when there is none. */
  headers: string;
  redirects: string;
  /** From `_routes.json`; undefined for a deployment without code. */
  functionRoutes: FunctionRoutes | undefined;
}

/** How Pages serves files, always the same but for `failOpen` (pages-and-builds.md 13), and rules of the files that do nothing. */
export function pagesSite(
  accountId: string,
  manifest: string,
  { headers, redirects, functionRoutes }: PagesFiles,
  { failOpen }: { failOpen: boolean },
): {
  site: Omit<SiteRecord, "hasWorker" | "compatibilityDate" | "compatibilityFlags">;
  diagnostics: RuleDiagnostic[];
} {
  return {
    site: {
      accountId,
      manifest,
      mode: "pages",
      htmlHandling: "pages",
      notFoundHandling: "pages",
      runWorkerFirst: functionRoutes !== undefined,
      ...(functionRoutes && { functionRoutes }),
      ...(functionRoutes && !failOpen && { failClosed: true }),
      headers,
      redirects,
    },
    diagnostics: [...parseHeadersFile(headers).diagnostics, ...parseRedirectsFile(redirects, "pages").diagnostics],
  };
}
