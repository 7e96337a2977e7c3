import { readFile } from "node:fs/promises";
import { loadMasterKey, unseal } from "../lib/seal.ts";
import type { AccessKeys, PublishedKey } from "../products/s3/keys.ts";

/** Reads the access keys that control wrote. Before its first start there are none. Throws when they cannot be read. */
export async function loadAccessKeys(keys: AccessKeys, path: string, masterKeyPath: string): Promise<void> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "[]";
    throw error;
  });
  const published = JSON.parse(text) as PublishedKey[];
  if (published.length === 0) {
    keys.load([], () => "");
    return;
  }
  const masterKey = loadMasterKey(masterKeyPath);
  keys.load(published, (sealed) => unseal(masterKey, sealed));
}
