import { DiagnosticList, linesOf, type RuleDiagnostic } from "./diagnostics.ts";
import { MAX_DESTINATION_CHARS, MAX_DYNAMIC_REDIRECTS, MAX_LINE_CHARS, MAX_STATIC_REDIRECTS } from "./limits.ts";
import { normaliseRulePath } from "./path.ts";
import { type Captures, Pattern, PatternError, substitute } from "./pattern.ts";
import type { HtmlHandling } from "./resolve.ts";

export type RedirectStatus = 200 | 301 | 302 | 303 | 307 | 308;

export interface RedirectRule {
  line: number;
  source: string;
  /** Path or https:// URL, with `:name` where captures go. */
  destination: string;
  /** 200 is a rewrite: another asset answers under the requested URL. */
  status: RedirectStatus;
}

export interface RedirectRules {
  /** By exact path; asked before the dynamic ones. */
  exact: Map<string, RedirectRule>;
  dynamic: { pattern: Pattern; rule: RedirectRule }[];
  /** Some destination is a whole URL: the form of `Location` then depends on the request's origin. */
  originSensitive: boolean;
}

export const NO_REDIRECT_RULES: RedirectRules = { exact: new Map(), dynamic: [], originSensitive: false };

const STATUSES = new Set([200, 301, 302, 303, 307, 308]);

interface ParseState {
  rules: RedirectRules;
  diagnostics: DiagnosticList;
  sources: Map<string, number>;
  htmlHandling: HtmlHandling;
}

/**
 * Reads a `_redirects` file (workers-semantics.md 2.7, pages-and-builds.md 15). Never throws; what has no effect is
 * in `diagnostics`. `htmlHandling` decides whether `/ /index` is a loop (it is, unless the mode is `none`).
 */
