/**
 * First step of the asset server: what a path shows. It depends on nothing but the site, the path and (for some sites)
 * the host, so its answers can be kept. Order (workers-semantics.md 2.4): redirects, path, canonical path; header
 * rules decorate whatever comes out.
 */
import { resolveBelow } from "./base-path.ts";
import { entityTag } from "./conditional.ts";
import { bodiless, type Decision } from "./decision.ts";
import { hintLinks } from "./early-hints.ts";
import { isCompressible, type Variants } from "./encodings.ts";
import { applyHeaders, type Header, type HeaderRules } from "./headers-file.ts";
import type { Manifest } from "./manifest.ts";
import { decodePath, encodePath, isUnder } from "./path.ts";
import { matchRedirect, type RedirectRules } from "./redirects-file.ts";
import { type HtmlHandling, type NotFoundHandling, resolveNotFound } from "./resolve.ts";

/** All that serving a version's assets needs. Immutable. */
export interface Site {
  manifest: Manifest;
  htmlHandling: HtmlHandling;
  notFoundHandling: NotFoundHandling;
  headers: HeaderRules;
  redirects: RedirectRules;
  /** `pages`: default headers, 308 and 404 as on Pages (pages-and-builds.md 13, 17). */
  mode: "workers" | "pages";
  /** Path of every host below which the files are, such as `/docs`; empty: at its root. */
  basePath: string;
  /** Encoded forms that are kept for a content. Absent ones are made later; the answer stays correct without them. */
  variants: (hash: string) => Variants;
  /** `linksOfHtml` of a content, found once and kept. Asked for HTML only. */
  links: (hash: string) => readonly string[];
}

export interface RequestTarget {
  /** Scheme and host with port, such as `https://example.com`. */
  origin: string;
  /** Host name in lower case, without port. */
  hostname: string;
  /** Normalised, encoded path (see `parseTarget`). */
  path: string;
  /** Path of the domain that the site is mounted on, such as `/blog`; empty for all. Files elsewhere are not served. */
  prefix: string;
}

/** What a path shows, before method and request headers. `own`: an answer although not_found_handling were `none`. */
export type Answer = AssetAnswer | RedirectAnswer | NoAnswer;

export interface AssetAnswer {
  kind: "asset";
  own: boolean;
  /** 404 for a not-found page. */
  status: 200 | 404;
  hash: string;
  /** Bytes of the plain form. */
  size: number;
  /** Forms are chosen by `Accept-Encoding`. */
  negotiated: boolean;
  /** The entity tag is ours; header rules can remove or replace it. */
  tagged: boolean;
  /** With the entity tag of the plain form. */
  headers: Header[];
  /** What header rules set, without the headers of the content: for answers that do not show it (405, 416). */
  bareHeaders: Header[];
  /** `Link` values for Early Hints: of header rules, and of the HTML unless a rule removes or replaces them. */
  hints: string[];
  /** Decisions given before; see `slot`. */
  kept: (Decision | undefined)[];
}

export interface RedirectAnswer {
  kind: "redirect";
  own: boolean;
  status: number;
  location: string;
  /** The request's query follows the location. */
  keepQuery: boolean;
  fragment: string;
  /** By `_redirects`: whatever the method. */
  anyMethod: boolean;
  headers: Header[];
}

export interface NoAnswer {
  kind: "none";
  own: boolean;
  decision: Decision;
}

/** Kept by reference through header rules, so that it can be told from the same text in a rule. */
export const DEFAULT_CACHE_CONTROL: Header = ["cache-control", "public, max-age=0, must-revalidate"];
const PAGES_DEFAULTS: readonly Header[] = [
  ["access-control-allow-origin", "*"],
  ["referrer-policy", "strict-origin-when-cross-origin"],
];

const nothing: NoAnswer = { kind: "none", own: false, decision: bodiless("not-found", 404, []) };

