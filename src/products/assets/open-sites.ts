import type { SiteRecord } from "../../domain/version.ts";
import type { Blobs } from "../../store/platform.ts";
import { AnswerCache } from "./answer-cache.ts";
import type { AccountContents, Contents } from "./contents.ts";
import { Manifest } from "./manifest.ts";
import type { RequestTarget, Site } from "./prepare.ts";
import { NO_REDIRECT_RULES } from "./redirects-file.ts";
import { type AssetRouting, navigationPrefersAssets } from "./route.ts";
import { compileRoutes } from "./routes-json.ts";
import { parseRunWorkerFirst } from "./run-worker-first.ts";
import { openSite } from "./site.ts";

/** A version's site, ready to answer. */
export interface OpenSite {
  readonly site: Site;
  readonly answers: AnswerCache;
  readonly routing: AssetRouting;
  /** The files answer everything while the Worker may not run. */
  readonly failsOpen: boolean;
  readonly contents: AccountContents;
}

/** Sites by the key of their record. Each is opened when first asked for and kept while it is named. */
export class OpenSites {
  readonly #blobs: Pick<Blobs, "get">;
  readonly #contents: Contents;
  readonly #sites = new Map<string, OpenSite>();
  readonly #opening = new Map<string, Promise<OpenSite>>();
  /** Tables by key; versions of the same files share one. */
  readonly #manifests = new Map<string, WeakRef<Manifest>>();

  constructor(blobs: Pick<Blobs, "get">, contents: Contents) {
    this.#blobs = blobs;
    this.#contents = contents;
  }

  /** The site when it is open. */
  get(key: string): OpenSite | undefined {
    return this.#sites.get(key);
  }

  /** Opens the site; callers that come meanwhile share the work. Rejects when its record or table cannot be read. */
  open(key: string): Promise<OpenSite> {
    const known = this.#sites.get(key);
    if (known) return Promise.resolve(known);
    let opening = this.#opening.get(key);
    if (!opening) {
      opening = this.#open(key).finally(() => this.#opening.delete(key));
      this.#opening.set(key, opening);
    }
    return opening;
  }

  /** Forgets all sites but these. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#sites.keys()) if (!keys.has(key)) this.#sites.delete(key);
    for (const [key, manifest] of this.#manifests) if (!manifest.deref()) this.#manifests.delete(key);
  }

  async #open(key: string): Promise<OpenSite> {
    const record = JSON.parse((await this.#read(key)).toString()) as SiteRecord;
    const contents = this.#contents.account(record.accountId);
    const site = openSite(record, await this.#manifest(record.manifest), contents, record.mode);
    const { hasWorker, runWorkerFirst, functionRoutes, compatibilityDate, compatibilityFlags, mode, failClosed } =
      record;
    const opened: OpenSite = {
      site,
      answers: new AnswerCache(site),
      routing: {
        hasWorker,
        runWorkerFirst: parseRunWorkerFirst(runWorkerFirst),
        navigationPrefersAssets: navigationPrefersAssets(compatibilityDate, compatibilityFlags),
        ...(functionRoutes && { functionRoutes: compileRoutes(functionRoutes) }),
      },
      failsOpen: mode === "pages" && !failClosed,
      contents,
    };
    this.#sites.set(key, opened);
    return opened;
  }

  async #manifest(key: string): Promise<Manifest> {
    const known = this.#manifests.get(key)?.deref();
    if (known) return known;
    const bytes = await this.#read(key);
    // Another version with the same files may have been faster.
    const manifest = this.#manifests.get(key)?.deref() ?? new Manifest(bytes);
    this.#manifests.set(key, new WeakRef(manifest));
    return manifest;
  }

  async #read(key: string): Promise<Buffer> {
    const bytes = await this.#blobs.get(key);
    if (!bytes) throw new Error(`the blob store has lost ${key}`);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

/** Answers from the files of an earlier version under the rules of the present one. */
const retainedSites = new WeakMap<OpenSite, WeakMap<OpenSite, AnswerCache>>();

/**
 * What the path shows in `current`; and when that is nothing of its own, in the first of `earlier` (newest first) that has a
 * file there (workers-semantics.md 2.9).
 */
export function findAnswer(current: OpenSite, earlier: readonly OpenSite[], target: RequestTarget) {
  const answer = current.answers.get(target);
  if (answer.own || earlier.length === 0) return answer;
  for (const site of earlier) {
    const found = retained(current, site).get(target);
    if (found.own) return found;
  }
  return answer;
}

/** Its redirects have had their turn, and its not-found pages are those of the present version. */
function retained(current: OpenSite, earlier: OpenSite): AnswerCache {
  let caches = retainedSites.get(current);
  if (!caches) {
    caches = new WeakMap();
    retainedSites.set(current, caches);
  }
  let cache = caches.get(earlier);
  if (!cache) {
    const { manifest } = earlier.site;
    const site: Site = { ...current.site, manifest, redirects: NO_REDIRECT_RULES, notFoundHandling: "none" };
    cache = new AnswerCache(site);
    caches.set(earlier, cache);
  }
  return cache;
}
