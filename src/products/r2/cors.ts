import type { CorsRule } from "./settings.ts";

/** A request from a page of another origin, or (with `headers`) the question whether it may be made. */
export interface CorsRequest {
  origin: string;
  method: string;
  /** Names of headers that the request will have, of a preflight. */
  headers?: string[];
}

/** What stands in fields is looked at here: rules hold whatever their owner wrote. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Fields that allow the request by the first rule that fits; undefined: none does. Origins are compared exactly, as the
 * original does (`workers-semantics.md` 10.4); `*` is every one. A header may end in `*`.
 */
export function matchCors(rules: readonly CorsRule[], request: CorsRequest): Record<string, string> | undefined {
  const rule = rules.find((one) => fits(one, request));
  if (rule === undefined) return undefined;
  const { allowed, maxAgeSeconds } = rule;
  const exposeHeaders = (rule.exposeHeaders ?? []).filter((name) => TOKEN.test(name));
  const fields: Record<string, string> = {
    "Access-Control-Allow-Origin": allowed.origins.includes("*") ? "*" : request.origin,
    Vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
  };
  if (exposeHeaders.length > 0) fields["Access-Control-Expose-Headers"] = exposeHeaders.join(", ");
  if (request.headers === undefined) return fields;
  fields["Access-Control-Allow-Methods"] = allowed.methods.filter((name) => TOKEN.test(name)).join(", ");
  if (request.headers.length > 0) fields["Access-Control-Allow-Headers"] = request.headers.join(", ");
  if (maxAgeSeconds !== undefined) fields["Access-Control-Max-Age"] = String(maxAgeSeconds);
  return fields;
}

function fits({ allowed }: CorsRule, { origin, method, headers = [] }: CorsRequest): boolean {
  if (!allowed.origins.includes("*") && !allowed.origins.includes(origin)) return false;
  // What may be read may be asked about.
  if (!allowed.methods.some((one) => one === method || (one === "GET" && method === "HEAD"))) return false;
  const patterns = (allowed.headers ?? []).map((name) => name.toLowerCase());
  return headers.every((header) => patterns.some((pattern) => names(pattern, header.toLowerCase())));
}

function names(pattern: string, header: string): boolean {
  return pattern.endsWith("*") ? header.startsWith(pattern.slice(0, -1)) : header === pattern;
}
