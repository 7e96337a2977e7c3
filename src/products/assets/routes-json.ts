/** `_routes.json` of a Pages project: which paths start code (pages-and-builds.md 9). */
import { matchesGlob, splitGlob } from "./glob.ts";
import { MAX_ROUTES_RULE_CHARS, MAX_ROUTES_RULES } from "./limits.ts";

/** The two lists as the file has them. */
export interface FunctionRoutes {
  include: string[];
  exclude: string[];
}

/** The file is not valid; `message` is for the user. */
export class RoutesJsonError extends Error {
  override name = "RoutesJsonError";
}

/** Without a file every path starts code. */
export const ALL_ROUTES: FunctionRoutes = { include: ["/*"], exclude: [] };

/** Reads and checks the file. Throws {@link RoutesJsonError}. */
export function parseRoutesJson(text: string): FunctionRoutes {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new RoutesJsonError("it is not JSON");
  }
  const { version, include, exclude } = (typeof json === "object" && json !== null ? json : {}) as Record<
    string,
    unknown
  >;
  if (version !== 1) throw new RoutesJsonError('it must have "version": 1');
  const routes = { include: ruleList("include", include), exclude: ruleList("exclude", exclude) };
  if (routes.include.length === 0) throw new RoutesJsonError('"include" must have at least one rule');
  const count = routes.include.length + routes.exclude.length;
  if (count > MAX_ROUTES_RULES)
    throw new RoutesJsonError(`it has ${count} rules; at most ${MAX_ROUTES_RULES} are allowed`);
  refuseCovered("include", routes.include);
  refuseCovered("exclude", routes.exclude);
  return routes;
}

function ruleList(name: string, value: unknown): string[] {
  if (!Array.isArray(value)) throw new RoutesJsonError(`"${name}" must be a list of rules`);
  return value.map((rule: unknown) => {
    if (typeof rule !== "string") throw new RoutesJsonError(`each rule of "${name}" must be text`);
    const shown = JSON.stringify(rule.length > 40 ? `${rule.slice(0, 40)}…` : rule);
    if (rule.length > MAX_ROUTES_RULE_CHARS)
      throw new RoutesJsonError(`the rule ${shown} is longer than ${MAX_ROUTES_RULE_CHARS} characters`);
    if (!rule.startsWith("/")) throw new RoutesJsonError(`the rule ${shown} of "${name}" must start with a slash`);
    return rule;
  });
}

function refuseCovered(name: string, rules: string[]): void {
  for (const wide of rules.filter((rule) => rule.endsWith("/*"))) {
    const narrow = rules.find((rule) => rule !== wide && rule.startsWith(wide.slice(0, -1)));
    if (narrow) throw new RoutesJsonError(`in "${name}" the rule "${narrow}" is redundant, since "${wide}" covers it`);
  }
}

/** Rules made ready: looked up, or compared piece by piece. */
export interface RouteMatcher {
  include: RuleSet;
  exclude: RuleSet;
}

interface RuleSet {
  exact: Set<string>;
  globs: string[][];
}

export function compileRoutes({ include, exclude }: FunctionRoutes): RouteMatcher {
  return { include: ruleSet(include), exclude: ruleSet(exclude) };
}

/** Whether a path starts code: it is included and not excluded. `path` is as in the URL, not decoded. */
export function startsCode({ include, exclude }: RouteMatcher, path: string): boolean {
  return has(include, path) && !has(exclude, path);
}

function has({ exact, globs }: RuleSet, path: string): boolean {
  if (exact.has(path)) return true;
  for (const pieces of globs) if (matchesGlob(pieces, path)) return true;
  return false;
}

function ruleSet(rules: string[]): RuleSet {
  const set: RuleSet = { exact: new Set(), globs: [] };
  for (const pattern of rules.flatMap(patterns)) {
    if (pattern.includes("*")) set.globs.push(splitGlob(pattern));
    else set.exact.add(pattern);
  }
  return set;
}

/** A directory's rule takes the directory itself too, and a rule without a star its path with and without a slash behind. */
function patterns(rule: string): string[] {
  if (rule === "/" || rule === "/*") return [rule];
  if (rule.endsWith("/*")) return [rule.slice(0, -2), rule];
  if (rule.endsWith("/")) return [rule.slice(0, -1), rule];
  return rule.endsWith("*") ? [rule] : [rule, `${rule}/`];
}
