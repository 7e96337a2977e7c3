import { directivesOf, type Field, listOf, tokensOf } from "./fields.ts";
import { DEFAULT_FRESH_SECONDS, MAX_FRESH_SECONDS } from "./limits.ts";

/** What a cache for all may keep of a response. */
export interface Storable {
  /** How long it is fresh from now. */
  freshMs: number;
  /** How old it was when it came. */
  ageSeconds: number;
  /** Lower-case names of fields that are not kept. */
  dropped: ReadonlySet<string>;
}

/** Fields of the connection or of one answer only. The length is told anew. */
const NEVER_KEPT = [
  "age",
  "cf-cache-status",
  "connection",
  "content-length",
  "content-range",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/**
 * Whether and for how long a response may be kept (RFC 9111 sections 3 and 4.2, as a shared cache); undefined: not at all. The
 * request plays no part: who puts a response has decided that it may be given to others.
 */
export function assess(status: number, fields: readonly Field[], nowMs: number): Storable | undefined {
  if (status < 200 || status === 206 || status === 304) return;
  if (tokensOf(listOf(fields, "vary") ?? "").includes("*")) return;
  const directives = directivesOf(listOf(fields, "cache-control") ?? "");
  if (directives.has("no-store")) return;
  const dropped = new Set(NEVER_KEPT);
  for (const name of ["private", "no-cache"]) {
    const named = directives.get(name);
    if (named === undefined) continue;
    // Without names the whole response is meant; with them those fields alone (`private=Set-Cookie`).
    if (named === "") return;
    for (const field of tokensOf(named)) dropped.add(field);
  }
  if (fields.some(([name]) => name === "set-cookie" && !dropped.has(name))) return;
  const ageSeconds = seconds(listOf(fields, "age")) ?? 0;
  const fresh = Math.min(freshSeconds(status, directives, fields, nowMs), MAX_FRESH_SECONDS) - ageSeconds;
  return fresh > 0 ? { freshMs: fresh * 1000, ageSeconds, dropped } : undefined;
}

function freshSeconds(
  status: number,
  directives: Map<string, string>,
  fields: readonly Field[],
  nowMs: number,
): number {
  const told = directives.get("s-maxage") ?? directives.get("max-age");
  // What is no number is no permission.
  if (told !== undefined) return seconds(told) ?? 0;
  const expires = listOf(fields, "expires");
  if (expires === undefined) return DEFAULT_FRESH_SECONDS[status] ?? 0;
  const date = Date.parse(listOf(fields, "date") ?? "");
  const lifetime = Math.floor((Date.parse(expires) - (Number.isNaN(date) ? nowMs : date)) / 1000);
  return Number.isNaN(lifetime) ? 0 : lifetime;
}

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
