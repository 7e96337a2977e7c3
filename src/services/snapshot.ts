import { readFile } from "node:fs/promises";
import { Homes } from "../domain/homes.ts";
import type { QueuesSnapshot } from "../domain/queues.ts";
import type { RoutedBucketDomain, RoutingSnapshot, Share } from "../domain/routing.ts";
import type { ObservedSnapshot } from "../domain/trace.ts";

/** The active deployments, found by account and script name. */
export class Deployments {
  #shares = new Map<string, Share[]>();

  /** Shares of the script's deployment; undefined when there is no such script, empty when it has no deployment. */
  find(accountId: string, script: string): Share[] | undefined {
    return this.#shares.get(`${accountId}/${script}`);
  }

  /** Takes over a snapshot whole. */
  load(snapshot: RoutingSnapshot): void {
    this.#shares = new Map(snapshot.scripts.map(({ accountId, name, shares }) => [`${accountId}/${name}`, shares]));
  }
}

/** The buckets whose host names are in accounts' zones. */
export class BucketDomains {
  #domains = new Map<string, RoutedBucketDomain>();

  /** By the host name as requests have it, port included or not; undefined when it is no bucket's or is switched off. */
  find(host: string): RoutedBucketDomain | undefined {
    const domain = this.#domains.get(host.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, ""));
    return domain?.enabled ? domain : undefined;
  }

  /** Takes over a snapshot whole. */
  load({ bucketDomains = [] }: RoutingSnapshot): void {
    this.#domains = new Map(bucketDomains.map((domain) => [domain.hostname, domain]));
  }
}

/** Reads the routing snapshot that control wrote. Undefined before its first start. Throws when it cannot be read. */
export async function loadRoutes(path: string): Promise<RoutingSnapshot | undefined> {
  const text = await readIfThere(path);
  return text === undefined ? undefined : JSON.parse(text);
}

/** Reads the homes that control wrote. Before the first deploy there are none. Throws when they cannot be read. */
export async function loadHomes(path: string): Promise<Homes> {
  const text = await readIfThere(path);
  return text === undefined ? new Homes() : new Homes(JSON.parse(text));
}

/** Reads the queues that control wrote; undefined when it has not. Throws when they cannot be read. */
export async function loadQueues(path: string): Promise<QueuesSnapshot | undefined> {
  const text = await readIfThere(path);
  return text === undefined ? undefined : JSON.parse(text);
}

/** Reads the observed scripts that control wrote. Before it has there are none. Throws when they cannot be read. */
export async function loadObserved(path: string): Promise<ObservedSnapshot> {
  const text = await readIfThere(path);
  return text === undefined ? { scripts: [] } : JSON.parse(text);
}

/** Undefined: there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
