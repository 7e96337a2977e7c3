import { DiagnosticList, linesOf, type RuleDiagnostic } from "./diagnostics.ts";
import { MAX_APPLIED_HEADER_CHARS, MAX_HEADER_RULES, MAX_HEADERS_PER_RULE, MAX_LINE_CHARS } from "./limits.ts";
import { normaliseRulePath } from "./path.ts";
import { type Captures, Pattern, PatternError, substitute } from "./pattern.ts";

/** A header of a response; names in lower case. A name may appear twice only for `set-cookie`. */
export type Header = [name: string, value: string];

export interface HeaderRule {
  line: number;
  /** Undefined for a rule that holds on every host. */
  host: Pattern | undefined;
  path: Pattern;
  set: Header[];
  unset: string[];
}

export interface HeaderRules {
  rules: HeaderRule[];
  /** Some rule names a host: what applies then depends on the request's host. */
  hostSensitive: boolean;
}

export const NO_HEADER_RULES: HeaderRules = { rules: [], hostSensitive: false };

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const URL_LINE = /^(?:[^\s]+:\/\/|\/)/;
const HTTPS_URL = /^https:\/\/+([^/]+)(\/.*)?$/;
// Other characters cannot stand in a header line.
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Headers that frame the message: setting them would break the response for the client. */
const FRAMING = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Reads a `_headers` file (workers-semantics.md 2.6). Never throws; what has no effect is in `diagnostics`. */
export function parseHeadersFile(text: string): { rules: HeaderRules; diagnostics: RuleDiagnostic[] } {
  const diagnostics = new DiagnosticList("_headers");
  // A later rule for the same URL replaces the earlier one, at the earlier one's place.
  const byUrl = new Map<string, HeaderRule>();
  let rule: HeaderRule | undefined;
  let url = "";
  /** After an invalid URL line its header lines mean nothing. */
  let skipping = false;
  const finish = () => {
    if (!rule) return;
    const earlier = byUrl.get(url);
    if (rule.set.length + rule.unset.length === 0)
      diagnostics.add(rule.line, url, "has no header lines under it, so it does nothing");
    else {
      if (earlier) diagnostics.add(earlier.line, url, `is replaced by the rule for the same URL in line ${rule.line}`);
      byUrl.set(url, rule);
    }
    rule = undefined;
  };

  const lines = linesOf(text, diagnostics);
  for (let index = 0; index < lines.length; index++) {
    const number = index + 1;
    const line = (lines[index] ?? "").trim();
    if (line === "" || line.startsWith("#")) continue;
    if (line.length > MAX_LINE_CHARS) {
      diagnostics.add(number, line, `is longer than ${MAX_LINE_CHARS} characters and ignored`);
    } else if (URL_LINE.test(line)) {
      finish();
      skipping = false;
      if (byUrl.size >= MAX_HEADER_RULES) {
        diagnostics.add(
          number,
          line,
          `is beyond the limit of ${MAX_HEADER_RULES} rules; the rest of the file is ignored`,
        );
        break;
      }
      const parsed = parseUrl(line);
      if (typeof parsed === "string") {
        diagnostics.add(number, line, `${parsed}; its header lines are ignored too`);
        skipping = true;
      } else {
        url = parsed.url;
        rule = { line: number, host: parsed.host, path: parsed.path, set: [], unset: [] };
      }
    } else if (rule) {
      const problem = addHeaderLine(rule, line);
      if (problem) diagnostics.add(number, line, problem);
    } else if (!skipping) diagnostics.add(number, line, "stands before any URL line, so it applies to nothing");
  }
  finish();
  const rules = [...byUrl.values()];
  return { rules: { rules, hostSensitive: rules.some((one) => one.host) }, diagnostics: diagnostics.items };
}

