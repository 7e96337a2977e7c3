import { hostName, isWithin } from "./host-name.ts";

/**
 * Route patterns: `[http[s]://]host/path`, where the host may begin and the path may end with `*`
 * (workers-semantics.md 1.2).
 */
export interface RoutePattern {
  /** Undefined: both. */
  scheme: "http" | "https" | undefined;
  /** Lower case, without the wildcard. */
  host: string;
  /** `host` is how host names end, not the whole name. */
  anyPrefix: boolean;
  /** Percent-encoded as in a URL, without the wildcard. */
  path: string;
  /** `path` is how paths with their query begin, not all of them. */
  anySuffix: boolean;
  /** Of two patterns that match, the one with the higher value wins; of equal ones the longer text. */
  specificity: number;
  /** As people wrote it, the host in lower case. */
  text: string;
}

export const MAX_PATTERN_CHARS = 2048;

/** Reads a pattern; a text says why it is none. */
export function parseRoutePattern(text: string): RoutePattern | string {
  if (text.length > MAX_PATTERN_CHARS) return `it has more than ${MAX_PATTERN_CHARS} characters`;
  const parts = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/]*)(\/.*)?$/is.exec(text);
  const scheme = parts?.[1]?.toLowerCase();
  const hostPart = parts?.[2] ?? "";
  const pathPart = parts?.[3] ?? "";
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") return "its scheme is neither http nor https";
  if (/[?#]/.test(text)) return "a query string or fragment is not allowed in it";
  if (/[\s\\]/.test(text)) return "white space and backslashes are not allowed in it";
  if (hostPart.includes(":")) return "a port is not allowed in it";
  const anyPrefix = hostPart.startsWith("*");
  const host = anyPrefix ? hostEnd(hostPart.slice(1)) : hostName(hostPart);
  if (host === undefined) {
    return hostPart.lastIndexOf("*") > 0
      ? "in its host `*` is allowed at the beginning only"
      : `${JSON.stringify(hostPart.slice(0, 100))} is not a host name`;
  }
  const anySuffix = pathPart.endsWith("*");
  const rawPath = anySuffix ? pathPart.slice(0, -1) : pathPart;
  if (rawPath.includes("*")) return "in its path `*` is allowed at the end only";
  const wholeHost = `${anyPrefix ? "*" : ""}${host}`;
  return {
    scheme,
    host,
    anyPrefix,
    path: encodedPath(rawPath || "/"),
    anySuffix,
    specificity: specificity(wholeHost, pathPart || "/"),
    text: `${scheme === undefined ? "" : `${scheme}://`}${wholeHost}${pathPart}`,
  };
}

/** The order in which patterns are tried: the most specific first. */
export function bySpecificity(a: RoutePattern, b: RoutePattern): number {
  return b.specificity - a.specificity || b.text.length - a.text.length || (a.text < b.text ? -1 : 1);
}

/** Whether the pattern is about the zone or names below it. */
export function isInZone({ host, anyPrefix }: RoutePattern, zone: string): boolean {
  return isWithin(anyPrefix && host.startsWith(".") ? host.slice(1) : host, zone);
}

/**
 * The directory that a pattern is about, as the mount of static files: `/blog` for `example.com/blog/*`, empty for all
 * (workers-semantics.md 2.9).
 */
export function mountOf({ path, anySuffix }: RoutePattern): string {
  return anySuffix ? path.slice(0, path.lastIndexOf("/")) : "";
}

/** The published formula: labels count 26 times as much as parts of the path, and a wildcard in either costs 2. */
function specificity(host: string, path: string): number {
  const labels = host.split(".");
  const parts = path.split("/");
  const hostScore = labels.length - (labels[0] === "*" ? 2 : 0);
  const pathScore = parts.length - (parts.at(-1) === "*" ? 2 : 0);
  return hostScore * 26 + pathScore;
}

/** What follows the wildcard of a host: `.example.com`, `example.com`, or the end of a label, as in `-api.example.com`. */
function hostEnd(text: string): string | undefined {
  if (text.startsWith(".")) {
    const name = hostName(text.slice(1));
    return name && `.${name}`;
  }
  if (text === "") return undefined;
  return hostName(text) ?? hostName(`a${text}`)?.slice(1);
}

function encodedPath(path: string): string {
  return new URL(path.replace(/^\/+/, (slashes) => `http://h${slashes}`)).pathname;
}