/** Finds what the path shows. Pure: the result holds as long as the site, for this path and (see `AnswerCache`) host. */
export function prepare(site: Site, target: RequestTarget): Answer {
  const { basePath } = site;
  // Elsewhere the site has nothing to say: no rule, no page.
  if (!isUnder(decodePath(target.path), basePath)) return nothing;
  const redirect = matchRedirect(site.redirects, target.origin, target.path);
  if (redirect && redirect.rule.status !== 200) {
    return {
      kind: "redirect",
      own: true,
      status: redirect.rule.status,
      location: redirect.location + redirect.query,
      keepQuery: redirect.query === "",
      fragment: redirect.fragment,
      anyMethod: true,
      headers: decorate(site, target, []),
    };
  }
  const rewritten = redirect !== undefined;
  const path = redirect?.location ?? target.path;
  const decoded = decodePath(path);
  const below = isUnder(decoded, basePath);
  const found =
    below && (rewritten || isUnder(decoded, target.prefix)) ? resolveBelow(site, decoded, rewritten) : undefined;
  const page =
    found || !below
      ? undefined
      : resolveNotFound(site.manifest, site.notFoundHandling, decoded.slice(basePath.length) || "/");
  const shown = found ?? page;
  const own = rewritten || found !== undefined;
  if (!shown) return { kind: "none", own, decision: bodiless("not-found", 404, notFoundHeaders(site, target)) };
  // Not-found pages too are shown under canonical paths only.
  const canonical = encodePath("redirect" in shown ? shown.redirect : decoded);
  if ("redirect" in shown || canonical !== path) {
    return {
      kind: "redirect",
      own,
      status: site.mode === "pages" ? 308 : 307,
      location: canonical,
      keepQuery: true,
      fragment: "",
      anyMethod: false,
      headers: decorate(site, target, []),
    };
  }
  return prepareAsset(site, target, shown.file, page?.status ?? 200, own);
}

function prepareAsset(site: Site, target: RequestTarget, file: number, status: 200 | 404, own: boolean): AssetAnswer {
  const hash = site.manifest.hash(file);
  const size = site.manifest.size(file);
  const contentType = site.manifest.contentType(file);
  const tag: Header = ["etag", entityTag(hash, "identity")];
  const defaults: Header[] = [tag, DEFAULT_CACHE_CONTROL];
  if (contentType !== undefined) {
    defaults.unshift(["content-type", contentType]);
    if (site.mode === "pages") defaults.push(["x-content-type-options", "nosniff"]);
  }
  const links = status === 200 && isHtml(contentType) ? site.links(hash) : [];
  const generated: Header = ["link", links.join(", ")];
  if (links.length > 0) defaults.push(generated);
  let headers = decorate(site, target, defaults);
  const hints =
    status === 200 ? headers.filter(([name]) => name === "link").flatMap(([, value]) => hintLinks(value)) : [];
  // Pages shows them in the response too; Workers never had them there.
  if (site.mode === "workers") headers = headers.filter((header) => header !== generated);
  const bareHeaders = headers.filter((header) => !defaults.includes(header));
  if (site.mode === "pages" && status === 404) headers = withHeader(headers, "cache-control", "no-store");
  // A rule that says how the content is encoded, or that nothing may be transformed, ends the negotiation.
  const negotiated =
    isCompressible(contentType, size) &&
    !headers.some(
      ([name, value]) => name === "content-encoding" || (name === "cache-control" && /\bno-transform\b/i.test(value)),
    );
  if (negotiated) headers = varyByEncoding(headers);
  const tagged = headers.includes(tag);
  return { kind: "asset", own, status, hash, size, negotiated, tagged, headers, bareHeaders, hints, kept: [] };
}

function isHtml(contentType: string | undefined): boolean {
  return contentType?.startsWith("text/html") ?? false;
}

function decorate(site: Site, target: RequestTarget, headers: Header[]): Header[] {
  const all = site.mode === "pages" ? [...headers, ...PAGES_DEFAULTS] : headers;
  return applyHeaders(site.headers, target.hostname, target.path, all);
}

function notFoundHeaders(site: Site, target: RequestTarget): Header[] {
  const headers = decorate(site, target, []);
  return site.mode === "pages" ? withHeader(headers, "cache-control", "no-store") : headers;
}

function withHeader(headers: Header[], name: string, value: string): Header[] {
  return [...headers.filter((header) => header[0] !== name), [name, value]];
}

function varyByEncoding(headers: Header[]): Header[] {
  const vary = headers.find((header) => header[0] === "vary")?.[1];
  if (vary !== undefined && /(?:^|,)\s*(?:accept-encoding|\*)\s*(?:,|$)/i.test(vary)) return headers;
  return withHeader(headers, "vary", vary === undefined ? "Accept-Encoding" : `${vary}, Accept-Encoding`);
}