function parseUrl(line: string): { url: string; host: Pattern | undefined; path: Pattern } | string {
  let host: string | undefined;
  let path = line;
  if (!line.startsWith("/")) {
    const match = HTTPS_URL.exec(line);
    if (!match) return "is no path and no https:// URL";
    host = (match[1] ?? "").replace(/(:[A-Za-z]\w*)|[A-Z]+/g, (text, placeholder) => placeholder ?? text.toLowerCase());
    if (/:\d+$/.test(host)) return "names a port, which rules cannot";
    path = (match[2] ?? "/").replace(/^\/+/, "/");
  }
  const normal = normaliseRulePath(path);
  if (normal === undefined) return "is not a valid URL";
  try {
    const hostPattern = host === undefined ? undefined : new Pattern(host, ".");
    const pathPattern = new Pattern(normal, "/");
    for (const name of hostPattern?.names ?? []) {
      if (pathPattern.names.has(name))
        return name === "splat" ? "has more than one `*`" : `uses the placeholder \`:${name}\` twice`;
    }
    return { url: host === undefined ? normal : `https://${host}${normal}`, host: hostPattern, path: pathPattern };
  } catch (error) {
    if (error instanceof PatternError) return `is ignored: ${error.message}`;
    throw error;
  }
}

/** Adds one line to the rule. Returns what is wrong with it, if anything. */
function addHeaderLine(rule: HeaderRule, line: string): string | undefined {
  if (rule.set.length + rule.unset.length >= MAX_HEADERS_PER_RULE)
    return `is beyond ${MAX_HEADERS_PER_RULE} header lines of one rule`;
  if (line.startsWith("! ")) {
    const name = line.slice(2).trim().toLowerCase();
    if (!TOKEN.test(name)) return "names no valid header to remove";
    rule.unset.push(name);
    return;
  }
  const colon = line.indexOf(":");
  if (colon < 0) return line.startsWith("!") ? "needs a space after `!`" : "has no colon: expected `Name: value`";
  const name = line.slice(0, colon).trim().toLowerCase();
  const value = line.slice(colon + 1).trim();
  if (name === "") return "has no header name";
  if (value === "") return "has no header value";
  if (!TOKEN.test(name)) return "has a header name with characters that names cannot have";
  if (!FIELD_VALUE.test(value)) return "has characters that header values cannot have";
  if (FRAMING.has(name)) return `sets ${name}, which belongs to the connection and is set by the server`;
  const same = rule.set.find((header) => header[0] === name);
  if (same) same[1] += `, ${value}`;
  else rule.set.push([name, value]);
  return;
}

/**
 * Applies the rules that match, in order: of each rule first the removals, then its headers. The first rule that
 * sets a name replaces what was there, later ones append. `host` is the request's host name without port, in
 * lower case; `path` the path as requested (see `parseTarget`), whatever a rewrite made of it.
 */
export function applyHeaders(rules: HeaderRules, host: string, path: string, headers: Header[]): Header[] {
  let result = headers;
  const setBefore = new Set<string>();
  let budget = MAX_APPLIED_HEADER_CHARS;
  for (const rule of rules.rules) {
    const captures: Captures = new Map();
    if (rule.host && !rule.host.match(host, captures)) continue;
    if (!rule.path.match(path, captures)) continue;
    if (rule.unset.length > 0) result = result.filter((header) => !rule.unset.includes(header[0]));
    for (const [name, template] of rule.set) {
      const value = substitute(template, captures, budget);
      // A value that does not fit, or a host that is no header text, is left out rather than cut.
      if (value === undefined || !FIELD_VALUE.test(value)) continue;
      budget -= value.length;
      const at = result.findIndex((header) => header[0] === name);
      if (!setBefore.has(name)) result = [...result.filter((header) => header[0] !== name), [name, value]];
      else if (at < 0 || name === "set-cookie") result = [...result, [name, value]];
      else result = result.map((header, index) => (index === at ? [name, `${header[1]}, ${value}`] : header));
      setBefore.add(name);
    }
  }
  return result;
}
