import { readFile } from "node:fs/promises";
import { Homes } from "../domain/homes.ts";
import type { QueuesSnapshot } from "../domain/queues.ts";
import type { RoutingSnapshot, Share } from "../domain/routing.ts";
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

  /** Reads the snapshot that control wrote. Before the first deploy there is none. Throws when it cannot be read. */
  async loadFile(path: string): Promise<void> {
    const text = await readIfThere(path);
    if (text !== undefined) this.load(JSON.parse(text));
  }
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

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