export function parseRedirectsFile(
  text: string,
  htmlHandling: HtmlHandling,
): { rules: RedirectRules; diagnostics: RuleDiagnostic[] } {
  const state: ParseState = {
    rules: { exact: new Map(), dynamic: [], originSensitive: false },
    diagnostics: new DiagnosticList("_redirects"),
    sources: new Map(),
    htmlHandling,
  };
  const lines = linesOf(text, state.diagnostics);
  for (let index = 0; index < lines.length; index++) {
    const line = (lines[index] ?? "").trim();
    if (line === "" || line.startsWith("#")) continue;
    if (line.length > MAX_LINE_CHARS) {
      state.diagnostics.add(index + 1, line, `is longer than ${MAX_LINE_CHARS} characters and ignored`);
      continue;
    }
    const outcome = addLine(state, index + 1, line.replace(/\s#.*$/s, "").trimEnd());
    if (outcome === "full") break;
    if (outcome) state.diagnostics.add(index + 1, line, outcome);
  }
  return { rules: state.rules, diagnostics: state.diagnostics.items };
}

/** Adds one rule. Returns why it is ignored, or `full` when nothing after it can count. */
function addLine(state: ParseState, line: number, text: string): string | undefined {
  const words = text.split(/\s+/);
  const [from, to] = words;
  if (from === undefined || to === undefined || words.length > 3) return "must be `source destination [status]`";
  const status = Number(words[2] ?? "302");
  if (!STATUSES.has(status)) return `has the status ${words[2]}; it must be 200, 301, 302, 303, 307 or 308`;
  if (/^[^/]*:\/\//.test(from)) return "must have a path as its source, not a whole URL";
  const source = normaliseRulePath(from);
  if (source === undefined) return "has a source that is not a valid path";
  const relative = to.startsWith("/");
  if (!relative && !/^https:\/\/[^/]/.test(to))
    return "has a destination that is no path (starting with `/`) and no https:// URL";
  if (status === 200 && (!relative || isProtocolRelative(to)))
    return "rewrites (200) to a whole URL; a rewrite can only name a path";
  if (!DESTINATION.test(to)) return "has a destination with characters that URLs cannot have";

  const rule: RedirectRule = { line, source, destination: to, status: status as RedirectStatus };
  const earlier = state.sources.get(source);
  if (earlier !== undefined) return `has the same source as line ${earlier}, which wins`;
  const loop = loopProblem(rule, state.htmlHandling);
  if (loop) return loop;
  return addRule(state, rule);
}

// Control characters would end the header line.
const DESTINATION = /^[!-~\u0080-\uffff]+$/;

function addRule(state: ParseState, rule: RedirectRule): string | undefined {
  const { exact, dynamic } = state.rules;
  let pattern: Pattern;
  try {
    pattern = new Pattern(rule.source, "/");
  } catch (error) {
    if (error instanceof PatternError) return `is ignored: ${error.message}`;
    throw error;
  }
  // A rule without wildcards counts as dynamic once a dynamic one stands before it.
  if (pattern.isStatic && dynamic.length === 0) {
    if (exact.size >= MAX_STATIC_REDIRECTS) return `is beyond the limit of ${MAX_STATIC_REDIRECTS} static rules`;
    exact.set(rule.source, rule);
  } else {
    if (dynamic.length >= MAX_DYNAMIC_REDIRECTS) {
      state.diagnostics.add(
        rule.line,
        rule.source,
        `is beyond the limit of ${MAX_DYNAMIC_REDIRECTS} dynamic rules; the rest of the file is ignored`,
      );
      return "full";
    }
    const cover = dynamic.find((one) => one.pattern.isHeadAndSplat && rule.source.startsWith(one.pattern.head));
    if (cover) return `can never match: line ${cover.rule.line} (${cover.rule.source}) matches all its paths first`;
    dynamic.push({ pattern, rule });
  }
  state.sources.set(rule.source, rule.line);
  if (!rule.destination.startsWith("/") || isProtocolRelative(rule.destination)) state.rules.originSensitive = true;
  if (/:splat\b/.test(rule.destination) && !pattern.names.has("splat")) {
    state.diagnostics.add(
      rule.line,
      rule.source,
      "uses `:splat` but its source has no `*`, so the text stays as it is",
    );
  }
  return;
}

/** Rules that would send the client in circles. */
function loopProblem(rule: RedirectRule, htmlHandling: HtmlHandling): string | undefined {
  if (!rule.destination.startsWith("/")) return;
  const path = rule.destination.replace(/[?#].*$/s, "");
  const index = /\/index(?:\.html)?$/.test(path);
  if (index && (rule.source.endsWith("/*") || (rule.source.endsWith("/") && htmlHandling !== "none"))) {
    return "would loop: its destination is answered with a redirect to the URL without `index`, which this rule matches again";
  }
  if (rule.status !== 200 && !/[*:]/.test(rule.source) && normaliseRulePath(path) === rule.source)
    return "would loop: it redirects to itself";
  return;
}

function isProtocolRelative(destination: string): boolean {
  return /^\/[/\\]/.test(destination);
}

/** What a rule says about a request. */
export interface RedirectMatch {
  rule: RedirectRule;
  /** Destination with captures in place, without a query or fragment of its own. For 200 the path to serve. */
  location: string;
  /** `?…` of the destination; when empty, the request's own query is kept. */
  query: string;
  /** `#…` of the destination. */
  fragment: string;
}

/**
 * The first rule that matches: exact ones, then dynamic ones in order. `path` as in `parseTarget`; `origin` is the
 * request's scheme and host such as `https://example.com`: a destination there is given as a path.
 */
export function matchRedirect(rules: RedirectRules, origin: string, path: string): RedirectMatch | undefined {
  const rule = rules.exact.get(path);
  if (rule) return matchOf(rule, rule.destination, origin);
  for (const { pattern, rule } of rules.dynamic) {
    const captures: Captures = new Map();
    if (!pattern.match(path, captures)) continue;
    const target = substitute(rule.destination, captures, MAX_DESTINATION_CHARS);
    if (target !== undefined) return matchOf(rule, target.startsWith("/") ? collapseSlashes(target) : target, origin);
  }
  return;
}

/** Captures must not turn a path into another host: `/x/* /:splat` with `/x//evil` stays here. */
function collapseSlashes(target: string): string {
  const end = target.search(/[?#]/);
  const path = end < 0 ? target : target.slice(0, end);
  return path.replace(/^[/\\]+|\/+/g, "/") + target.slice(path.length);
}

function matchOf(rule: RedirectRule, target: string, origin: string): RedirectMatch | undefined {
  const url = URL.parse(target, origin);
  if (!url) return;
  // Dot segments can leave slashes at the start.
  const location = url.origin === origin ? url.pathname.replace(/^\/+/, "/") : `${url.origin}${url.pathname}`;
  return { rule, location, query: url.search, fragment: url.hash };
}
