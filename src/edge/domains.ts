import { closest } from "../domain/certified-domains.ts";
import { mountOf, parseRoutePattern } from "../domain/route-pattern.ts";
import { matchedTarget, type Route, RouteTable } from "../domain/route-table.ts";
import type { RoutedBucketDomain, RoutedDomain, RoutedScript, RoutedZone, RoutingSnapshot } from "../domain/routing.ts";
import {
  aliasTarget,
  deployedTarget,
  type HostTarget,
  type NamedPreviews,
  none,
  type PathChoice,
  previewTarget,
} from "./target.ts";

/** Where a route leads; null: past the Workers, to what is behind them. */
type Destination = { script: RoutedScript; failOpen: boolean } | null;

/**
 * Host names on the accounts' own domains. A route stands in front of the custom domain of the same host, which is its
 * origin (workers-semantics.md 1.1).
 */
export class Domains {
  readonly #zones: ReadonlyMap<string, RoutedZone>;
  /** Of zones that were met: a snapshot comes with every deploy, and most zones are not asked for between two. */
  readonly #tables = new Map<RoutedZone, RouteTable<Destination>>();
  readonly #domains: ReadonlyMap<string, RoutedDomain>;
  readonly #buckets: ReadonlyMap<string, HostTarget>;
  readonly #scripts: ReadonlyMap<string, RoutedScript>;
  readonly #previews: NamedPreviews;
  /** Of routes that were met, for the host that was met first. There are few routes, but a wildcard has any number of hosts. */
  readonly #targets = new Map<Route<Destination>, HostTarget>();

  constructor({ scripts, zones = [], domains = [], bucketDomains = [] }: RoutingSnapshot, previews: NamedPreviews) {
    this.#previews = previews;
    this.#scripts = new Map(zones.length + domains.length > 0 ? scripts.map((script) => [script.id, script]) : []);
    this.#zones = new Map(zones.map((zone) => [zone.name, zone]));
    this.#domains = new Map(domains.map((domain) => [domain.hostname, domain]));
    this.#buckets = new Map(bucketDomains.map((domain) => [domain.hostname, bucketTarget(domain)]));
  }

  find(hostname: string): HostTarget | PathChoice {
    const origin = this.origin(hostname);
    const zone = this.#zoneOf(hostname);
    const routes = zone && this.#table(zone).forHost(hostname);
    if (!routes) return origin;
    if (routes.only) return this.#targetOf(routes.only, hostname, origin);
    return {
      kind: "paths",
      accountId: zone.accountId,
      choose: (secure, target) => this.#targetOf(routes.match(secure, matchedTarget(target)), hostname, origin),
    };
  }

  /** What a host's routes stand in front of: the script or the bucket whose custom domain it is. */
  origin(hostname: string): HostTarget {
    const domain = this.#domains.get(hostname);
    if (domain) return (domain.enabled && this.#deployed(domain, hostname)) || none;
    const bucket = this.#buckets.get(hostname);
    if (bucket) return bucket;
    const dot = hostname.indexOf(".");
    const above = this.#domains.get(hostname.slice(dot + 1));
    const script = above?.previewsEnabled && this.#scripts.get(above.scriptId);
    return script ? previewTarget(script, hostname.slice(0, dot), hostname, this.#previews) : none;
  }

  /** Whether the host is in a zone in which the script has routes or domains. */
  sharesZone(accountId: string, script: string, hostname: string): boolean {
    const zone = this.#zoneOf(hostname);
    if (zone?.accountId !== accountId) return false;
    const isScript = (id: string | null) => id !== null && this.#scripts.get(id)?.name === script;
    if (zone.routes.some(({ scriptId }) => isScript(scriptId))) return true;
    const own = [...this.#domains.values()].filter(({ scriptId }) => isScript(scriptId));
    return own.some((domain) => this.#zoneOf(domain.hostname) === zone);
  }

  #targetOf(route: Route<Destination> | undefined, hostname: string, origin: HostTarget): HostTarget {
    if (!route?.to) return origin;
    const { script, failOpen } = route.to;
    let target = this.#targets.get(route);
    if (!target) {
      target = deployedTarget(script, hostname, mountOf(route.pattern));
      if (failOpen && target.kind === "worker") target.behind = origin;
      this.#targets.set(route, target);
    }
    if (target.kind !== "worker" || target.hostname === hostname) return target;
    return { ...target, hostname, behind: failOpen ? origin : undefined };
  }

  #deployed({ scriptId, alias }: RoutedDomain, hostname: string): HostTarget | undefined {
    const script = this.#scripts.get(scriptId);
    if (!script) return undefined;
    return alias === undefined ? deployedTarget(script, hostname) : aliasTarget(script, alias, hostname);
  }

  /** The one with the longest name: its routes alone are asked, and those of others say nothing about the host. */
  #zoneOf(hostname: string): RoutedZone | undefined {
    return this.#zones.get(closest(this.#zones, hostname) ?? "");
  }

  #table(zone: RoutedZone): RouteTable<Destination> {
    const known = this.#tables.get(zone);
    if (known) return known;
    const routes = zone.routes.flatMap(({ pattern: text, scriptId, failOpen = false }) => {
      const pattern = parseRoutePattern(text);
      const script = scriptId === null ? null : this.#scripts.get(scriptId);
      // Control checked both; what it wrote before a rule changed must not stop the edge.
      if (typeof pattern === "string" || script === undefined) return [];
      return [{ pattern, to: script && { script, failOpen } }];
    });
    const table = new RouteTable(routes);
    this.#tables.set(zone, table);
    return table;
  }
}

function bucketTarget({ accountId, enabled, minTls }: RoutedBucketDomain): HostTarget {
  if (!enabled) return none;
  return { kind: "storage", accountId, ...(minTls === "1.3" && { onlyTls13: true }) };
}
