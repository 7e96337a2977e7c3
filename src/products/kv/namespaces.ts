import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { COLLECT_LOCK, type CollectLock, collectLock } from "./collect-lock.ts";
import { MAX_OPEN_NAMESPACES, SWEEP_ALL_MS, SWEEP_MS } from "./limits.ts";
import { KvNamespace } from "./namespace.ts";

const ID = /^[0-9a-f]{32}$/;

/** The namespaces of all accounts, each in `<root>/<account>/<namespace>`; the directory's presence means that it exists. */
export class KvNamespaces {
  readonly #root: string;
  readonly #lock: CollectLock;
  /** By path, those used last at the end. */
  readonly #open = new Map<string, KvNamespace>();
  readonly #timers: NodeJS.Timeout[];
  #sweeping = false;

  constructor(root: string) {
    this.#root = root;
    this.#lock = collectLock(join(root, COLLECT_LOCK));
    this.#timers = [
      setInterval(() => void this.#sweep([...this.#open.keys()]), SWEEP_MS).unref(),
      setInterval(() => void this.#all().then((all) => this.#sweep(all)), SWEEP_ALL_MS).unref(),
    ];
  }

  /** The namespace; undefined when there is none (any more). Throws when its file cannot be opened. */
  find(accountId: string, namespaceId: string): KvNamespace | undefined {
    return this.#find(`${accountId}/${namespaceId}`);
  }

  /** Lets go of a namespace that is being deleted. */
  forget(accountId: string, namespaceId: string): void {
    this.#close(`${accountId}/${namespaceId}`);
  }

  /** Closes all. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const path of [...this.#open.keys()]) this.#close(path);
  }

  #find(path: string): KvNamespace | undefined {
    const known = this.#open.get(path);
    if (known !== undefined) {
      if (this.#open.size > MAX_OPEN_NAMESPACES / 2) {
        this.#open.delete(path);
        this.#open.set(path, known);
      }
      return known;
    }
    const directory = join(this.#root, path);
    if (!existsSync(directory)) return undefined;
    this.#makeRoom();
    const opened = KvNamespace.open(directory);
    this.#open.set(path, opened);
    return opened;
  }

  #makeRoom(): void {
    for (const [path, namespace] of this.#open) {
      if (this.#open.size < MAX_OPEN_NAMESPACES) return;
      if (namespace.idle) this.#close(path);
    }
  }

  #close(path: string): void {
    const namespace = this.#open.get(path);
    if (namespace === undefined) return;
    this.#open.delete(path);
    const close = () => {
      // What is being synced is finished first: its descriptor's number could be another file's by then.
      if (namespace.idle) namespace.close();
      else setTimeout(close, 10);
    };
    close();
  }

  async #all(): Promise<string[]> {
    const paths: string[] = [];
    for (const account of await readdir(this.#root).catch(() => [])) {
      if (!ID.test(account)) continue;
      const ids = await readdir(join(this.#root, account)).catch(() => []);
      paths.push(...ids.filter((id) => ID.test(id)).map((id) => `${account}/${id}`));
    }
    return paths;
  }

  async #sweep(paths: string[]): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    for (const path of paths) {
      try {
        await this.#find(path)?.sweep(this.#lock);
      } catch (error) {
        // It may have been closed or deleted meanwhile; what is left is removed the next time.
        console.error(`KV ${path}: removing what has expired failed:`, error);
      }
    }
    this.#sweeping = false;
  }
}
