import type { Network, Service } from "./config.ts";

/** Name that workerd uses for global `fetch()` and `connect()` when a worker names no other. */
export const INTERNET = "internet";

/**
 * Ranges that workerd counts as public although they lead to private or special places. workerd itself
 * denies loopback, RFC 1918, 100.64/10, link-local (cloud metadata), unique local and multicast (measured).
 * Sources: IANA special-purpose address registries; 168.63.129.16 is Azure's WireServer.
 */
export const SPECIAL_RANGES: readonly string[] = [
  "168.63.129.16/32",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "240.0.0.0/4",
  // Forms of IPv6 that carry an IPv4 address: a translator on the way could turn them into a private one.
  "::/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "2001::/32",
  "2002::/16",
  "100::/64",
  "2001:db8::/32",
  "fec0::/10",
];

/** What workerd itself does not count as public. */
export const PRIVATE_RANGES: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "224.0.0.0/4",
  "fc00::/7",
  "fe80::/10",
  "ff00::/8",
];

/** The internet as Workers see it: public addresses, and private ranges that the operator allows. */
export function internetService(allowPrivate: string[]): Service {
  const network: Network = {
    allow: ["public", ...allowPrivate],
    // At equal specificity workerd lets `deny` win; the operator's word has to.
    deny: SPECIAL_RANGES.filter((range) => !allowPrivate.includes(range)),
    tlsOptions: { trustBrowserCas: true },
  };
  return { name: INTERNET, network };
}

/** An internet without a single address, for code that is only being looked at. */
export function unreachableInternet(): Service {
  return { name: INTERNET, network: { allow: [] } };
}
