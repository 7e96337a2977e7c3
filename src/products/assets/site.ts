import { NO_HEADER_RULES, parseHeadersFile } from "./headers-file.ts";
import type { Manifest } from "./manifest.ts";
import type { Site } from "./prepare.ts";
import { NO_REDIRECT_RULES, parseRedirectsFile } from "./redirects-file.ts";
import type { HtmlHandling, NotFoundHandling } from "./resolve.ts";

/** What a version says of its assets, as it is stored: JSON, with the rules as the user wrote them. */
export interface SiteConfig {
  htmlHandling: HtmlHandling;
  notFoundHandling: NotFoundHandling;
  /** Checked by `parseRunWorkerFirst`. */
  runWorkerFirst: boolean | string[];
  /** Text of `_headers`. */
  headers: string;
  /** Text of `_redirects`. */
  redirects: string;
  /** As `parseBasePath` gives it. Absent: the root. */
  basePath?: string;
}

/** Compiles a stored configuration. Do it once per version: 2,100 rules take some milliseconds. */
export function openSite(
  config: SiteConfig,
  manifest: Manifest,
  contents: Pick<Site, "variants" | "links">,
  mode: Site["mode"] = "workers",
): Site {
  const { htmlHandling, notFoundHandling, headers, redirects, basePath = "" } = config;
  return {
    manifest,
    htmlHandling,
    notFoundHandling,
    mode,
    basePath,
    ...contents,
    headers: headers === "" ? NO_HEADER_RULES : parseHeadersFile(headers).rules,
    redirects: redirects === "" ? NO_REDIRECT_RULES : parseRedirectsFile(redirects, htmlHandling).rules,
  };
}
