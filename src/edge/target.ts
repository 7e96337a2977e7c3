import type { AccessTarget } from "../domain/access.ts";
import type { RoutedScript, Share } from "../domain/routing.ts";
import { Split } from "../domain/split.ts";

/** Where requests for a host go. */
export type Target = HostTarget | PathChoice;

/** A host whose requests go here or there by scheme and path. */
export interface PathChoice {
  kind: "paths";
  /** Whose the host is. */
  accountId: string;
  /** `target`: path and query as sent. */
  choose(secure: boolean, target: string): HostTarget;
}

/** The same for every path of the host. `none`: no such Worker. */
export type HostTarget = { kind: "api" } | StorageTarget | WorkerTarget | { kind: "none" };

export interface StorageTarget {
  kind: "storage";
  /** Whose the host is: set for a bucket's custom domain. */
  accountId?: string;
  /** Over TLS, versions before 1.3 are refused. */
  onlyTls13?: boolean;
}

export interface WorkerTarget {
  kind: "worker";
  script: RoutedScript;
  /** The version that takes the requests, or the first of several. */
  versionId: string;
  /** Set when there are several. */
  split: Split | undefined;
  /** A version or alias URL. */
  preview: boolean;
  /** What an access token must have been made for; absent: everybody may look. */
  access: AccessTarget | undefined;
  /** The host in lower case, without port. */
  hostname: string;
  /** Keys of the sites of versions that have static assets, by version. */
  sites: Readonly<Record<string, string>> | undefined;
  /**
   * Keys of other sites whose files may be asked for: of the versions that share the traffic, since a page's files are asked
   * for by requests that may meet another version, and of those deployed earlier, newest first. Previews show theirs alone.
   */
  retained: readonly string[];
  /**
   * Set when the Worker's route fails open: what is behind the route, which answers once the account's daily requests are used
   * up; but the Worker's own files do, if it has any.
   */
  behind: HostTarget | undefined;
  /** Path of the host below which static assets answer, such as `/blog`; empty: everywhere. */
  prefix: string;
}

export const none: HostTarget = { kind: "none" };

/** Digits of a version id in a preview's host name. */
const VERSION_PREFIX_LENGTH = 8;

/** To the script's deployment; `prefix` as in {@link WorkerTarget}. */
export function deployedTarget(script: RoutedScript, hostname: string, prefix = ""): HostTarget {
  const { shares, sites, retainedSites = [] } = script;
  const sharing = shares.length > 1 ? shares.flatMap(({ versionId }) => sites?.[versionId] ?? []) : [];
  const retained = [...new Set([...sharing, ...retainedSites])];
  return workerTarget(script, hostname, shares, { retained, prefix });
}

/** The scripts that run named previews. */
export class NamedPreviews {
  readonly #byScript: ReadonlyMap<string | undefined, RoutedScript[]>;

  constructor(scripts: RoutedScript[]) {
    const previews = scripts.filter(({ previewOf }) => previewOf);
    this.#byScript = Map.groupBy(previews, ({ previewOf }) => previewOf?.scriptId);
  }

  of(script: RoutedScript): readonly RoutedScript[] {
    return this.#byScript.get(script.id) ?? [];
  }
}

/** To what a name before a script's own means: the first digits of a version's id, an alias, a named preview. */
export function previewTarget(
  script: RoutedScript,
  name: string,
  hostname: string,
  previews: NamedPreviews,
): HostTarget {
  const versionId = versionByPrefix(script, name) ?? aliasVersion(script, name);
  if (versionId !== undefined) return versionTarget(script, versionId, hostname);
  for (const preview of previews.of(script)) {
    if (preview.previewOf?.slug === name) {
      const { shares, retainedSites: retained = [] } = preview;
      return workerTarget(preview, hostname, shares, { retained, preview: true, owner: script });
    }
    const deployment = versionByPrefix(preview, name);
    if (deployment !== undefined) return versionTarget(preview, deployment, hostname, script);
  }
  return none;
}

/** To the version that an alias names, on a host of its own: protected as a preview, but search engines may come, as the original lets them. */
export function aliasTarget(script: RoutedScript, alias: string, hostname: string): HostTarget {
  const versionId = aliasVersion(script, alias);
  if (versionId === undefined) return none;
  return workerTarget(script, hostname, [{ versionId, percentage: 100 }], { retained: [], guarded: true });
}

function versionTarget(script: RoutedScript, versionId: string, hostname: string, owner = script): HostTarget {
  return workerTarget(script, hostname, [{ versionId, percentage: 100 }], { retained: [], preview: true, owner });
}

interface TargetParts {
  retained: string[];
  preview?: boolean;
  /** Protected as previews are; absent: a preview is. */
  guarded?: boolean;
  prefix?: string;
  /** Whose protection holds; absent: the script's own. */
  owner?: RoutedScript;
}

/** `none` for a script that has no deployment. */
function workerTarget(
  script: RoutedScript,
  hostname: string,
  shares: Share[],
  { retained, preview = false, guarded = preview, prefix = "", owner = script }: TargetParts,
): HostTarget {
  const [first, ...more] = shares;
  if (!first) return none;
  return {
    kind: "worker",
    script,
    versionId: first.versionId,
    split: more.length > 0 ? new Split(shares) : undefined,
    preview,
    access: accessTarget(owner, guarded),
    hostname,
    sites: script.sites,
    retained,
    behind: undefined,
    prefix,
  };
}

function accessTarget({ id, protection }: RoutedScript, guarded: boolean): AccessTarget | undefined {
  if (!protection || (protection.scope === "previews" && !guarded)) return undefined;
  return { scriptId: id, epoch: protection.epoch };
}

function versionByPrefix(script: RoutedScript, prefix: string): string | undefined {
  if (prefix.length !== VERSION_PREFIX_LENGTH) return undefined;
  return script.versions.find((versionId) => versionId.startsWith(prefix));
}

function aliasVersion(script: RoutedScript, alias: string): string | undefined {
  return Object.hasOwn(script.aliases, alias) ? script.aliases[alias] : undefined;
}
