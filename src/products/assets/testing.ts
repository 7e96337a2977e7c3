/** For tests: sites made of a few files. */
import { createHash } from "node:crypto";
import { buildManifest } from "./build-manifest.ts";
import type { Decision } from "./decision.ts";
import { serve } from "./finish.ts";
import { type HeaderRules, NO_HEADER_RULES, parseHeadersFile } from "./headers-file.ts";
import { Manifest } from "./manifest.ts";
import { parseTarget } from "./path.ts";
import type { RequestTarget, Site } from "./prepare.ts";
import { NO_REDIRECT_RULES, parseRedirectsFile } from "./redirects-file.ts";

export interface TestSite {
  files: (string | { path: string; size?: number; contentType?: string | undefined; hash?: string })[];
  headers?: string;
  redirects?: string;
  site?: Partial<Site>;
}

export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

export function manifestOf(files: TestSite["files"]): Manifest {
  return new Manifest(
    buildManifest(
      files.map((file) => {
        const given = typeof file === "string" ? { path: file } : file;
        const contentType = given.path.endsWith(".html") ? "text/html; charset=utf-8" : "application/octet-stream";
        return { hash: hashOf(given.path), size: 100, contentType, ...given };
      }),
    ),
  );
}

export function siteOf({ files, headers, redirects, site }: TestSite): Site {
  const htmlHandling = site?.htmlHandling ?? "auto-trailing-slash";
  const headerRules: HeaderRules = headers === undefined ? NO_HEADER_RULES : parseHeadersFile(headers).rules;
  return {
    manifest: manifestOf(files),
    htmlHandling,
    notFoundHandling: "none",
    headers: headerRules,
    redirects: redirects === undefined ? NO_REDIRECT_RULES : parseRedirectsFile(redirects, htmlHandling).rules,
    mode: "workers",
    basePath: "",
    variants: () => ({}),
    links: () => [],
    ...site,
  };
}

export function targetOf(url: string, prefix = ""): RequestTarget & { query: string } {
  const match = /^(https?:\/\/([^/:]+)(?::\d+)?)?(\/.*)$/.exec(url);
  const target = parseTarget(Buffer.from(match?.[3] ?? "").toString("latin1"));
  if (!target) throw new Error(`no URL: ${url}`);
  return { origin: match?.[1] ?? "https://example.com", hostname: match?.[2] ?? "example.com", prefix, ...target };
}

/** One request: `url` is a path or a whole URL; `headers` by lower-case name. */
export function ask(site: Site, url: string, headers: Record<string, string> = {}, method = "GET"): Decision {
  const target = targetOf(url);
  return serve(site, target, { method, query: target.query, header: (name) => headers[name] });
}

export function headerOf(decision: Decision, name: string): string | undefined {
  const values = decision.headers.filter((header) => header[0] === name).map((header) => header[1]);
  return values.length === 0 ? undefined : values.join(" & ");
}
