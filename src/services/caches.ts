import { rmSync } from "node:fs";
import type { CacheAccess } from "../products/cache/backend.ts";
import { type Purge, ResponseStore } from "../products/cache/store.ts";
import { CACHE_RETRY_MS } from "./limits.ts";

/** What `caches` of Workers hold, for all accounts. Opened when it is first used; thrown away and begun anew when it is damaged. */
export class Caches implements CacheAccess {
  readonly #directory: string;
  readonly #maxBytes: number;
  #store: ResponseStore | undefined;
  #failedAtMs = Number.NEGATIVE_INFINITY;

  constructor(directory: string, maxBytes: number) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  store(): ResponseStore | undefined {
    if (this.#store) return this.#store;
    if (performance.now() - this.#failedAtMs < CACHE_RETRY_MS) return;
    try {
      this.#store = this.#open();
    } catch (error) {
      this.#failedAtMs = performance.now();
      console.error(`The cache of Workers cannot be used: ${error instanceof Error ? error.message : error}`);
    }
    return this.#store;
  }

  failed(error: unknown): void {
    console.error(`The cache of Workers: ${error instanceof Error ? error.message : error}`);
    // Of the files, one that cannot be written is one response less.
    if (!isDatabaseError(error)) return;
    this.close();
  }

  /** Removes what a script has in its caches. Resolves with the number of responses. */
  async purge(accountId: string, script: string, purge: Purge): Promise<number> {
    if (!this.#store && !ResponseStore.exists(this.#directory)) return 0;
    return (await this.store()?.purge(scopeOf(accountId, script), purge)) ?? 0;
  }

  /** Removes what belongs to scripts that are no more. */
  async keepScripts(exists: (accountId: string, script: string) => boolean): Promise<void> {
    if (!this.#store && !ResponseStore.exists(this.#directory)) return;
    await this.store()?.keepScopes((scope) => {
      const [accountId = "", script = ""] = scope.split("/");
      return exists(accountId, script);
    });
  }

  close(): void {
    try {
      this.#store?.close();
    } catch {
      // What is damaged may not even close.
    }
    this.#store = undefined;
  }

  #open(): ResponseStore {
    try {
      return new ResponseStore(this.#directory, this.#maxBytes);
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
      rmSync(this.#directory, { recursive: true, force: true });
      return new ResponseStore(this.#directory, this.#maxBytes);
    }
  }
}

/** A script's caches: all its versions have them together. */
export function scopeOf(accountId: string, script: string): string {
  return `${accountId}/${script}`;
}

function isDatabaseError(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}
