import { readFile } from "node:fs/promises";
import { loadMasterKey, unseal } from "../lib/seal.ts";
import { AccessKeys, type PublishedKey } from "../products/s3/keys.ts";

/** The access keys that control wrote to its file. */
export class AccessKeysOfFile extends AccessKeys {
  readonly #path: string;
  readonly #masterKeyPath: string;
  #text = "";

  constructor(path: string, masterKeyPath: string) {
    super();
    this.#path = path;
    this.#masterKeyPath = masterKeyPath;
  }

  /** Takes over the file as it is now. Before control's first start there is none. Throws when it cannot be read. */
  async reload(): Promise<void> {
    const text = await readFile(this.#path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "[]";
      throw error;
    });
    // It is read with every change of routes, and seldom says anything new.
    if (text === this.#text) return;
    const published = JSON.parse(text) as PublishedKey[];
    const masterKey = published.length === 0 ? Buffer.alloc(0) : loadMasterKey(this.#masterKeyPath);
    this.load(published, (sealed) => unseal(masterKey, sealed));
    this.#text = text;
  }
}
