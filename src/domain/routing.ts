import type { Protection } from "./access.ts";
import type { SpentQuotas } from "./daily-requests.ts";

/**
 * The routing snapshot: what edges and services must know to send a request to a version.
 * Control writes it to `routes.json` after each change; the others load it whole and swap.
 */
export interface RoutingSnapshot {
  /** Grows by one with each snapshot. */
  generation: number;
  accounts: { id: string /** DNS label in `<script>.<subdomain>.<base>`. */; subdomain: string }[];
  scripts: RoutedScript[];
  /** Absent: none, as in a file that an earlier release wrote. */
  zones?: RoutedZone[];
  /** Host names that are one script's own (custom domains); unique. */
  domains?: RoutedDomain[];
  /** Host names that are one bucket's own; none is among `domains`. */
  bucketDomains?: RoutedBucketDomain[];
  /** Sessions of remote development: who shows the token reaches the session's script, whatever the host. */
  sessions?: { /** SHA-256 of the token, hex. */ tokenHash: string; accountId: string; scriptName: string }[];
  /** Accounts whose daily requests are used up; absent: none. */
  spent?: SpentQuotas;
}

/** A domain of an account. Host names belong to the zone with the longest name that they end with. */
export interface RoutedZone {
  accountId: string;
  name: string;
  /** As text, valid for the zone. `scriptId` null: requests pass by all Workers that less specific routes name. */
  routes: RoutedRoute[];
}

export interface RoutedRoute {
  pattern: string;
  scriptId: string | null;
  /** While the account's daily requests are used up, the Worker steps aside. */
  failOpen?: true;
}

export interface RoutedDomain {
  hostname: string;
  scriptId: string;
  /** The host itself answers. */
  enabled: boolean;
  /** Versions and aliases answer at `<version8 or alias>.<hostname>`. */
  previewsEnabled: boolean;
  /** What the host shows instead of the deployment: what an alias of the script names. */
  alias?: string;
}

export interface RoutedBucketDomain {
  hostname: string;
  accountId: string;
  bucketId: string;
  enabled: boolean;
  /** Such as `1.3`. */
  minTls?: string;
}

/** Part of a deployment: a version and its share of the requests. */
export interface Share {
  versionId: string;
  /** 0 to 100, to 0.01; the shares of a deployment sum to 100. */
  percentage: number;
}

/** The label under the base domain that host names of Pages projects end in; no account has it. */
export const PAGES_LABEL = "pages";

export interface RoutedScript {
  /** Permanent, and unique whatever the kind of script; routes and domains name scripts so. */
  id: string;
  accountId: string;
  name: string;
  /** `<script>.<subdomain>.<base>` answers. */
  enabled: boolean;
  /** Version and alias URLs answer. */
  previewsEnabled: boolean;
  /** The active deployment; empty for a script that has none. */
  shares: Share[];
  /** Ids of versions that preview URLs may name (the newest 100). */
  versions: string[];
  /** Alias to version id. */
  aliases: Record<string, string>;
  /** Versions that have static assets: version id to the key of its `SiteRecord` in the blob store. */
  sites?: Record<string, string>;
  /** Keys of the sites of versions that were deployed before, newest first, whose files stay reachable for a while. */
  retainedSites?: string[];
  /** Set for the script of a named preview: of which script it is one, and what stands for it in host names. */
  previewOf?: { scriptId: string; slug: string };
  /** A Pages project's label: `<label>.pages.<base>` answers instead of a Worker's host names. */
  pagesLabel?: string;
  /** What keeps a visitor on one version of a split; absent: chance alone decides. */
  affinity?: AffinityRule;
  /** Who looks at its addresses, or some, must have an access token; absent: everybody may. */
  protection?: Protection;
  /** Edges count what becomes of its requests, by version: a rollout is watched. */
  measured?: true;
}

/**
 * From what the edge takes the key of a request that brings none itself: a cookie of the edge's own, the client's
 * address, or a request header (its name in lower case).
 */
export type AffinityRule = "cookie" | "ip" | `header:${string}`;

/** Chooses a version by share. `point` is uniform in [0, 1). Undefined only when there are no shares. */
export function chooseVersion(shares: readonly Share[], point: number): string | undefined {
  if (shares.length === 1) return shares[0]?.versionId;
  let left = point * 100;
  for (const share of shares) {
    left -= share.percentage;
    if (left < 0) return share.versionId;
  }
  return shares.at(-1)?.versionId;
}

/** Keys of all sites that the snapshot names. */
export function namedSites({ scripts }: RoutingSnapshot): Set<string> {
  return new Set(scripts.flatMap(({ sites = {}, retainedSites = [] }) => [...Object.values(sites), ...retainedSites]));
}
