import { isWithin } from "./host-name.ts";
import { parseRoutePattern } from "./route-pattern.ts";
import type { RoutingSnapshot } from "./routing.ts";

/** A domain that has a certificate of its own, and the names that it is for, a wildcard standing for one label. */
export interface CertifiedDomain {
  name: string;
  hosts: string[];
}

/** Names of one certificate; what comes later has none. Clients have to take the whole list at each handshake. */
const MAX_HOSTS = 500;

/** The zones, and the custom domains outside of all zones. */
export function certifiedDomains({ zones = [], domains = [], bucketDomains = [] }: RoutingSnapshot): CertifiedDomain[] {
  const hosts = new Map<string, Set<string>>(zones.map(({ name }) => [name, new Set([name, `*.${name}`])]));
  const add = (zone: string, host: string) => {
    const names = hosts.get(zone) ?? new Set();
    const covered = names.has(host) || names.has(`*.${host.slice(host.indexOf(".") + 1)}`);
    if (!covered && names.size < MAX_HOSTS) names.add(host);
    hosts.set(zone, names);
  };
  for (const { hostname, previewsEnabled } of domains) {
    const zone = closest(hosts, hostname) ?? hostname;
    add(zone, hostname);
    if (previewsEnabled) add(zone, `*.${hostname}`);
  }
  for (const { hostname } of bucketDomains) add(closest(hosts, hostname) ?? hostname, hostname);
  for (const { name, routes } of zones) {
    for (const { pattern: text } of routes) {
      const pattern = parseRoutePattern(text);
      if (typeof pattern === "string") continue;
      const { host, anyPrefix } = pattern;
      if (!anyPrefix) add(name, host);
      else if (isWithin(host.slice(1), name)) add(name, `*${host}`);
    }
  }
  return [...hosts].map(([name, names]) => ({ name, hosts: [...names].sort() }));
}

/** The key with the longest name that the host name is in. */
export function closest(keys: { has(name: string): boolean }, hostname: string): string | undefined {
  for (let name = hostname; ; name = name.slice(name.indexOf(".") + 1)) {
    if (keys.has(name)) return name;
    if (!name.includes(".")) return undefined;
  }
}
