import { bySpecificity, type RoutePattern } from "./route-pattern.ts";

/** A pattern and what its requests go to. */
export interface Route<T> {
  pattern: RoutePattern;
  to: T;
}

/** The routes of a zone, in the form that requests are matched with. Immutable but for what it works out once. */
export class RouteTable<T> {
  readonly #exact: Map<string, Route<T>[]>;
  readonly #suffixes: Map<string, Route<T>[]>;
  /** By the exact host or by the longest suffix that matches: it decides which other suffixes match, so there are few. */
  readonly #hosts = new Map<string, HostRoutes<T>>();

  constructor(routes: readonly Route<T>[]) {
    const ordered = routes.toSorted((a, b) => bySpecificity(a.pattern, b.pattern));
    this.#exact = byHost(ordered.filter(({ pattern }) => !pattern.anyPrefix));
    this.#suffixes = byHost(ordered.filter(({ pattern }) => pattern.anyPrefix));
  }

  /** Routes of a host name in lower case; undefined when it has none. */
  forHost(host: string): HostRoutes<T> | undefined {
    const suffixes: string[] = [];
    if (this.#suffixes.size > 0) {
      for (let start = 0; start < host.length; start++) {
        const suffix = host.slice(start);
        if (this.#suffixes.has(suffix)) suffixes.push(suffix);
      }
    }
    const exact = this.#exact.get(host);
    if (!exact && suffixes.length === 0) return undefined;
    const key = exact ? host : `*${suffixes[0]}`;
    let routes = this.#hosts.get(key);
    if (!routes) {
      const found = [...(exact ?? []), ...suffixes.flatMap((suffix) => this.#suffixes.get(suffix) ?? [])];
      routes = new HostRoutes(found.sort((a, b) => bySpecificity(a.pattern, b.pattern)));
      this.#hosts.set(key, routes);
    }
    return routes;
  }
}

function byHost<T>(routes: Route<T>[]): Map<string, Route<T>[]> {
  return Map.groupBy(routes, ({ pattern }) => pattern.host);
}

/** The routes that a host has, the most specific first. */
export class HostRoutes<T> {
  readonly #http: PathList<T>;
  readonly #https: PathList<T>;
  /** The route that every request of the host takes, whatever its scheme and path. */
  readonly only: Route<T> | undefined;

  constructor(routes: readonly Route<T>[]) {
    const [first] = routes;
    this.only = first && first.pattern.scheme === undefined && takesAll(first.pattern) ? first : undefined;
    const mixed = routes.some(({ pattern }) => pattern.scheme !== undefined);
    this.#http = new PathList(routes.filter(({ pattern }) => pattern.scheme !== "https"));
    this.#https = mixed ? new PathList(routes.filter(({ pattern }) => pattern.scheme !== "http")) : this.#http;
  }

  /** The route of a request. `target` is path and query as {@link matchedTarget} gives them. */
  match(secure: boolean, target: string): Route<T> | undefined {
    return (secure ? this.#https : this.#http).match(target);
  }
}

function takesAll({ path, anySuffix }: RoutePattern): boolean {
  return anySuffix && path === "/";
}

/** Up to as many patterns are tried one after the other. Above, it takes less to look them up (`bench/route-match.ts`). */
const MAX_TRIED = 24;

/** Patterns of one host and scheme, by their paths alone. */
class PathList<T> {
  readonly #routes: Route<T>[] = [];
  readonly #index: PathIndex | undefined;

  constructor(routes: readonly Route<T>[]) {
    for (const route of routes) {
      this.#routes.push(route);
      // Nothing behind it can match.
      if (takesAll(route.pattern)) break;
    }
    if (this.#routes.length > MAX_TRIED) this.#index = new PathIndex(this.#routes.map(({ pattern }) => pattern));
  }

  match(target: string): Route<T> | undefined {
    if (this.#index) return this.#routes[this.#index.find(target)];
    for (const route of this.#routes) {
      const { path, anySuffix } = route.pattern;
      if (anySuffix ? target.startsWith(path) : target === path) return route;
    }
    return undefined;
  }
}

/** Finds the first of many patterns that matches a path. */
class PathIndex {
  readonly #exact = new Map<string, number>();
  readonly #prefixes = new Map<string, number>();
  /** Lengths that prefixes have. */
  readonly #lengths: number[];

  constructor(patterns: readonly RoutePattern[]) {
    for (const [position, { path, anySuffix }] of patterns.entries()) {
      const map = anySuffix ? this.#prefixes : this.#exact;
      if (!map.has(path)) map.set(path, position);
    }
    this.#lengths = [...new Set([...this.#prefixes.keys()].map((prefix) => prefix.length))];
  }

  /** Its position, or -1. */
  find(target: string): number {
    let first = this.#exact.get(target) ?? Number.POSITIVE_INFINITY;
    for (const length of this.#lengths) {
      if (length > target.length) continue;
      const position = this.#prefixes.get(target.slice(0, length));
      if (position !== undefined && position < first) first = position;
    }
    return first === Number.POSITIVE_INFINITY ? -1 : first;
  }
}

/** The request's path and query as patterns are compared with: as the Worker's URL will have them. */
export function matchedTarget(target: string): string {
  // Only these can make a path read differently as a URL: dot segments, and backslashes.
  if (!target.includes("/.") && !target.includes("/%2") && !target.includes("\\")) return target;
  const url = new URL(`http://h${target}`);
  return url.pathname + url.search;
}
