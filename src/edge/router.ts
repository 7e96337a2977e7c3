import type { RoutedScript, RoutingSnapshot, Share } from "../domain/routing.ts";
import { Split } from "../domain/split.ts";
import { edgeLimits } from "./limits.ts";

/** Where requests for a host go. `none`: no such Worker. */
export type Target = { kind: "api" } | WorkerTarget | { kind: "none" };

export interface WorkerTarget {
  kind: "worker";
  script: RoutedScript;
  /** The version that takes the requests, or the first of several. */
  versionId: string;
  /** Set when there are several. */
  split: Split | undefined;
  /** A version or alias URL. */
  preview: boolean;
  /** The host in lower case, without port. */
  hostname: string;
  /** Keys of the sites of versions that have static assets, by version. */
  sites: Readonly<Record<string, string>> | undefined;
  /**
   * Keys of other sites whose files may be asked for: of the versions that share the traffic, since a page's files are asked
   * for by requests that may meet another version, and of those deployed earlier, newest first. Previews show theirs alone.
   */
  retained: readonly string[];
}

const api: Target = { kind: "api" };
const none: Target = { kind: "none" };

/** Digits of a version id in a preview's host name. */
const VERSION_PREFIX_LENGTH = 8;

/**
 * Tables made of one routing snapshot. Immutable but for a memory of answers: a new snapshot makes a new router.
 * `domain` is the base domain in lower case.
 */
export class Router {
  readonly generation: number;
  readonly #domain: string;
  /** Scripts by `<name>.<subdomain>`. */
  readonly #scripts = new Map<string, RoutedScript>();
  readonly #answers = new Map<string, Target>();

  constructor(domain: string, snapshot: RoutingSnapshot) {
    this.#domain = domain;
    this.generation = snapshot.generation;
    const subdomains = new Map(snapshot.accounts.map((account) => [account.id, account.subdomain]));
    for (const script of snapshot.scripts) {
      const subdomain = subdomains.get(script.accountId);
      if (subdomain !== undefined) this.#scripts.set(`${script.name}.${subdomain}`.toLowerCase(), script);
    }
  }

  /** The target of a Host header, port included or not. */
  resolve(host: string): Target {
    const known = this.#answers.get(host);
    if (known !== undefined) return known;
    const target = this.#find(normalise(host));
    if (this.#answers.size >= edgeLimits.rememberedHosts) this.#answers.clear();
    this.#answers.set(host, target);
    return target;
  }

  #find(name: string): Target {
    if (name === this.#domain || name === "localhost" || isAddress(name)) return api;
    if (!name.endsWith(`.${this.#domain}`)) return none;
    const [label, subdomain, ...rest] = name.slice(0, -this.#domain.length - 1).split(".");
    if (!label || !subdomain || rest.length > 0) return none;
    const script = this.#scripts.get(`${label}.${subdomain}`);
    if (!script) return this.#findPreview(label, subdomain, name);
    if (!script.enabled) return none;
    const { shares, sites, retainedSites = [] } = script;
    const sharing = shares.length > 1 ? shares.flatMap(({ versionId }) => sites?.[versionId] ?? []) : [];
    return workerTarget(script, name, shares, { retained: [...new Set([...sharing, ...retainedSites])] });
  }

  /** `<prefix>-<script>`, where both may hold dashes: every dash is tried against the tables. */
  #findPreview(label: string, subdomain: string, hostname: string): Target {
    for (let dash = label.indexOf("-"); dash > 0; dash = label.indexOf("-", dash + 1)) {
      const script = this.#scripts.get(`${label.slice(dash + 1)}.${subdomain}`);
      if (!script?.previewsEnabled) continue;
      const prefix = label.slice(0, dash);
      const versionId = versionByPrefix(script, prefix) ?? aliasVersion(script, prefix);
      if (versionId === undefined) continue;
      return workerTarget(script, hostname, [{ versionId, percentage: 100 }], { retained: [], preview: true });
    }
    return none;
  }
}

/** `none` for a script that has no deployment. */
function workerTarget(
  script: RoutedScript,
  hostname: string,
  shares: Share[],
  { retained, preview = false }: { retained: string[]; preview?: boolean },
): Target {
  const [first, ...more] = shares;
  if (!first) return none;
  return {
    kind: "worker",
    script,
    versionId: first.versionId,
    split: more.length > 0 ? new Split(shares) : undefined,
    preview,
    hostname,
    sites: script.sites,
    retained,
  };
}

function versionByPrefix(script: RoutedScript, prefix: string): string | undefined {
  if (prefix.length !== VERSION_PREFIX_LENGTH) return undefined;
  return script.versions.find((versionId) => versionId.startsWith(prefix));
}

function aliasVersion(script: RoutedScript, alias: string): string | undefined {
  return Object.hasOwn(script.aliases, alias) ? script.aliases[alias] : undefined;
}

/** Lower case, without port and without the dot of a fully qualified name. */
function normalise(host: string): string {
  const name = host.toLowerCase();
  if (name.startsWith("[")) return name.slice(0, name.indexOf("]") + 1);
  const colon = name.indexOf(":");
  const bare = colon < 0 ? name : name.slice(0, colon);
  return bare.endsWith(".") ? bare.slice(0, -1) : bare;
}

function isAddress(name: string): boolean {
  return name.startsWith("[") || /^\d{1,3}(\.\d{1,3}){3}$/.test(name);
}
